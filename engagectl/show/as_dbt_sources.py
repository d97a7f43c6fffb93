"""A schema as a dbt `sources:` file. Every value is a JSON string, which YAML reads as it stands."""

import json
from collections.abc import Iterator

from engagectl.model.column_type import type_text
from engagectl.model.schema import Table
from engagectl.show.declared import DeclaredSchema

_TIMED = ("users", "identifies", "tracks")  # a table of one event is quiet for as long as nobody enters or leaves
_LOADED_AT = ("uuid_ts", "received_at")  # when a row was loaded; else when Segment received it


def as_dbt_sources(schema: DeclaredSchema) -> str:
    """Return the file's text. Freshness warns after two schedules without a row, and fails after four; tables of one
    event, and those that load when a run ends, have none.
    """
    lines = [
        "# written by engagectl export dbt-sources; written anew, not edited",
        "version: 2",
        "sources:",
        f"  - name: {_text(schema.name)}",
        f"    schema: {_text(schema.name)}",
    ]
    if schema.every_s:
        lines.append("    freshness:")
        for word, times in (("warn_after", 2), ("error_after", 4)):
            count, period = _period(schema.every_s * times)
            lines.append(f"      {word}: {{count: {count}, period: {period}}}")
    lines.append("    tables:")
    for table in schema.tables:
        lines += _table(table, is_timed=bool(schema.every_s) and table.name.table in _TIMED)
    return "\n".join(lines) + "\n"


def _table(table: Table, *, is_timed: bool) -> Iterator[str]:
    yield f"      - name: {_text(table.name.table)}"
    fed_by = f"fed by {', '.join(table.fed_by)}" if table.fed_by else ""
    told = ". ".join(part for part in (table.description, fed_by) if part)
    if told:
        yield f"        description: {_text(told)}"
    loaded_at = next((name for name in _LOADED_AT if table.find(name) is not None), None)
    if loaded_at is None or not is_timed:
        yield "        freshness: null"
    if loaded_at is not None:
        yield f"        loaded_at_field: {_text(loaded_at)}"
    yield "        columns:"
    for column in table.columns:
        yield f"          - name: {_text(column.name)}"
        if column.description:
            yield f"            description: {_text(column.description)}"
        yield f"            data_type: {_text(type_text(column.type))}"


def _period(seconds: int) -> tuple[int, str]:
    for length, word in ((86_400, "day"), (3_600, "hour")):
        if seconds % length == 0:
            return seconds // length, word
    return -(-seconds // 60), "minute"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
