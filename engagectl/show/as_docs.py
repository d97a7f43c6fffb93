"""The data dictionary as Markdown: a page per schema, its picture drawn by Mermaid, a table per table."""

from collections.abc import Iterator

from engagectl.show.as_markdown import cell, code
from engagectl.show.as_mermaid import label
from engagectl.show.dictionary import Described, DescribedSchema, Dictionary, Entry


def as_docs(book: Dictionary, schema: DescribedSchema) -> str:
    """Return one page."""
    return "\n".join(_page(book, schema)) + "\n"


def _page(book: Dictionary, schema: DescribedSchema) -> Iterator[str]:
    yield f"# {code(schema.name)} in {code(schema.warehouse)}"
    target = f", target {code(book.target)}" if book.target else ""
    seen = f"; rows and freshness as of {code(book.taken_at)}" if book.taken_at else ""
    yield from ("", f"Project {code(book.project)}{target}, {schema.type}{seen}.", "")
    yield from _picture(schema)
    yield from ("| table | holds | fed by | owner | loads |", "|---|---|---|---|---|")
    for table in schema.tables:
        feeds = ", ".join(cell(one) for one in table.feeds)
        owners = ", ".join(cell(one) for one in table.owners)
        yield f"| {cell(table.name.table)} | {table.role} | {feeds} | {owners} | {_loads(table)} |"
    for table in schema.tables:
        yield from _table(table)


def _picture(schema: DescribedSchema) -> Iterator[str]:
    """Yield how tables hang together. Numbers stand for names, which Mermaid shows as labels."""
    users = next((n for n, one in enumerate(schema.tables) if one.role == "users"), None)
    if users is None:
        return
    yield from ("```mermaid", "erDiagram")
    yield from (f'  t{n}["{label(one.name.table)}"]' for n, one in enumerate(schema.tables))
    for number, table in enumerate(schema.tables):
        if number != users and table.find("user_id") is not None:
            yield f"  t{users} ||--o{{ t{number} : user_id"
    yield from ("```", "")


def _table(table: Described) -> Iterator[str]:
    yield from ("", f"## {code(str(table.name))}", "")
    if table.description:
        yield from (code(table.description), "")
    yield from (f"Fed by {', '.join(code(one) for one in table.feeds) or 'nothing'}.", "")
    facts = [f"{table.rows:,} rows"] if table.rows is not None else []
    facts += [f"read up to {code(table.read_to)}" + (" (late)" if table.is_late else "")] if table.read_to else []
    facts += ["not in the warehouse yet"] if table.is_there is False else []
    facts += [f"events {', '.join(code(one) for one in table.events)}"] if table.events else []
    if facts:
        yield from (" · ".join(facts), "")
    declared = [one for one in table.columns if not one.is_standard]
    standard = [one for one in table.columns if one.is_standard]
    if declared:
        yield from _columns(declared)
    if standard:
        count = f"{len(standard)} standard and context column{'' if len(standard) == 1 else 's'}"
        yield from ("", f"<details><summary>{count}</summary>", "", *_columns(standard), "", "</details>")


def _columns(columns: list[Entry]) -> Iterator[str]:
    yield from ("| column | type | from | value | loads | description |", "|---|---|---|---|---|---|")
    for one in columns:
        sources = ", ".join(cell(source) for source in one.sources)
        told = cell(one.description) if one.description else ""
        path = cell(one.path) if one.path else ""
        yield f"| {cell(one.name)} | {cell(one.type)} | {sources} | {path} | {_column_loads(one)} | {told} |"


def _loads(table: Described) -> str:
    if table.by_segment:
        return "by Segment"
    if table.excluded_by is not None:
        return "no" + (f": {cell(table.excluded_by)}" if table.excluded_by else "")
    return cell(table.schedule) if table.schedule else "yes"


def _column_loads(one: Entry) -> str:
    if one.excluded_by is not None:
        return "no" + (f": {cell(one.excluded_by)}" if one.excluded_by else "")
    return "required" if one.required else "yes"
