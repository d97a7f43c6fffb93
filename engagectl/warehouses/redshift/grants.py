"""The rights that plan, apply and sync need on Redshift: as SQL, as Terraform, and what a user lacks of them.

Three users rather than roles: whoever is signed in then owns what it makes, and only an owner alters a table.
"""

from collections.abc import Mapping

from engagectl.warehouses.contract import Connection, Needs, Role

USERS: Mapping[Role, str] = {"plan": "engagectl_plan", "apply": "engagectl_apply", "sync": "engagectl_sync"}


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def grants(database: str, journal: str, form: str) -> str:
    """Return what an administrator runs once. Nothing need exist yet but the database and the three users.

    "Scoped permissions": what is granted FOR TABLES IN DATABASE holds for those of later, too.
    """
    return _terraform(database, journal) if form == "terraform" else _sql(quoted(database), quoted(journal))


def _sql(at: str, journal: str) -> str:
    plan, apply, sync = (quoted(USERS[one]) for one in ("plan", "apply", "sync"))
    return "\n".join(
        [
            "-- run once by an administrator, in this database; the three users must exist",
            f"GRANT CREATE, TEMP ON DATABASE {at} TO {apply};",
            f"GRANT TEMP ON DATABASE {at} TO {sync};",
            f"CREATE SCHEMA IF NOT EXISTS {journal} AUTHORIZATION {apply};",
            f"GRANT USAGE, CREATE ON SCHEMA {journal} TO {sync};",
            f"GRANT USAGE FOR SCHEMAS IN DATABASE {at} TO {plan};",
            f"GRANT SELECT FOR TABLES IN DATABASE {at} TO {plan};",
            f"GRANT USAGE FOR SCHEMAS IN DATABASE {at} TO {sync};",
            f"GRANT SELECT, INSERT, UPDATE, DELETE FOR TABLES IN DATABASE {at} TO {sync};",
            f"GRANT SELECT, INSERT, UPDATE, DELETE FOR TABLES IN SCHEMA {journal} DATABASE {at} TO {apply};",
            f"GRANT SELECT ON svv_table_info TO {plan};  -- how many rows a table holds; optional",
        ]
    )


def _terraform(database: str, journal: str) -> str:
    """For the provider brainly/redshift, whose resources these are; it has none for scoped permissions."""
    plan, apply, sync = USERS["plan"], USERS["apply"], USERS["sync"]
    blocks = [
        _block("redshift_schema", "engagectl", name=journal, owner=apply),
        _block("redshift_grant", "apply_database", user=apply, object_type="database", privileges=["create", "temp"]),
        _block("redshift_grant", "sync_database", user=sync, object_type="database", privileges=["temp"]),
        _block(
            "redshift_grant",
            "sync_journal",
            user=sync,
            schema=journal,
            object_type="schema",
            privileges=["usage", "create"],
        ),
        _block("redshift_grant", "plan_journal", user=plan, schema=journal, object_type="schema", privileges=["usage"]),
    ]
    for name, user, privileges in (
        ("plan_tables", plan, ["select"]),
        ("sync_tables", sync, ["select", "insert", "update", "delete"]),
    ):
        blocks.append(
            _block(
                "redshift_default_privileges",
                name,
                user=user,
                owner=apply,
                object_type="table",
                privileges=privileges,
            )
        )
    told = f"# of database {_value(database)}; USAGE on the schemas that apply makes is granted when they are there\n"
    return told + "\n\n".join(blocks)


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
    ((database, creates, temporary),) = connection.query(
        "SELECT current_database(), has_database_privilege(current_database(), 'create'),"
        " has_database_privilege(current_database(), 'temp')"
    )
    schemas = sorted({table.schema for table in needs.tables} | {journal})
    marks = ", ".join("?" * len(schemas))
    found = {
        str(name): (uses, makes)
        for name, uses, makes in connection.query(
            "SELECT nspname, has_schema_privilege(nspname, 'usage'), has_schema_privilege(nspname, 'create')"
            f" FROM pg_namespace WHERE nspname IN ({marks})",
            schemas,
        )
    }
    to, lacks = f"TO {quoted(user)}", list[str]()
    if role == "apply" and not creates and any(schema not in found for schema in schemas):
        lacks.append(f"GRANT CREATE ON DATABASE {quoted(database)} {to}")
    if role == "sync" and not temporary:
        lacks.append(f"GRANT TEMP ON DATABASE {quoted(database)} {to}")
    for schema, (uses, makes) in sorted(found.items()):
        wants = [] if uses else ["USAGE"]
        if not makes and (role == "apply" or (role == "sync" and schema == journal)):
            wants.append("CREATE")
        if wants:
            lacks.append(f"GRANT {', '.join(wants)} ON SCHEMA {quoted(schema)} {to}")
    return (*lacks, *_on_tables(connection, journal, needs, role, user, schemas))


def _on_tables(
    connection: Connection, journal: str, needs: Needs, role: Role, user: str, schemas: list[str]
) -> list[str]:
    wanted = _PRIVILEGES if role == "sync" else _PRIVILEGES[:1]
    marks = ", ".join("?" * len(schemas))
    has = ", ".join(f"has_table_privilege(c.oid, '{one.lower()}')" for one in _PRIVILEGES)
    tables = connection.query(
        f"SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner), {has}"
        " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        f" WHERE n.nspname IN ({marks}) AND c.relkind = 'r' ORDER BY 1, 2",
        schemas,
    )
    declared = {(table.schema, table.table) for table in needs.tables}
    merged = {(table.schema, table.table) for table in needs.merged}
    lacks = []
    for schema, table, owner, *held in tables:
        place = f"{quoted(schema)}.{quoted(table)}"
        if schema != journal and (schema, table) not in declared:
            continue
        if role == "apply":
            if owner != user:
                lacks.append(f"ALTER TABLE {place} OWNER TO {quoted(user)}")  # only an owner alters a table
            continue
        count = 4 if role == "sync" and (schema == journal or (schema, table) in merged) else min(2, len(wanted))
        wants = [name for name, is_held in zip(wanted[:count], held, strict=False) if not is_held]
        if wants:
            lacks.append(f"GRANT {', '.join(wants)} ON TABLE {place} TO {quoted(user)}")
    return lacks


_PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE")
