"""`engagectl docs`: a page per schema, by the YAML: tables, columns, types, who feeds them."""

from pathlib import Path
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, pages_of, project_of, terminal_of


def docs(
    ctx: typer.Context,
    html: Annotated[bool, typer.Option("--html", help="One HTML page instead of Markdown.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write a file per page into this folder.")] = None,
) -> None:
    from engagectl.show.declared import declared_schemas

    terminal = terminal_of(ctx.obj)
    project = project_of(ctx.obj, terminal)
    found = declared_schemas(project)
    if html:
        from engagectl.show.as_docs_html import as_docs_html

        pages = {("", "tables"): as_docs_html(project.spec.project, found)}
    else:
        from engagectl.show.as_docs import as_docs

        pages = {(one.warehouse, one.name): as_docs(one) for one in found}
    text, data = pages_of(pages, out, ending=".html" if html else ".md")
    finish(ctx.obj, terminal, text=text, data=data, summary={"schemas": len(found)})
