"""`engagectl init`: a project from a template that ships with the package."""

from pathlib import Path
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, terminal_of


def init(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(help="Where to; made if it is not there.")] = Path(),
    template: Annotated[str, typer.Option(help="Template to start from.")] = "quickstart",
) -> None:
    from engagectl.cli.starter import make_project

    terminal = terminal_of(ctx.obj)
    made, kept = make_project(directory, template)
    lines = [f"made {directory / name}" for name in made] + [f"kept {directory / name}" for name in kept]
    where = "" if directory == Path() else f" -C {directory}"
    lines.append(f"Next: engagectl{where} plan\n      engagectl{where} apply")
    data = {"made": [str(name) for name in made], "kept": [str(name) for name in kept]}
    finish(ctx.obj, terminal, text="\n".join(lines), data=data)
