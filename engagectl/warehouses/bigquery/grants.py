"""The rights that plan, apply and sync need on BigQuery: as SQL, as Terraform, and on a single table."""

from collections.abc import Mapping, Sequence

from engagectl.model.schema import TableName
from engagectl.warehouses.bigquery.spelling import name as quoted
from engagectl.warehouses.contract import Role

ACCOUNTS: Mapping[Role, str] = {"plan": "engagectl-plan", "apply": "engagectl-apply", "sync": "engagectl-sync"}
PERMISSIONS: Mapping[Role, tuple[str, ...]] = {
    "plan": ("bigquery.tables.get", "bigquery.tables.getData"),
    "apply": ("bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.update", "bigquery.tables.updateData"),
    "sync": ("bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.updateData"),
}
"""What each needs on a table ("IAM roles and permissions")."""

_PROJECT_ROLES: Mapping[Role, tuple[str, ...]] = {
    "plan": ("roles/bigquery.jobUser", "roles/bigquery.metadataViewer"),
    "apply": ("roles/bigquery.user", "roles/bigquery.metadataViewer"),  # user runs jobs, and creates datasets
    "sync": ("roles/bigquery.jobUser", "roles/bigquery.metadataViewer"),
}
_JOURNAL_ROLES: Mapping[Role, str] = {
    "plan": "roles/bigquery.dataViewer",
    "apply": "roles/bigquery.dataOwner",
    "sync": "roles/bigquery.dataEditor",
}
_TABLE_ROLES: Mapping[Role, str] = {
    "plan": "roles/bigquery.dataViewer",
    "apply": "roles/bigquery.dataEditor",
    "sync": "roles/bigquery.dataEditor",
}


def grants(project: str, journal: str, form: str) -> str:
    """Return what an administrator runs once. Nothing need exist yet but the project and the three accounts."""
    return _terraform(project, journal) if form == "terraform" else _sql(project, journal)


def _sql(project: str, journal: str) -> str:
    at = f"{quoted(project)}.{quoted(journal)}"
    lines = [
        "-- run once by an administrator; the service accounts must exist. Roles on a project are no SQL: gcloud",
        *(
            f"-- gcloud projects add-iam-policy-binding {project} --member={_member(one, project)} --role={role}"
            for one, roles in _PROJECT_ROLES.items()
            for role in roles
        ),
        f"CREATE SCHEMA IF NOT EXISTS {at};",
        *(f'GRANT {quoted(role)} ON SCHEMA {at} TO "{_member(one, project)}";' for one, role in _JOURNAL_ROLES.items()),
        "-- apply owns the datasets that it creates; sync is let into each of them, and plan reads rows for `inspect`:",
        _on_dataset("sync", project),
        _on_dataset("plan", project),
        "-- for datasets that are there already, and are to be changed:",
        _on_dataset("apply", project),
    ]
    return "\n".join(lines)


def _on_dataset(role: Role, project: str) -> str:
    return f'-- GRANT {quoted(_TABLE_ROLES[role])} ON SCHEMA {quoted(project)}.`DATASET` TO "{_member(role, project)}";'


def _member(role: Role, project: str) -> str:
    return f"serviceAccount:{ACCOUNTS[role]}@{project}.iam.gserviceaccount.com"


def _terraform(project: str, journal: str) -> str:
    """For the provider hashicorp/google, whose resources these are."""
    blocks = [
        _block(
            "google_bigquery_dataset",
            "engagectl_journal",
            [("project", _text(project)), ("dataset_id", _text(journal))],
        )
    ]
    blocks += [
        _block(
            "google_project_iam_member",
            f"engagectl_{one}_{role.rpartition('.')[2].lower()}",
            [("project", _text(project)), ("role", _text(role)), ("member", _text(_member(one, project)))],
        )
        for one, roles in _PROJECT_ROLES.items()
        for role in roles
    ]
    for one, role in _JOURNAL_ROLES.items():
        blocks.append(
            _block(
                "google_bigquery_dataset_iam_member",
                f"engagectl_{one}_journal",
                [
                    ("project", _text(project)),
                    ("dataset_id", "google_bigquery_dataset.engagectl_journal.dataset_id"),
                    ("role", _text(role)),
                    ("member", _text(_member(one, project))),
                ],
            )
        )
    return "\n\n".join(blocks)


def _block(kind: str, name: str, fields: Sequence[tuple[str, str]]) -> str:
    wide = max(len(field) for field, _ in fields)
    inside = "\n".join(f"  {field:<{wide}} = {value}" for field, value in fields)
    return f'resource "{kind}" "{name}" {{\n{inside}\n}}'


def _text(value: str) -> str:
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${").replace("%{", "%%{")
    return f'"{text}"'


def on_table(role: Role, project: str, table: TableName, account: str) -> str:
    """Return the statement that gives an account what a role needs on one table."""
    place = ".".join(map(quoted, (project, table.schema, table.table)))
    kind = "serviceAccount" if account.endswith(".gserviceaccount.com") else "user"
    return f'GRANT {quoted(_TABLE_ROLES[role])} ON TABLE {place} TO "{kind}:{account}"'
