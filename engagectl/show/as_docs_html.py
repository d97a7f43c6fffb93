"""The tables of a project as one HTML page: no script, nothing from elsewhere, every name escaped."""

from collections.abc import Iterator, Sequence
from html import escape

from engagectl.model.column_type import type_text
from engagectl.model.schema import Table
from engagectl.show.declared import DeclaredSchema

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: auto; padding: 1rem; }
table { border-collapse: collapse; width: 100%; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); padding: .25rem .75rem; }
th, td { text-align: left; vertical-align: top; }
code { font-family: ui-monospace, monospace; }
"""


def as_docs_html(project: str, schemas: Sequence[DeclaredSchema]) -> str:
    """Return the page: its contents, then a section per schema."""
    return "\n".join(_document(project, schemas)) + "\n"


def _document(project: str, schemas: Sequence[DeclaredSchema]) -> Iterator[str]:
    title = escape(f"{project}: tables")
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1><ul>"
    places = {
        (id(schema), table.name): f"t{n}-{k}"
        for n, schema in enumerate(schemas)
        for k, table in enumerate(schema.tables)
    }
    for schema in schemas:
        yield f"<li>{_code(f'{schema.warehouse}/{schema.name}')}<ul>"
        yield from (
            f'<li><a href="#{places[id(schema), t.name]}">{_code(t.name.table)}</a></li>' for t in schema.tables
        )
        yield "</ul></li>"
    yield "</ul>"
    for schema in schemas:
        yield f"<h2>{_code(f'{schema.warehouse}/{schema.name}')}</h2>"
        for table in schema.tables:
            yield from _table(table, places[id(schema), table.name])
    yield "</body></html>"


def _table(table: Table, place: str) -> Iterator[str]:
    yield f'<h3 id="{place}">{_code(str(table.name))}</h3>'
    if table.description:
        yield f"<p>{escape(table.description)}</p>"
    yield f"<p>Fed by {', '.join(map(_code, table.fed_by)) or 'nothing'}.</p>"
    yield "<table><thead><tr><th>column</th><th>type</th><th>from</th><th>description</th></tr></thead><tbody>"
    for column in table.columns:
        sources = ", ".join(_code(one) for one in column.fed_by if one not in table.fed_by)
        cells = (_code(column.name), _code(type_text(column.type)), sources, escape(column.description or ""))
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</tbody></table>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
