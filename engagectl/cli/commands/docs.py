"""`engagectl docs`: the data dictionary: tables, columns, types, who feeds them, whether they load, how fresh."""

from pathlib import Path
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, pages_of, project_of, terminal_of


def docs(
    ctx: typer.Context,
    html: Annotated[bool, typer.Option("--html", help="One HTML page with search instead of Markdown.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Ask the warehouse for rows and freshness too.")] = False,
    catalog: Annotated[
        Path | None, typer.Option(help="Take rows and freshness from the file that `drift --snapshot` wrote.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write a file per page into this folder.")] = None,
) -> None:
    from engagectl import api
    from engagectl.errors import UsageError
    from engagectl.show.dictionary import dictionary, plain

    if live and catalog is not None:
        raise UsageError("--live and --catalog exclude each other")
    terminal = terminal_of(ctx.obj)
    project = project_of(ctx.obj, terminal)
    book = dictionary(project, api.snapshot(project, catalog=catalog) if live or catalog is not None else None)
    if html:
        from engagectl.show.as_docs_html import as_docs_html

        pages = {("", "tables"): as_docs_html(book)}
    else:
        from engagectl.show.as_docs import as_docs

        pages = {(one.warehouse, one.name): as_docs(book, one) for one in book.schemas}
    text, data = pages_of(pages, out, ending=".html" if html else ".md")
    finish(ctx.obj, terminal, text=text, data={**data, **plain(book)}, summary={"schemas": len(book.schemas)})
