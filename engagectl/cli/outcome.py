"""What the command functions share: the project, the terminal, and how a result is handed out."""

import gc
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from engagectl.cli.flags import Invocation

if TYPE_CHECKING:  # every command imports this room, its help too: what only a command that runs needs waits for it
    from engagectl.config.project import Project
    from engagectl.errors import Diagnostic
    from engagectl.show.terminal import Terminal


def terminal_of(state: Invocation) -> "Terminal":
    """Return the output sink that the flags ask for: one for the whole command."""
    if state.sink is None:
        from engagectl.show.log import Log
        from engagectl.show.terminal import Terminal

        log = Log(sys.stderr, format=state.log_format, file=_log_file(state.log_file))
        state.sink = Terminal(color=state.color, quiet=state.quiet, progress=not state.no_progress, log=log)
        if log.wanted:
            from engagectl.cli.statements import follow_statements

            follow_statements(log)
    terminal: Terminal = state.sink
    return terminal


def _log_file(name: str | None) -> TextIO | None:
    if name is None:
        return None
    return os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8")


def variables_of(state: Invocation) -> dict[str, str]:
    """Return the values of --var."""
    from engagectl.errors import UsageError

    pairs = [text.partition("=") for text in state.var]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise UsageError("--var must be NAME=VALUE")
    return {name: value for name, _, value in pairs}


def project_of(state: Invocation, terminal: "Terminal") -> "Project":
    """Open the project that the flags name."""
    from engagectl import api

    project = api.open_project(
        Path(state.project_dir),
        target=state.target,
        variables=variables_of(state),
        var_files=tuple(Path(name) for name in state.var_file),
        warehouses=state.warehouses,
        lock_timeout_s=state.lock_timeout_s,
    )
    gc.freeze()  # the project stays to the end: no collection needs to look through it
    gc.enable()
    state.notes = project.diagnostics
    if state.command in ("plan", "apply") and not (state.quiet or state.json):
        show_diagnostics(state, terminal, [one for one in state.notes if one.severity == "warning"])
    if state.verbose:
        terminal.story(f"project {project.spec.project} in {project.root}, target {project.target or '(none)'}")
    return project


def root_of(start: Path) -> Path:
    """Return the project's folder for looking at source lines; the folder itself where there is no project."""
    from engagectl.config.files import find_root
    from engagectl.errors import ConfigError

    try:
        return find_root(start)
    except ConfigError:
        return start


def show_diagnostics(state: Invocation, terminal: "Terminal", diagnostics: "Sequence[Diagnostic]") -> None:
    """Print diagnostics with their source lines to stderr; each is an event of the log too."""
    from engagectl.show.diagnostics import as_data, as_full

    for item in as_data(diagnostics) if terminal.log.wanted else ():
        terminal.log.event("diagnostic", **item)
    if diagnostics and not terminal.log.json:
        placed = any(one.place is not None for one in diagnostics)
        root = root_of(Path(state.project_dir)) if placed else Path(state.project_dir)
        text = as_full(diagnostics, root, colour=terminal.colour_err)
        terminal.complain(text, styled=True)


def write_document(state: Invocation, terminal: "Terminal", document: Mapping[str, Any]) -> None:
    """Hand out the JSON document: to stdout with --json, to a file with --report."""
    from engagectl.show.envelope import encode

    text = encode(document)
    if state.report:
        write_file(Path(state.report), text + "\n")
    if state.markdown:
        from engagectl.show.as_markdown_report import report_markdown

        write_file(Path(state.markdown), report_markdown(document))
    if state.json:
        terminal.result(text)


def write_file(path: Path, text: str) -> None:
    """Write a file that a flag names, whole or not at all; a new one is yours alone.

    What is there and is no regular file (a pipe, /dev/stderr) is written into.
    """
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8", newline="\n")
        return
    from tempfile import mkstemp

    try:
        handle, temporary = mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        if path.exists():
            Path(temporary).chmod(path.stat().st_mode & 0o777)
        Path(temporary).replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def pages_of(
    pages: Mapping[tuple[str, str], str], folder: Path | None, *, ending: str
) -> tuple[str, dict[str, list[dict[str, str]]]]:
    """Return pages by (warehouse, name) as text and as JSON data, or write each into a folder and tell of that.

    A name carries its warehouse only where two warehouses have it. What a name holds that no file name should is `_`.
    """
    told, data = [], []
    for (warehouse, name), text in pages.items():
        shared = sum(other == name for _, other in pages) > 1
        safe = re.sub(r"[^A-Za-z0-9_-]", "_", f"{warehouse}__{name}" if shared else name)
        item = {"warehouse": warehouse, "name": name}
        if folder is None:
            told.append(text)
            data.append({**item, "text": text})
            continue
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / f"{safe}{ending}"
        write_file(place, text)
        told.append(f"wrote {place}")
        data.append({**item, "file": str(place)})
    between = "---\n" if ending == ".yml" and folder is None else "\n"
    return between.join(told), {"pages": data}


def finish(
    state: Invocation,
    terminal: "Terminal",
    *,
    text: str,
    data: Mapping[str, Any],
    code: int = 0,
    summary: Mapping[str, Any] | None = None,
    styled: bool = False,
) -> None:
    """Show a result as text or JSON and end the command with its exit code."""
    if state.wants_document:
        from engagectl.show.envelope import envelope

        own = {key: value for key, value in data.items() if key not in ("schema", "engagectl", "ok")}
        own.setdefault("summary", dict(summary or {}))
        head = envelope(state.command, ok=code in (0, 2), diagnostics=state.notes)
        write_document(state, terminal, {**head, **own})
    if not state.json and text:
        terminal.result(text, styled=styled)
    terminal.event("summary", exit_code=code, **(summary or {}))
    if code:
        raise typer.Exit(code)
