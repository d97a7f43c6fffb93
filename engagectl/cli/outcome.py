"""What the command functions share: the project, the terminal, and how a result is handed out."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from engagectl.cli.flags import Invocation
from engagectl.errors import UsageError
from engagectl.show.terminal import Terminal

if TYPE_CHECKING:
    from engagectl.config.project import Project


def terminal_of(state: Invocation) -> Terminal:
    """Return the output sink that the flags ask for."""
    return Terminal(color=state.color, quiet=state.quiet, progress=not state.no_progress)


def variables_of(state: Invocation) -> dict[str, str]:
    """Return the values of --var."""
    pairs = [text.partition("=") for text in state.var]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise UsageError("--var must be NAME=VALUE")
    return {name: value for name, _, value in pairs}


def project_of(state: Invocation, terminal: Terminal) -> "Project":
    """Open the project that the flags name."""
    from engagectl import api

    project = api.open_project(
        Path(state.project_dir),
        target=state.target,
        variables=variables_of(state),
        var_files=tuple(Path(name) for name in state.var_file),
    )
    if state.verbose:
        terminal.story(f"project {project.spec.project} in {project.root}, target {project.target or '(none)'}")
    return project


def write_document(state: Invocation, terminal: Terminal, document: Mapping[str, Any]) -> None:
    """Hand out the JSON document: to stdout with --json, to a file with --report."""
    from engagectl.show.envelope import encode

    text = encode(document)
    if state.report:
        Path(state.report).write_text(text + "\n", encoding="utf-8")
    if state.json:
        terminal.result(text)


def finish(
    state: Invocation,
    terminal: Terminal,
    *,
    text: str,
    data: Mapping[str, Any],
    code: int = 0,
    summary: Mapping[str, Any] | None = None,
    styled: bool = False,
) -> None:
    """Show a result as text or JSON and end the command with its exit code."""
    if state.json or state.report:
        from engagectl.show.envelope import envelope

        own = {key: value for key, value in data.items() if key not in ("schema", "engagectl", "ok")}
        own.setdefault("summary", dict(summary or {}))
        own.setdefault("diagnostics", [])
        write_document(state, terminal, {**envelope(state.command, ok=code in (0, 2)), **own})
    if not state.json and text:
        terminal.result(text, styled=styled)
    if code:
        raise typer.Exit(code)
