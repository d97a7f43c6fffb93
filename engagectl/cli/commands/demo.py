"""`engagectl demo`: the main job on sample data, in a temporary folder."""

from pathlib import Path
from typing import Annotated

import typer

from engagectl.cli.outcome import terminal_of


def demo(
    ctx: typer.Context,
    keep: Annotated[Path | None, typer.Option(help="Work in this new folder and keep it.")] = None,
) -> None:
    from tempfile import TemporaryDirectory

    from engagectl.cli.demonstration import demonstrate

    terminal = terminal_of(ctx.obj)
    if keep is not None:
        demonstrate(keep, terminal)
        return
    with TemporaryDirectory(prefix="engagectl-demo-") as folder:
        demonstrate(Path(folder), terminal)
