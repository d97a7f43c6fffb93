"""`engagectl apply`: re-plan under the lock, ask, execute."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engagectl.cli.flags import Invocation
from engagectl.cli.outcome import finish, project_of, terminal_of
from engagectl.show.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engagectl.config.project import Project
    from engagectl.model.plan import Plan
    from engagectl.sync.report import SyncReport


def apply(
    ctx: typer.Context,
    plans: Annotated[list[Path] | None, typer.Argument(help="Approved plan files: their steps and no others.")] = None,
    select: Annotated[
        list[str] | None, typer.Option(help="Address, glob, owner:NAME, changed:REF; repeatable.")
    ] = None,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Take objects over from another project or target.")
    ] = False,
    markdown: Annotated[Path | None, typer.Option(help="Write what was done as Markdown, also when it fails.")] = None,
    then_sync: Annotated[bool, typer.Option("--then-sync", help="Load the inputs afterwards, as `sync` does.")] = False,
) -> None:
    from engagectl import api
    from engagectl.cli.applied import apply_data, apply_text, tell_step
    from engagectl.planfile import read_plan

    ctx.obj.markdown = str(markdown) if markdown is not None else None
    terminal = terminal_of(ctx.obj)
    project = project_of(ctx.obj, terminal)
    approved = [read_plan(path) for path in plans or ()]

    done = api.apply_plan(
        project,
        approved=approved,
        select=select or (),
        confirm=lambda made: bool(approved) or confirm(made, ctx.obj, terminal),
        reporter=lambda event: tell_step(terminal, event),
        take_over=take_over,
        lock_timeout_s=ctx.obj.lock_timeout_s,
        warehouses=ctx.obj.warehouses,
    )
    text, data, code = apply_text(done), apply_data(done), 4 if done.declined else 0
    if then_sync and not code:
        loaded = load(project, ctx.obj, terminal, select=select or ())
        text, data, code = f"{text}\n{loaded.as_text()}", {**data, "sync": loaded.as_data()}, loaded.exit_code
    finish(ctx.obj, terminal, text=text, data=data, summary=data["summary"], code=code)


def load(project: "Project", state: Invocation, terminal: Terminal, *, select: "Sequence[str]") -> "SyncReport":
    """Load what was just applied, as `sync` does without a flag."""
    from engagectl import api
    from engagectl.cli.loading import Loading
    from engagectl.sync.passes import SyncOptions

    return api.sync(
        project,
        options=SyncOptions(select=tuple(select), lock_timeout_s=state.lock_timeout_s),
        progress=Loading(terminal),
        lock_timeout_s=state.lock_timeout_s,
        warehouses=state.warehouses,
    )


def confirm(made: "Plan", state: Invocation, terminal: Terminal) -> bool:
    """Show the plan and ask. Without a terminal, refuse and name the flag that answers."""
    from engagectl.errors import RefusedError
    from engagectl.show.as_text import plan_text

    if not state.json:
        text = plan_text(made, colour=terminal.colour, width=terminal.width, every_column=bool(state.verbose))
        terminal.result(text.partition("\nNext: ")[0], styled=True)  # this is what comes next
    if not made.steps or state.yes:
        return True
    if state.no_input or not terminal.can_ask:
        raise RefusedError(
            "apply needs an answer and cannot ask here", help="apply without asking: engagectl apply --yes"
        )
    return terminal.ask("Apply these changes? Only `yes` is accepted:")
