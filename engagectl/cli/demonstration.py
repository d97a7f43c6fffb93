"""The main job from beginning to end, with the library's own functions; every number printed comes from the run."""

from pathlib import Path
from typing import TYPE_CHECKING

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


def demonstrate(folder: Path, terminal: Terminal) -> None:
    """Make the quickstart project in a folder; plan, apply and sync it, then show that nothing is left to do."""
    from engagectl import api
    from engagectl.cli.applied import apply_text
    from engagectl.show.as_text import plan_text
    from engagectl.sync.passes import SyncOptions

    def head(text: str) -> None:
        terminal.result(f"\n{terminal.paint(text, 'bold')}", styled=True)

    def show_rows(sql: str, heads: tuple[str, ...]) -> None:
        with api.connected(project, command="demo", read_only=True) as connections:
            (connection,) = connections.values()
            terminal.result(columns(heads, connection.query(sql)))

    make_project(folder, "quickstart")
    terminal.story(f"A project with sample messages, in {folder}")
    project = api.open_project(folder)

    def show_plan(made: "Plan") -> None:
        text = plan_text(made, colour=terminal.colour, width=terminal.width, sql=False)
        short = [line for line in text.splitlines() if not line.startswith("      ")]
        terminal.result("\n".join(short), styled=True)  # a table's columns are left out

    head("engagectl plan, without the lines of columns")
    show_plan(api.make_plan(project))
    head("engagectl apply")
    applied = api.apply_plan(project, confirm=lambda _: True, reporter=lambda _: None)
    terminal.result(apply_text(applied))
    head("engagectl sync")
    terminal.result(api.sync(project, options=SyncOptions(), progress=Loading(terminal)).as_text())
    head("The identifies rows of u123")
    show_rows(IDENTIFIES, ("user_id", "first_time_shopper", "total_revenue_180_days", "received_at"))
    head("The users row of u123")
    show_rows(USERS, ("id", "first_time_shopper", "total_revenue_180_days"))
    head("engagectl plan, again")
    show_plan(api.make_plan(project))
    head("engagectl sync, again")
    terminal.result(api.sync(project, options=SyncOptions(), progress=Loading(terminal)).as_text())
    head("engagectl drift")
    found = api.drift(project)
    text = plan_text(found, colour=terminal.colour, width=terminal.width, sql=False) if found.steps else "No drift."
    terminal.result(text, styled=True)
    terminal.result("\nNext: engagectl init my_project")
