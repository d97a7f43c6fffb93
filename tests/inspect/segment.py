"""A warehouse as Segment's loader leaves it: classic schema `engage_default`, storage actions in `default`."""

from dataclasses import dataclass, field

from engagectl.model.schema import TableName
from engagectl.render import ident, table_sql
from engagectl.warehouses.contract import Connection, Warehouse

TYPES = {
    "duckdb": {"text": "VARCHAR", "time": "TIMESTAMPTZ", "number": "DOUBLE", "naive": "TIMESTAMP", "short": "VARCHAR"},
    "postgres": {
        "text": "text",
        "time": "timestamptz",
        "number": "numeric",
        "naive": "timestamp",
        "short": "varchar(512)",
    },
    "redshift": {
        "text": "varchar(65535)",
        "time": "timestamptz",
        "number": "numeric(38, 9)",
        "naive": "timestamp",
        "short": "varchar(512)",
    },
    "bigquery": {
        "text": "STRING",
        "time": "TIMESTAMP",
        "number": "FLOAT64",
        "naive": "DATETIME",
        "short": "STRING(512)",
    },
    "snowflake": {
        "text": "VARCHAR",
        "time": "TIMESTAMP_TZ",
        "number": "FLOAT",
        "naive": "TIMESTAMP_NTZ",
        "short": "VARCHAR(512)",
    },
    "databricks": {
        "text": "STRING",
        "time": "TIMESTAMP",
        "number": "DOUBLE",
        "naive": "TIMESTAMP_NTZ",
        "short": "VARCHAR(512)",
    },
}
STANDARD = {
    "id": "text",
    "anonymous_id": "text",
    "user_id": "text",
    "received_at": "time",
    "sent_at": "time",
    "timestamp": "time",
    "original_timestamp": "time",
    "uuid_ts": "time",
    "context_ip": "text",
    "context_personas_computation_key": "text",
    "context_page_width": "number",
}
EVENT = {**STANDARD, "event": "text", "event_text": "text"}
ACTIVATION = {
    "id": "text",
    "received_at": "time",
    "user_id": "text",
    "audience_key": "text",
    "personas_computation_key": "text",
    "event_name": "text",
    "entity_context": "text",
}


@dataclass
class Segment:
    """Writes through a connection of the engine, as a loader of its own would."""

    session: Connection
    engine: Warehouse
    number: int = 0
    columns: dict[str, dict[str, str]] = field(default_factory=dict)

    def table(self, name: str, columns: dict[str, str]) -> None:
        """Create schema.table; types are the words of TYPES, or the engine's own."""
        schema, _, table = name.partition(".")
        words = TYPES[self.engine.name]
        inside = ", ".join(
            f"{ident(self.engine, column)} {words.get(type_, type_)}" for column, type_ in columns.items()
        )
        self.session.execute(f"CREATE SCHEMA IF NOT EXISTS {ident(self.engine, schema)}")
        self.session.execute(f"CREATE TABLE {table_sql(self.engine, TableName(schema, table))} ({inside})")
        self.columns[name] = columns

    def row(self, name: str, **values: object) -> None:
        """Insert one row; id, times and user are filled in where the table has them."""
        self.number += 1
        at = f"2024-01-02 00:{self.number // 60 % 60:02d}:{self.number % 60:02d}"
        row: dict[str, object] = {
            column: f"{at}+00" if type_ == "time" else at
            for column, type_ in self.columns[name].items()
            if type_ in ("time", "naive")
        }
        row |= {"id": f"m{self.number}", "user_id": f"u{self.number}"}
        row |= values
        row = {column: value for column, value in row.items() if column in self.columns[name]}
        schema, _, table = name.partition(".")
        words = TYPES[self.engine.name]
        marks = ", ".join(
            f"CAST(? AS {words.get(self.columns[name][column], self.columns[name][column])})" for column in row
        )
        named = ", ".join(ident(self.engine, column) for column in row)
        place = table_sql(self.engine, TableName(schema, table))
        self.session.execute(f"INSERT INTO {place} ({named}) SELECT {marks}", tuple(row.values()))

    def fill(self) -> None:
        """Make the usual tables and a few rows."""
        self.table("engage_default.identifies", {**STANDARD, "vip": "boolean", "revenue": "number", "plan": "text"})
        self.table(
            "engage_default.users",
            {"id": "text", "user_id": "text", "received_at": "time", "uuid_ts": "time"}
            | {"vip": "boolean", "revenue": "number", "plan": "text", "never": "text"},
        )
        self.table("engage_default.tracks", EVENT)
        for event in ("audience_entered", "audience_exited"):
            self.table(f"engage_default.{event}", {**EVENT, "audience_key": "text", "vip": "boolean"})
        self.table("engage_default.trait_computed", {**EVENT, "trait_key": "text", "revenue": "number"})
        self.table("engage_default.product_viewed", {**EVENT, "sku": "text"})
        self.table("default.vip_log", ACTIVATION)
        self.row("engage_default.identifies", vip="true")
        self.row("engage_default.identifies", revenue="450.5", plan="pro")
        self.row("engage_default.users", vip="true", revenue="450.5", plan="pro")
        entered = {"event": "audience_entered", "event_text": "Audience Entered", "audience_key": "vip", "vip": "true"}
        self.row("engage_default.audience_entered", **entered)
        self.row("engage_default.tracks", event="audience_entered", event_text="Audience Entered")
        self.row(
            "engage_default.trait_computed",
            event="trait_computed",
            event_text="Trait Computed",
            trait_key="revenue",
            revenue="450.5",
        )
        self.row("default.vip_log", audience_key="vip", personas_computation_key="vip", event_name="Audience Entered")
