"""`engagectl drift`: what somebody changed since the last apply."""

from pathlib import Path
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of, write_file


def drift(
    ctx: typer.Context,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 when there is drift.")
    ] = False,
    snapshot: Annotated[
        Path | None, typer.Option(help="Write what is there and was applied to a file, for `plan --catalog FILE`.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the drift as Markdown, for an issue.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the drift as JUnit XML, for a job's test results.")] = None,
    markdown_limit: Annotated[int, typer.Option(min=1_000, help="At most so many characters of Markdown.")] = 60_000,
) -> None:
    from engagectl import api
    from engagectl.show.as_drift import drift_json, drift_markdown, drift_text

    terminal = terminal_of(ctx.obj)
    found = api.drift(project_of(ctx.obj, terminal), warehouses=ctx.obj.warehouses, snapshot=snapshot)
    if snapshot is not None:
        terminal.story(f"wrote {snapshot}; next: engagectl plan --catalog {snapshot}")
    if markdown is not None:
        write_file(markdown, drift_markdown(found, limit=markdown_limit))
    if junit is not None:
        from engagectl.show.as_junit import drift_junit

        write_file(junit, drift_junit(found))
    text = terminal.folded(drift_text(found, colour=terminal.colour))
    code = 2 if detailed_exitcode and (found.steps or found.all_findings) else 0
    finish(ctx.obj, terminal, text=text, styled=True, data=drift_json(found), code=code)
