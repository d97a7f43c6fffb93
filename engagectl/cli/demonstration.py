"""The main job from beginning to end, with the library's own functions; every number printed comes from the run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagectl.cli.loading import Loading
from engagectl.cli.starter import make_project
from engagectl.show.terminal import Terminal, columns

if TYPE_CHECKING:
    from engagectl.model.plan import Plan

IDENTIFIES = (
    "SELECT user_id, first_time_shopper, total_revenue_180_days, CAST(received_at AS VARCHAR)"
    " FROM engage_default.identifies WHERE user_id = 'u123' ORDER BY received_at"
)
USERS = "SELECT id, first_time_shopper, total_revenue_180_days FROM engage_default.users WHERE id = 'u123'"


def demonstrate(folder: Path, terminal: Terminal, *, shown: bool = True) -> dict[str, Any]:
    """Make the quickstart project in a folder; plan, apply and sync it, then show that nothing is left to do.

    Returns the keys of the JSON document. What is not `shown` on stdout is told on stderr.
    """
    from engagectl import api
    from engagectl.cli.applied import apply_text
    from engagectl.show.as_text import plan_text
    from engagectl.sync.passes import SyncOptions

    def say(text: str) -> None:
        if shown:
            terminal.result(text, styled=True)
        else:
            terminal.story(text)

    def head(text: str) -> None:
        say(f"\n{terminal.paint(text, 'bold') if shown else text}")

    def show_rows(sql: str, heads: tuple[str, ...]) -> None:
        with api.connected(project, command="demo", read_only=True) as connections:
            (connection,) = connections.values()
            say(columns(heads, connection.query(sql)))

    colour = terminal.colour and shown
    make_project(folder, "quickstart")
    terminal.story(f"A project with sample messages, in {folder}")
    project = api.open_project(folder)

    def show_plan(made: "Plan") -> None:
        text = plan_text(made, colour=colour, width=terminal.width, sql=False)
        short = [line for line in text.splitlines() if not line.startswith("      ")]
        say("\n".join(short))  # a table's columns are left out

    head("engagectl plan, without the lines of columns")
    planned = api.make_plan(project)
    show_plan(planned)
    head("engagectl apply")
    applied = api.apply_plan(project, confirm=lambda _: True, reporter=lambda _: None)
    say(apply_text(applied))
    head("engagectl sync")
    loaded = api.sync(project, options=SyncOptions(), progress=Loading(terminal))
    say(loaded.as_text())
    head("The identifies rows of u123")
    show_rows(IDENTIFIES, ("user_id", "first_time_shopper", "total_revenue_180_days", "received_at"))
    head("The users row of u123")
    show_rows(USERS, ("id", "first_time_shopper", "total_revenue_180_days"))
    head("engagectl plan, again")
    show_plan(api.make_plan(project))
    head("engagectl sync, again")
    say(api.sync(project, options=SyncOptions(), progress=Loading(terminal)).as_text())
    head("engagectl drift")
    found = api.drift(project)
    say(plan_text(found, colour=colour, width=terminal.width, sql=False) if found.steps else "No drift.")
    say("\nNext: engagectl init my_project")
    return {
        "folder": str(folder),
        "plan": planned.fingerprint,
        "sync": loaded.as_data(),
        "drift": len(found.steps),
    }
