"""`engagectl export dbt-sources`: the declared tables, for another tool."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, pages_of, project_of, terminal_of


class Kind(StrEnum):
    DBT_SOURCES = "dbt-sources"


def export(
    ctx: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="dbt-sources: a `sources:` file per schema.")],
    out: Annotated[Path | None, typer.Option(help="Write a file per schema into this folder.")] = None,
) -> None:
    from engagectl.show.as_dbt_sources import as_dbt_sources
    from engagectl.show.declared import declared_schemas

    del kind  # there is one so far
    terminal = terminal_of(ctx.obj)
    found = declared_schemas(project_of(ctx.obj, terminal))
    text, data = pages_of({(one.warehouse, one.name): as_dbt_sources(one) for one in found}, out, ending=".yml")
    finish(ctx.obj, terminal, text=text, data=data, summary={"schemas": len(found)})
