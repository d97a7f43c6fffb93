"""`engagectl history`: applies and syncs, newest first."""

from typing import Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of


def history(
    ctx: typer.Context,
    id: Annotated[str | None, typer.Argument(help="One apply or sync whole; the beginning of its id will do.")] = None,
    applies: Annotated[bool, typer.Option("--applies", help="Only applies.")] = False,
    syncs: Annotated[bool, typer.Option("--syncs", help="Only syncs.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many of each warehouse.")] = 50,
) -> None:
    from engagectl import api
    from engagectl.errors import UsageError
    from engagectl.show.as_history import happened_data, happened_text, history_data, history_text

    terminal = terminal_of(ctx.obj)
    project = project_of(ctx.obj, terminal)
    if id is None:
        kind = "" if applies == syncs else "apply" if applies else "sync"
        entries = api.history(project, kind=kind, limit=limit, warehouses=ctx.obj.warehouses)
        finish(ctx.obj, terminal, text=terminal.folded(history_text(entries)), data={"entries": history_data(entries)})
        return
    found = api.happened(project, id, warehouses=ctx.obj.warehouses)
    if not found:
        raise UsageError(f"no apply or sync {id}", help="engagectl history lists them")
    finish(ctx.obj, terminal, text=terminal.folded(happened_text(found)), data={"entries": happened_data(found)})
