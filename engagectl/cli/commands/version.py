"""`engagectl version`."""

import typer

from engagectl import __version__
from engagectl.cli.outcome import finish, terminal_of


def version(ctx: typer.Context) -> None:
    finish(ctx.obj, terminal_of(ctx.obj), text=f"engagectl {__version__}", data={"version": __version__})
