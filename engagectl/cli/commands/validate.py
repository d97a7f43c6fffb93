"""`engagectl validate`: every problem of the YAML, at once."""

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engagectl.cli.outcome import root_of, terminal_of, variables_of, write_document

if TYPE_CHECKING:
    from engagectl.errors import Diagnostic


class Form(StrEnum):
    FULL = "full"
    CONCISE = "concise"
    JSON = "json"
    GITHUB = "github"
    GITLAB = "gitlab"
    SARIF = "sarif"
    JUNIT = "junit"


def validate(
    ctx: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(help="Tell only what stands in these files.")] = None,
    since: Annotated[str | None, typer.Option(metavar="REF", help="Tell only what git revision REF has not.")] = None,
    output_format: Annotated[Form, typer.Option(help="How findings are written on stdout.")] = Form.FULL,
) -> None:
    from engagectl import api
    from engagectl.errors import UsageError
    from engagectl.show.envelope import envelope

    state = ctx.obj
    terminal = terminal_of(state)
    for missing in (path for path in files or () if not path.is_file()):
        raise UsageError(f"{missing} is not a file")
    start = files[0].parent if files and state.project_dir == "." else Path(state.project_dir)
    found = api.validate(
        start,
        target=state.target,
        variables=variables_of(state),
        var_files=tuple(Path(name) for name in state.var_file),
        files=files or (),
        since=since,
    )
    counts = {kind: sum(one.severity == kind for one in found) for kind in ("error", "warning", "info")}
    form = Form.JSON if state.json else output_format
    state.json = form is Form.JSON
    if state.wants_document:
        write_document(state, terminal, envelope("validate", ok=not counts["error"], summary=counts, diagnostics=found))
    if form is not Form.JSON:
        text = formatted(found, form, start, colour=terminal.colour)
        if form in (Form.FULL, Form.CONCISE):
            from engagectl.show.diagnostics import footer

            gap = "\n\n" if form is Form.FULL else "\n"
            text = f"{text}{gap if text else ''}{footer(found)}"
        if form is Form.GITHUB:
            terminal.annotations(text)
        else:
            terminal.result(text, styled=True)
    code = 3 if counts["error"] else 0
    terminal.event("summary", exit_code=code, **counts)
    if code:
        raise typer.Exit(code)


def formatted(found: "Sequence[Diagnostic]", form: Form, start: Path, *, colour: bool) -> str:
    """Return the findings in one of the forms for people, editors and code hosts."""
    from engagectl import api
    from engagectl.show.commands import unarmed_json

    root = root_of(start)
    prefix = api.path_in_repository(root)
    match form:
        case Form.CONCISE:
            from engagectl.show.as_concise import as_concise

            return as_concise(found)
        case Form.GITHUB:
            from engagectl.show.as_github import as_github

            return as_github(found, prefix=prefix)
        case Form.GITLAB:
            from engagectl.show.as_gitlab import as_gitlab

            return unarmed_json(json.dumps(as_gitlab(found, prefix=prefix), indent=2))
        case Form.SARIF:
            from engagectl.show.as_sarif import as_sarif

            return unarmed_json(json.dumps(as_sarif(found, prefix=prefix), indent=2))
        case Form.JUNIT:
            from engagectl.show.as_junit import findings_junit

            return findings_junit(found).rstrip()
        case _:
            from engagectl.show.diagnostics import as_full

            return as_full(found, root, colour=colour)
