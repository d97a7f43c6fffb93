"""`engagectl apply`: re-plan under the lock, ask, execute."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engagectl.cli.flags import Invocation
from engagectl.cli.outcome import finish, project_of, terminal_of
from engagectl.show.terminal import Terminal

if TYPE_CHECKING:
    from engagectl.model.plan import Plan


def apply(
    ctx: typer.Context,
    plans: Annotated[list[Path] | None, typer.Argument(help="Approved plan files: their steps and no others.")] = None,
    select: Annotated[list[str] | None, typer.Option(help="Address, glob or owner:NAME; may be repeated.")] = None,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Take objects over from another project or target.")
    ] = False,
) -> None:
    from engagectl import api
    from engagectl.cli.applied import apply_data, apply_text, event_text
    from engagectl.planfile import read_plan

    terminal = terminal_of(ctx.obj)
    project = project_of(ctx.obj, terminal)
    approved = [read_plan(path) for path in plans or ()]

    def tell(event: object) -> None:
        if text := event_text(event):
            terminal.story(text)

    done = api.apply_plan(
        project,
        approved=approved,
        select=select or (),
        confirm=lambda made: bool(approved) or confirm(made, ctx.obj, terminal),
        reporter=tell,
        take_over=take_over,
        lock_timeout_s=ctx.obj.lock_timeout_s,
        warehouses=ctx.obj.warehouses,
    )
    finish(ctx.obj, terminal, text=apply_text(done), data=apply_data(done), code=4 if done.declined else 0)


def confirm(made: "Plan", state: Invocation, terminal: Terminal) -> bool:
    """Show the plan and ask. Without a terminal, refuse and name the flag that answers."""
    from engagectl.errors import RefusedError
    from engagectl.show.as_text import plan_text

    if not state.json:
        text = plan_text(made, colour=terminal.colour, width=terminal.width, sql=False)
        terminal.result(text, styled=True)
    if not made.steps or state.yes:
        return True
    if state.no_input or not terminal.can_ask:
        raise RefusedError(
            "apply needs an answer and cannot ask here", help="apply without asking: engagectl apply --yes"
        )
    return terminal.ask("Apply these changes? Only `yes` is accepted:")
