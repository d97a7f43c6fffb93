"""Where an emulator is not the engine it stands for. Each sentence is in docs/warehouses/<engine>.md, too."""

DEVIATIONS: dict[str, dict[str, str]] = {
    "snowflake": {
        "column comments": "fakesnow accepts a comment on a column and forgets it",
        "views": "fakesnow does not list views in INFORMATION_SCHEMA.TABLES",
        "grants": "fakesnow knows no roles: SHOW GRANTS fails, and every password and key is let in",
        "ddl rollback": "fakesnow rolls DDL back; Snowflake commits it",
        "renamed sizes": "fakesnow forgets the length of a text when its table is renamed",
        "time formats": "fakesnow ignores the format of TO_VARCHAR for a TIMESTAMP_NTZ",
        "type rules": "fakesnow lets DuckDB judge a change of type; Snowflake refuses more",
    }
}


def deviates(engine: str, what: str) -> bool:
    return what in DEVIATIONS.get(engine, {})
