"""`engagectl demo`: the main job on sample data, in a temporary folder."""

from pathlib import Path
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, terminal_of


def demo(
    ctx: typer.Context,
    keep: Annotated[Path | None, typer.Option(help="Work in this new folder and keep it.")] = None,
) -> None:
    from contextlib import nullcontext
    from tempfile import TemporaryDirectory

    from engagectl.cli.demonstration import demonstrate

    terminal = terminal_of(ctx.obj)
    with TemporaryDirectory(prefix="engagectl-demo-") if keep is None else nullcontext(keep) as folder:
        data = demonstrate(Path(folder), terminal, shown=not ctx.obj.json)
    finish(ctx.obj, terminal, text="", data=data)
