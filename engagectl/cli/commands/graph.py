"""`engagectl graph`: what flows from where to where, by the YAML."""

from enum import StrEnum
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of


class Form(StrEnum):
    MERMAID = "mermaid"
    DOT = "dot"
    JSON = "json"


def graph(
    ctx: typer.Context,
    format: Annotated[Form, typer.Option(help="mermaid is drawn by GitHub, dot by Graphviz.")] = Form.MERMAID,
) -> None:
    from engagectl.show.declared import graph as read

    terminal = terminal_of(ctx.obj)
    found = read(project_of(ctx.obj, terminal))
    ctx.obj.json = ctx.obj.json or format is Form.JSON
    text = ""
    if format is Form.DOT:
        from engagectl.show.as_dot import as_dot

        text = as_dot(found)
    elif format is Form.MERMAID:
        from engagectl.show.as_mermaid import as_mermaid

        text = as_mermaid(found)
    data = {"nodes": list(found.nodes), "edges": [{"from": start, "to": end} for start, end in found.edges]}
    summary = {"nodes": len(found.nodes), "edges": len(found.edges)}
    finish(ctx.obj, terminal, text=text, data=data, summary=summary)
