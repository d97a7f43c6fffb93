"""`engagectl history`: applies and syncs, newest first."""

from typing import Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of


def history(
    ctx: typer.Context,
    id: Annotated[str | None, typer.Argument(help="Show this one only.")] = None,
    applies: Annotated[bool, typer.Option("--applies", help="Only applies.")] = False,
    syncs: Annotated[bool, typer.Option("--syncs", help="Only syncs.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many of each warehouse.")] = 50,
) -> None:
    from engagectl import api
    from engagectl.errors import UsageError
    from engagectl.show.as_history import history_data, history_text

    terminal = terminal_of(ctx.obj)
    kind = "" if applies == syncs else "apply" if applies else "sync"
    entries = api.history(project_of(ctx.obj, terminal), kind=kind, limit=limit)
    if id is not None:
        entries = tuple(pair for pair in entries if pair[1].id.startswith(id))
        if not entries:
            raise UsageError(f"no apply or sync {id}", help="engagectl history lists them")
    text = history_text(entries)
    if id is not None:
        text += "".join(f"\n    {table}: {rows:,} rows" for _, entry in entries for table, rows in entry.rows)
    finish(ctx.obj, terminal, text=text, data={"entries": history_data(entries)})
