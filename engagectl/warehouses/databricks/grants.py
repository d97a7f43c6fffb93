"""The rights that plan, apply and sync need on Databricks: as SQL, as Terraform, and what a user lacks of them.

Privileges are inherited: what is granted on the catalog holds for every schema and table in it, those to come too
("Manage privileges in Unity Catalog"). So a role is granted on the catalog, or on single schemas to give it less.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engagectl.warehouses.contract import Connection, Needs, Role
from engagectl.warehouses.databricks.dialect import quoted

ROLES: Mapping[Role, str] = {"plan": "engagectl_plan", "apply": "engagectl_apply", "sync": "engagectl_sync"}
"""Groups of the account, or the application ids of service principals."""
_READS = ("USE CATALOG", "USE SCHEMA", "SELECT")
_OF_ROLE: Mapping[Role, tuple[str, ...]] = {
    "plan": _READS,
    "apply": (*_READS, "MODIFY", "CREATE SCHEMA", "CREATE TABLE", "CREATE VOLUME", "READ VOLUME", "WRITE VOLUME"),
    "sync": (*_READS, "MODIFY", "CREATE TABLE", "CREATE VOLUME", "READ VOLUME", "WRITE VOLUME"),
}


def grants(database: str, journal: str, form: str) -> str:
    """Return what an administrator runs once. Nothing need exist yet but the catalog and the three groups."""
    return _terraform(database) if form == "terraform" else _sql(quoted(database), quoted(journal))


def _sql(catalog: str, journal: str) -> str:
    apply = quoted(ROLES["apply"])
    return "\n".join(
        [
            "-- run once by an administrator; the three groups must exist and may use the SQL warehouse (CAN USE)",
            *(
                f"GRANT {', '.join(privileges)} ON CATALOG {catalog} TO {quoted(ROLES[role])};"
                for role, privileges in _OF_ROLE.items()
            ),
            f"CREATE SCHEMA IF NOT EXISTS {catalog}.{journal};",
            f"ALTER SCHEMA {catalog}.{journal} OWNER TO {apply};",
            f"-- tables that others made are renamed by an owner only: ALTER TABLE .. OWNER TO {apply};",
        ]
    )


def _terraform(catalog: str) -> str:
    """For the provider databricks/databricks, whose resource this is: it holds all grants of its catalog."""
    blocks = [
        f"  grant {{\n    principal  = {_text(ROLES[role])}\n    privileges = [{', '.join(map(_text, names))}]\n  }}"
        for role, privileges in _OF_ROLE.items()
        for names in [[one.replace(" ", "_") for one in privileges]]
    ]
    head = f'resource "databricks_grants" "engagectl" {{\n  catalog = {_text(catalog)}\n'
    return head + "\n".join(blocks) + "\n}"


def _text(value: str) -> str:
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${").replace("%{", "%%{")
    return f'"{text}"'


@dataclass(frozen=True, slots=True)
class Held:
    """What a user may do, its own and what its groups lend it: (privilege, name in parts, without the catalog)."""

    grants: frozenset[tuple[str, tuple[str, ...]]]

    def has(self, privilege: str, *name: str) -> bool:
        """Tell whether the privilege is held on an object, or on what holds it; an owner holds every one."""
        held = (name[:parts] for parts in range(len(name) + 1))
        return any((one, at) in self.grants for at in held for one in (privilege, "ALL PRIVILEGES", "OWNER"))


def held(connection: Connection) -> Held:
    """Read the privileges of the user and its groups from the catalog's information_schema."""
    rows = connection.query(
        "SELECT privilege_type, CAST(NULL AS STRING), CAST(NULL AS STRING), grantee FROM"
        " information_schema.catalog_privileges WHERE catalog_name = current_catalog()"
        " UNION ALL SELECT privilege_type, schema_name, CAST(NULL AS STRING), grantee"
        " FROM information_schema.schema_privileges"
        " UNION ALL SELECT privilege_type, table_schema, table_name, grantee FROM information_schema.table_privileges"
        " UNION ALL SELECT 'OWNER', CAST(NULL AS STRING), CAST(NULL AS STRING), catalog_owner"
        " FROM information_schema.catalogs WHERE catalog_name = current_catalog()"
        " UNION ALL SELECT 'OWNER', schema_name, CAST(NULL AS STRING), schema_owner FROM information_schema.schemata"
        " UNION ALL SELECT 'OWNER', table_schema, table_name, table_owner FROM information_schema.tables"
    )
    grantees = sorted({str(row[3]) for row in rows if row[3]})
    mine = set()
    if grantees:
        told = ", ".join("(?)" for _ in grantees)
        asked = f"SELECT grantee FROM VALUES {told} AS v(grantee) WHERE {_IS_ME}"
        mine = {str(name) for (name,) in connection.query(asked, grantees)}
    return Held(
        frozenset(
            (str(privilege).replace("_", " ").upper(), tuple(str(part).lower() for part in name if part is not None))
            for privilege, *name, grantee in rows
            if grantee in mine
        )
    )


_IS_ME = "grantee = current_user() OR is_account_group_member(grantee)"


def missing(connection: Connection, journal: str, needs: Needs, role: str) -> tuple[str, ...]:
    """Return the statements that give the user what it lacks, on what exists; what apply makes comes later."""
    ((catalog, me),) = connection.query("SELECT current_catalog(), current_user()")
    schemas = sorted({table.schema for table in needs.tables} | {journal})
    marks = ", ".join("?" * len(schemas))
    there = [
        str(name)
        for (name,) in connection.query(
            f"SELECT schema_name FROM information_schema.schemata WHERE schema_name IN ({marks}) ORDER BY 1", schemas
        )
    ]
    tables = connection.query(
        f"SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ({marks}) ORDER BY 1, 2",
        schemas,
    )
    declared = {(table.schema, table.table) for table in needs.tables}
    found = held(connection)
    lacks = list(_on_containers(found, str(catalog), schemas, there, journal, role))
    for schema, table in tables:
        if schema != journal and (schema, table) not in declared:
            continue
        wanted = ("SELECT",) if role == "plan" else ("SELECT", "MODIFY")
        gone = [one for one in wanted if not found.has(one, str(schema), str(table))]
        if gone:
            lacks.append(f"GRANT {', '.join(gone)} ON TABLE {_path(str(catalog), str(schema), str(table))}")
    return tuple(f"{one} TO {quoted(str(me))}" for one in lacks)


def _on_containers(
    found: Held, catalog: str, schemas: Sequence[str], there: Sequence[str], journal: str, role: str
) -> Iterator[str]:
    if not found.has("USE CATALOG"):
        yield f"GRANT USE CATALOG ON CATALOG {quoted(catalog)}"
    if role == "apply" and set(schemas) - set(there) and not found.has("CREATE SCHEMA"):
        yield f"GRANT CREATE SCHEMA ON CATALOG {quoted(catalog)}"
    for schema in there:
        makes = role == "apply" or (role == "sync" and schema == journal)
        wanted = ["USE SCHEMA", "CREATE TABLE"] if makes else ["USE SCHEMA"]
        if role == "sync" and schema == journal:
            wanted += ["CREATE VOLUME", "READ VOLUME", "WRITE VOLUME"]
        gone = [one for one in wanted if not found.has(one, schema)]
        if gone:
            yield f"GRANT {', '.join(gone)} ON SCHEMA {_path(catalog, schema)}"


def _path(*names: str) -> str:
    return ".".join(map(quoted, names))
