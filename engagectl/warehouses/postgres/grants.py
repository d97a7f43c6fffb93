"""The rights that plan, apply and sync need on PostgreSQL: as SQL, as Terraform, and what a user lacks of them."""

from collections.abc import Mapping

from engagectl.warehouses.contract import Connection, Needs, Role

ROLES: Mapping[Role, str] = {"plan": "engagectl_plan", "apply": "engagectl_apply", "sync": "engagectl_sync"}


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def grants(database: str, journal: str, form: str, roles: Mapping[Role, str] = ROLES) -> str:
    """Return what an administrator runs once. Nothing need exist yet but the database and the three roles."""
    return _terraform(database, journal, roles) if form == "terraform" else _sql(database, journal, roles)


def _sql(database: str, journal: str, roles: Mapping[Role, str]) -> str:
    plan, apply, sync = (quoted(roles[role]) for role in ("plan", "apply", "sync"))
    at, made = quoted(database), f"ALTER DEFAULT PRIVILEGES FOR ROLE {apply}"
    return "\n".join(
        [
            "-- run once by an administrator, in this database; the three roles must exist",
            f"GRANT CONNECT ON DATABASE {at} TO {plan}, {apply}, {sync};",
            f"GRANT CREATE ON DATABASE {at} TO {apply};",
            f"GRANT {sync} TO {apply};  -- apply renames what sync keeps in the journal",
            f"CREATE SCHEMA IF NOT EXISTS {quoted(journal)} AUTHORIZATION {apply};",
            f"GRANT USAGE ON SCHEMA {quoted(journal)} TO {plan};",
            f"GRANT USAGE, CREATE ON SCHEMA {quoted(journal)} TO {sync};",
            f"{made} GRANT USAGE ON SCHEMAS TO {plan}, {sync};",
            f"{made} GRANT SELECT ON TABLES TO {plan};",
            f"{made} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {sync};",
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {sync} GRANT SELECT ON TABLES TO {plan};",
        ]
    )


def _terraform(database: str, journal: str, roles: Mapping[Role, str]) -> str:
    """For the provider cyrilgdn/postgresql, whose resources these are."""
    plan, apply, sync = roles["plan"], roles["apply"], roles["sync"]
    blocks = [
        _block("postgresql_schema", "engagectl", name=journal, database=database, owner=apply),
        _block("postgresql_grant_role", "apply_is_sync", role=apply, grant_role=sync),
        _grant("apply_database", database, apply, "database", ["CONNECT", "CREATE"]),
        _grant("plan_journal", database, plan, "schema", ["USAGE"], schema=journal),
        _grant("sync_journal", database, sync, "schema", ["USAGE", "CREATE"], schema=journal),
    ]
    for name, role, owner, kind, privileges in (
        ("plan_schemas", plan, apply, "schema", ["USAGE"]),
        ("sync_schemas", sync, apply, "schema", ["USAGE"]),
        ("plan_tables", plan, apply, "table", ["SELECT"]),
        ("sync_tables", sync, apply, "table", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
        ("plan_times", plan, sync, "table", ["SELECT"]),
    ):
        said: dict[str, str | list[str]] = {
            "database": database,
            "role": role,
            "owner": owner,
            "object_type": kind,
            "privileges": privileges,
        }
        blocks.append(_block("postgresql_default_privileges", name, **said))
    return "\n\n".join(blocks)


def _grant(name: str, database: str, role: str, kind: str, privileges: list[str], **more: str) -> str:
    said: dict[str, str | list[str]] = {
        "database": database,
        "role": role,
        **more,
        "object_type": kind,
        "privileges": privileges,
    }
    return _block("postgresql_grant", name, **said)


def _block(kind: str, block: str, **said: str | list[str]) -> str:
    width = max(map(len, said))
    lines = [f"  {key.ljust(width)} = {_value(value)}" for key, value in said.items()]
    return "\n".join([f'resource "{kind}" "engagectl_{block}" {{', *lines, "}"])


def _value(value: str | list[str]) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${").replace("%{", "%%{")
    return f'"{text}"'


def missing(connection: Connection, journal: str, needs: Needs, role: Role, user: str) -> tuple[str, ...]:
    """Return the statements that give a user what it lacks for a role, on what exists; what apply makes comes later."""
    ((database, creates),) = connection.query(
        "SELECT current_database(), has_database_privilege(current_database(), 'CREATE')"
    )
    schemas = sorted({table.schema for table in needs.tables} | {journal})
    found = {
        name: (uses, makes)
        for name, uses, makes in connection.query(
            "SELECT nspname, has_schema_privilege(oid, 'USAGE'), has_schema_privilege(oid, 'CREATE')"
            " FROM pg_namespace WHERE nspname = ANY(?)",
            (schemas,),
        )
    }
    to, lacks = f"TO {quoted(user)}", list[str]()
    if role == "apply" and not creates and any(schema not in found for schema in schemas):
        lacks.append(f"GRANT CREATE ON DATABASE {quoted(database)} {to}")
    for schema, (uses, makes) in sorted(found.items()):
        wants = [] if uses else ["USAGE"]
        if not makes and (role == "apply" or (role == "sync" and schema == journal)):
            wants.append("CREATE")
        if wants:
            lacks.append(f"GRANT {', '.join(wants)} ON SCHEMA {quoted(schema)} {to}")
    tables = connection.query(
        "SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner), pg_has_role(c.relowner, 'USAGE'),"
        " has_table_privilege(c.oid, 'SELECT'), has_table_privilege(c.oid, 'INSERT'),"
        " has_table_privilege(c.oid, 'UPDATE'), has_table_privilege(c.oid, 'DELETE')"
        " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = ANY(?) AND c.relkind IN ('r', 'p') ORDER BY 1, 2",
        (schemas,),
    )
    declared = {(table.schema, table.table) for table in needs.tables}
    merged = {(table.schema, table.table) for table in needs.merged}
    for schema, table, owner, owns, *has in tables:
        if schema != journal and (schema, table) not in declared:
            continue
        if role == "apply":
            if not owns:
                lacks.append(f"GRANT {quoted(owner)} {to}")  # only an owner alters a table
            continue
        all_four = role == "sync" and (schema == journal or (schema, table) in merged)
        wanted = ("SELECT", "INSERT", "UPDATE", "DELETE")[: 1 if role == "plan" else 4 if all_four else 2]
        wants = [name for name, held in zip(wanted, has, strict=False) if not held]
        if wants:
            lacks.append(f"GRANT {', '.join(wants)} ON TABLE {quoted(schema)}.{quoted(table)} {to}")
    return tuple(dict.fromkeys(lacks))
