"""`engagectl erase --user ID`: one person is removed, and stays away."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagectl.cli.flags import Invocation
from engagectl.cli.outcome import finish, project_of, terminal_of
from engagectl.show.terminal import Terminal, columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engagectl.erase.person import Erased, EraseReport


def erase(
    ctx: typer.Context,
    user: Annotated[str, typer.Option(help="The user id, as messages carry it.")],
    forever: Annotated[
        bool, typer.Option("--forever", help="Filter messages of this user that are received later, too.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would be deleted; write nothing.")] = False,
) -> None:
    from engagectl import api
    from engagectl.errors import UsageError

    if not user:
        raise UsageError("--user must not be empty")
    terminal = terminal_of(ctx.obj)
    project = project_of(ctx.obj, terminal)
    done = api.erase(
        project,
        user,
        forever=forever,
        dry_run=dry_run,
        confirm=lambda found: _confirm(found, ctx.obj, terminal),
    )
    data = _data(done)
    finish(
        ctx.obj,
        terminal,
        text=_text(done),
        data=data,
        summary={"rows": sum(one.rows for one in done.tables), "unlinked": len(done.unlinked)},
        code=done.exit_code,
    )


def _confirm(found: "Sequence[Erased]", state: Invocation, terminal: Terminal) -> bool:
    from engagectl.errors import RefusedError

    if state.yes:
        return True
    if state.no_input or not terminal.can_ask:
        raise RefusedError("erase needs an answer and cannot ask here", help="answer it: engagectl erase --yes")
    terminal.result(_table(found))
    return terminal.ask("Delete these rows for good? Only `yes` is accepted:")


def _table(found: "Sequence[Erased]") -> str:
    words = {"user_id": "user_id", "id": "id", "message": "message id", "none": "nothing: not reached"}
    return columns(["table", "known by", "rows"], [[str(one.table), words[one.link], one.rows] for one in found])


def _text(done: "EraseReport") -> str:
    if done.declined:
        return "Nothing was done: the answer was not `yes`."
    lines = [_table(done.tables)]
    lines += [f"{one} has neither user_id nor id: look for the person there yourself" for one in done.unlinked]
    if done.dry_run:
        return "\n".join([*lines, "Nothing was written (--dry-run)."])
    lines += [f"not reached: {one}" for one in done.not_reached]
    until = "ever" if done.forever else "up to now"
    return "\n".join([*lines, f"Erased. Syncs filter messages of this user that were received {until}."])


def _data(done: "EraseReport") -> dict[str, Any]:
    return {
        "erase_id": done.erase_id,
        "dry_run": done.dry_run,
        "forever": done.forever,
        "declined": done.declined,
        "tables": [{"table": str(one.table), "link": one.link, "rows": one.rows} for one in done.tables],
        "unlinked": [str(one) for one in done.unlinked],
        "not_reached": list(done.not_reached),
    }
