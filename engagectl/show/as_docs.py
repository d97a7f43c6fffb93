"""The tables of a project as Markdown: a page per schema with columns, types and who feeds them."""

from collections.abc import Iterator

from engagectl.model.column_type import type_text
from engagectl.model.schema import Column, Table
from engagectl.show.as_markdown import cell, code
from engagectl.show.declared import DeclaredSchema


def as_docs(schema: DeclaredSchema) -> str:
    """Return one page."""
    return "\n".join(_page(schema)) + "\n"


def _page(schema: DeclaredSchema) -> Iterator[str]:
    yield f"# {code(schema.name)} in {code(schema.warehouse)}"
    for table in schema.tables:
        yield from ("", f"## {code(str(table.name))}", "")
        if table.description:
            yield from (code(table.description), "")
        yield from (f"Fed by {', '.join(code(one) for one in table.fed_by) or 'nothing'}.", "")
        yield from ("| column | type | from | description |", "|---|---|---|---|")
        yield from (_row(column, table) for column in table.columns)


def _row(column: Column, table: Table) -> str:
    sources = ", ".join(cell(one) for one in column.fed_by if one not in table.fed_by)
    told = cell(column.description) if column.description else ""
    return f"| {cell(column.name)} | {cell(type_text(column.type))} | {sources} | {told} |"
