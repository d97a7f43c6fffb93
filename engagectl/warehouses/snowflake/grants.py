"""The rights that plan, apply and sync need on Snowflake: as SQL, as Terraform, and what a role lacks of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engagectl.warehouses.contract import Connection, Needs, Role
from engagectl.warehouses.letters import turned

ROLES: Mapping[Role, str] = {"plan": "ENGAGECTL_PLAN", "apply": "ENGAGECTL_APPLY", "sync": "ENGAGECTL_SYNC"}
WAREHOUSE = "ENGAGECTL_WH"
_PLAIN = re.compile(r"[A-Z_][A-Z0-9_$]*")


def written(stored: str) -> str:
    """Write a stored name: bare where Snowflake finds it so, else quoted."""
    return stored if _PLAIN.fullmatch(stored) else '"' + stored.replace('"', '""') + '"'


def grants(database: str, journal: str, form: str) -> str:
    """Return what an administrator runs once. Nothing need exist yet but the database, the compute warehouse and the
    three roles.
    """
    stored = database.upper() if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$]*", database) else database
    schema = turned(journal)
    return _terraform(stored, schema) if form == "terraform" else _sql(written(stored), written(schema))


def _sql(at: str, journal: str) -> str:
    plan, apply, sync = ROLES["plan"], ROLES["apply"], ROLES["sync"]
    lines = [
        "-- run once by an administrator; the roles and the compute warehouse must exist",
        *(f"GRANT USAGE ON WAREHOUSE {WAREHOUSE} TO ROLE {role};" for role in (plan, apply, sync)),
        *(f"GRANT USAGE ON DATABASE {at} TO ROLE {role};" for role in (plan, apply, sync)),
        f"GRANT CREATE SCHEMA ON DATABASE {at} TO ROLE {apply};",
        f"GRANT ROLE {sync} TO ROLE {apply};  -- apply renames what sync keeps in the journal",
        f"CREATE SCHEMA IF NOT EXISTS {at}.{journal};",
        f"GRANT OWNERSHIP ON SCHEMA {at}.{journal} TO ROLE {apply} COPY CURRENT GRANTS;",
        f"GRANT USAGE, CREATE TABLE, CREATE STAGE ON SCHEMA {at}.{journal} TO ROLE {sync};",
        f"GRANT USAGE ON SCHEMA {at}.{journal} TO ROLE {plan};",
        f"GRANT USAGE ON FUTURE SCHEMAS IN DATABASE {at} TO ROLE {plan};",
        f"GRANT USAGE ON FUTURE SCHEMAS IN DATABASE {at} TO ROLE {sync};",
        f"GRANT SELECT ON FUTURE TABLES IN DATABASE {at} TO ROLE {plan};",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON FUTURE TABLES IN DATABASE {at} TO ROLE {sync};",
        "-- for schemas that are there already, such as those that Segment loads:",
        f"-- GRANT USAGE ON ALL SCHEMAS IN DATABASE {at} TO ROLE {plan};",
        f"-- GRANT SELECT ON ALL TABLES IN DATABASE {at} TO ROLE {plan};",
    ]
    return "\n".join(lines)


def _terraform(database: str, journal: str) -> str:
    """For the provider snowflakedb/snowflake, whose resources these are."""
    at, schema = _text(database), _text(f'"{database}"."{journal}"')
    blocks = []
    for one, role in ROLES.items():
        name = str(one)
        blocks += [
            _granted(
                f"{name}_warehouse", role, ["USAGE"], f'object_type = "WAREHOUSE"\n    object_name = "{WAREHOUSE}"'
            ),
            _granted(
                f"{name}_database",
                role,
                ["USAGE", "CREATE SCHEMA"] if name == "apply" else ["USAGE"],
                f'object_type = "DATABASE"\n    object_name = {at}',
            ),
        ]
    of_rows: dict[Role, list[str]] = {"plan": ["SELECT"], "sync": ["SELECT", "INSERT", "UPDATE", "DELETE"]}
    for one, privileges in of_rows.items():
        name, role = str(one), ROLES[one]
        future = f'future {{\n      object_type_plural = "TABLES"\n      in_database        = {at}\n    }}'
        blocks += [
            _granted(f"{name}_schemas", role, ["USAGE"], f"future_schemas_in_database = {at}", kind="on_schema"),
            _granted(f"{name}_tables", role, privileges, future, kind="on_schema_object"),
        ]
    blocks.append(
        f'resource "snowflake_schema" "engagectl_journal" {{\n  database = {at}\n  name     = {_text(journal)}\n}}'
    )
    blocks.append(
        _granted(
            "apply_journal", ROLES["apply"], ["USAGE", "CREATE TABLE"], f"schema_name = {schema}", kind="on_schema"
        )
    )
    blocks.append(
        _granted(
            "sync_journal",
            ROLES["sync"],
            ["USAGE", "CREATE TABLE", "CREATE STAGE"],
            f"schema_name = {schema}",
            kind="on_schema",
        )
    )
    return "\n\n".join(blocks)


def _granted(name: str, role: str, privileges: Sequence[str], on: str, *, kind: str = "on_account_object") -> str:
    listed = ", ".join(_text(one) for one in privileges)
    return (
        f'resource "snowflake_grant_privileges_to_account_role" "engagectl_{name}" {{\n'
        f"  account_role_name = {_text(role)}\n  privileges        = [{listed}]\n"
        f"  {kind} {{\n    {on}\n  }}\n}}"
    )


def _text(value: str) -> str:
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${").replace("%{", "%%{")
    return f'"{text}"'


@dataclass(frozen=True, slots=True)
class Held:
    """What a role may do, its own and what its roles lend it: (privilege, kind of object, name in stored parts)."""

    grants: frozenset[tuple[str, str, tuple[str, ...]]]

    def has(self, privilege: str, kind: str, *name: str) -> bool:
        """Tell whether the privilege is held; an owner holds every one."""
        return any((one, kind, name) in self.grants for one in (privilege, "OWNERSHIP", "ALL"))


def held_by(connection: Connection, role: str) -> Held:
    """Read what a role holds, by SHOW GRANTS, through every role that is granted to it."""
    found: set[tuple[str, str, tuple[str, ...]]] = set()
    seen, ahead = {role}, [role]
    while ahead:
        for row in connection.query(f"SHOW GRANTS TO ROLE {written(ahead.pop())}"):
            privilege, kind, name = str(row[1]), str(row[2]), tuple(parts(str(row[3])))
            found.add((privilege, kind, name))
            if kind == "ROLE" and privilege == "USAGE" and name and name[0] not in seen:
                seen.add(name[0])
                ahead.append(name[0])
    return Held(frozenset(found))


def parts(name: str) -> Iterator[str]:
    """Yield the stored parts of a qualified name, as SHOW GRANTS writes it: CDP."my.schema".T."""
    for quoted, bare in re.findall(r'"((?:[^"]|"")*)"|([^".]+)', name):
        yield quoted.replace('""', '"') if quoted else bare


def missing(connection: Connection, held: Held, journal: str, needs: Needs, role: Role) -> tuple[str, ...]:
    """Return the statements that give a role what it lacks, on what exists; what apply makes comes later."""
    ((database, me, warehouse),) = connection.query("SELECT CURRENT_DATABASE(), CURRENT_ROLE(), CURRENT_WAREHOUSE()")
    schemas = sorted({turned(table.schema) for table in needs.tables} | {turned(journal)})
    marks = ", ".join("?" * len(schemas))
    there = [
        str(name)
        for (name,) in connection.query(
            f"SELECT schema_name FROM information_schema.schemata WHERE schema_name IN ({marks}) ORDER BY 1", schemas
        )
    ]
    tables = [
        (str(schema), str(table))
        for schema, table in connection.query(
            "SELECT table_schema, table_name FROM information_schema.tables"
            f" WHERE table_schema IN ({marks}) AND table_type = 'BASE TABLE' ORDER BY 1, 2",
            schemas,
        )
    ]
    lacks = list(_on_containers(held, str(database), warehouse, schemas, there, turned(journal), role))
    declared = {(turned(table.schema), turned(table.table)) for table in needs.tables}
    merged = {(turned(table.schema), turned(table.table)) for table in needs.merged}
    for schema, table in tables:
        is_journal = schema == turned(journal)
        if not is_journal and (schema, table) not in declared:
            continue
        wanted = _on_table(role, all_four=is_journal or (schema, table) in merged)
        gone = [one for one in wanted if not held.has(one, "TABLE", str(database), schema, table)]
        if gone:
            lacks.append(f"GRANT {', '.join(gone)} ON TABLE {_path(str(database), schema, table)}")
    return tuple(f"{one} TO ROLE {written(str(me))}" for one in lacks)


def _on_table(role: Role, *, all_four: bool) -> tuple[str, ...]:
    match role:
        case "plan":
            return ("SELECT",)
        case "apply":
            return ("OWNERSHIP",)  # only an owner alters a table
        case "sync":
            return ("SELECT", "INSERT", "UPDATE", "DELETE")[: 4 if all_four else 2]


def _on_containers(
    held: Held,
    database: str,
    warehouse: str | None,
    schemas: Sequence[str],
    there: Sequence[str],
    journal: str,
    role: Role,
) -> Iterator[str]:
    if warehouse is None:
        yield f"GRANT USAGE ON WAREHOUSE {WAREHOUSE}"
    elif not held.has("USAGE", "WAREHOUSE", warehouse):
        yield f"GRANT USAGE ON WAREHOUSE {written(warehouse)}"
    if not held.has("USAGE", "DATABASE", database):
        yield f"GRANT USAGE ON DATABASE {written(database)}"
    if role == "apply" and set(schemas) - set(there) and not held.has("CREATE SCHEMA", "DATABASE", database):
        yield f"GRANT CREATE SCHEMA ON DATABASE {written(database)}"
    for schema in there:
        makes = role == "apply" or (role == "sync" and schema == journal)
        wanted = ["USAGE", "CREATE TABLE"] if makes else ["USAGE"]
        wanted += ["CREATE STAGE"] if role == "sync" and schema == journal else []  # a temporary one, for its files
        gone = [one for one in wanted if not held.has(one, "SCHEMA", database, schema)]
        if gone:
            yield f"GRANT {', '.join(gone)} ON SCHEMA {_path(database, schema)}"


def _path(*names: str) -> str:
    return ".".join(map(written, names))
