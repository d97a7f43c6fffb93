"""`engagectl init`: a project from a template that ships with the package."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, terminal_of


def init(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(help="Where to; made if it is not there.")] = Path(),
    template: Annotated[
        str, typer.Option(help="quickstart: with sample messages; minimal: one file; full: every key.")
    ] = "quickstart",
    from_: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="FILE", help="Declare what files of messages hold; path, glob or URL; repeat."),
    ] = None,
) -> None:
    from engagectl.cli.starter import make_drafted, make_project
    from engagectl.errors import UsageError

    terminal = terminal_of(ctx.obj)
    if len(ctx.obj.warehouses) > 1:
        raise UsageError("init takes one --warehouse TYPE", help="add others to engagectl.yaml afterwards")
    warehouse = next(iter(ctx.obj.warehouses), "duckdb")
    notes: list[str] = []
    if from_:
        from engagectl import api

        draft = api.draft_yaml(from_, root=directory)
        notes = draft.notes
        made, kept = make_drafted(directory, draft, warehouse=warehouse)
    else:
        made, kept = make_project(directory, template, warehouse=warehouse)
    lines = [f"note: {note}" for note in notes]
    lines += [f"made {directory / name}" for name in made] + [f"kept {directory / name}" for name in kept]
    where = "" if directory == Path() else f" -C {shlex.quote(str(directory))}"
    if from_:
        lines.append(
            f"Next: read what was declared, then engagectl{where} plan\n      engagectl{where} apply --then-sync"
        )
    else:
        lines.append(f"Next: engagectl{where} plan\n      engagectl{where} apply --then-sync")
    data = {"made": [str(name) for name in made], "kept": [str(name) for name in kept], "notes": notes}
    finish(ctx.obj, terminal, text="\n".join(lines), data=data)
