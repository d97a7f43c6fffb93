"""What `doctor` looks at in a DuckDB database that could be opened."""

from datetime import datetime

from engagectl.warehouses.contract import NO_NEEDS, Check, Connection, Needs


def grants(database: str, journal: str, form: str) -> str:  # noqa: ARG001  every warehouse is asked the same
    """A DuckDB file has no roles."""
    mark = "#" if form == "terraform" else "--"
    return f"{mark} DuckDB has no roles: who may write the file may apply and sync, who may read it may plan"


def doctor(
    connection: Connection,
    journal: str,
    needs: Needs = NO_NEEDS,  # noqa: ARG001  a file has no grants
    now: datetime | None = None,  # noqa: ARG001  nor a clock of its own
) -> tuple[Check, ...]:
    """Return one line per thing looked at. Nothing is written."""
    ((zone,),) = connection.query("SELECT current_setting('TimeZone')")
    ((outside,),) = connection.query("SELECT current_setting('enable_external_access')")
    ((recorded,),) = connection.query(
        "SELECT count(*) FROM duckdb_schemas() WHERE database_name = current_database() AND schema_name = ?", (journal,)
    )
    return (
        Check(name="version", ok=True, detail=connection.version),
        Check(name="time zone", ok=zone == "UTC", detail=str(zone)),
        Check(name="locked down", ok=not outside, detail="no files, no network" if not outside else "open"),
        Check(
            name="journal",
            ok=True,
            detail=f"schema {journal} is there" if recorded else f"schema {journal} is not there yet; apply creates it",
        ),
    )
