"""The data dictionary as one HTML page: search, pictures, a card per table. Nothing from elsewhere, all escaped."""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from engagectl.model.schema import TableName
from engagectl.show.dictionary import Described, Dictionary
from engagectl.show.picture import pictures
from engagectl.show.terminal import escape

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

ROLES = {
    "users": "one row per user",
    "identifies": "every identify call",
    "tracks": "every track call",
    "event": "one event",
    "classic": "classic",
    "activation": "activation",
}


def as_docs_html(book: Dictionary) -> str:
    """Return the page. Its one script is ours and named by its hash: nothing else may run there."""
    template, style, script = _template()
    tables = [table for schema in book.schemas for table in schema.tables]
    return template.render(
        book=book,
        style=style,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        anchors=_anchors(book),
        facts=_facts(tables),
        pictures=[one for one in pictures(book) if len(one.boxes) > 1],
        roles=ROLES,
    )


@cache
def _template() -> "tuple[jinja2.Template, Markup, Markup]":
    """Return the page's template, compiled once, its style and its script."""
    import jinja2
    from markupsafe import Markup

    def shown(value: object) -> object:
        return escape(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=shown
    )
    folder = files("engagectl.show").joinpath("templates")
    page, style, script = (
        folder.joinpath(name).read_text(encoding="utf-8").strip() for name in ("docs.html.j2", "docs.css", "docs.js")
    )
    return environment.from_string(page), Markup(style), Markup(script)  # noqa: S704  our own files


def _anchors(book: Dictionary) -> dict[tuple[str, TableName], str]:
    named = ((schema.warehouse, table.name) for schema in book.schemas for table in schema.tables)
    return {key: f"t{number}" for number, key in enumerate(named)}


def _facts(tables: list[Described]) -> list[tuple[str, int, str]]:
    """Return what stands at the top: a number, its word, its mood. What is not there is not said."""
    columns = [column for table in tables for column in table.columns]
    counted: list[tuple[str, int, str]] = [
        ("tables", len(tables), ""),
        ("declared columns", sum(not one.is_standard for one in columns), ""),
        ("standard columns", sum(one.is_standard for one in columns), ""),
        ("owners", len({owner for table in tables for owner in table.owners}), ""),
        ("tables not synced", sum(table.excluded_by is not None for table in tables), "quiet"),
        ("columns not synced", sum(one.excluded_by is not None for one in columns), "quiet"),
        ("late", sum(bool(table.is_late) for table in tables), "warn"),
        ("not in the warehouse", sum(table.is_there is False for table in tables), "warn"),
    ]
    return [one for one in counted if one[1] or not one[2]]
