"""An error becomes text or JSON and an exit code: the one place where a failed command ends."""

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from engagectl.cli.flags import Invocation
from engagectl.errors import ConfigError, Diagnostic, EngagectlError, InternalError, Interrupted, StatementError
from engagectl.show.diagnostics import as_full
from engagectl.show.terminal import Terminal


def report(state: Invocation, error: BaseException) -> int:
    """Show an error and return the exit code. A traceback is printed only with -vv."""
    known = _known(error)
    terminal = Terminal(color=state.color, quiet=state.quiet, progress=False)
    diagnostics = known.diagnostics if isinstance(known, ConfigError) else (known.diagnostic(),)
    if state.json or state.report:
        from engagectl.cli.outcome import write_document
        from engagectl.show.envelope import envelope

        summary = {"exit_code": known.exit_code, "error": known.message}
        write_document(state, terminal, envelope(state.command, ok=False, summary=summary, diagnostics=diagnostics))
    if not state.json:
        show_diagnostics(state, terminal, diagnostics)
        if isinstance(known, StatementError) and known.sql:
            terminal.complain(f"   = sql: {known.sql}")
        if isinstance(known, ConfigError):
            terminal.complain(f"\nFound {known.message.removesuffix(' in the configuration')}.")
    if state.verbose >= 2 and not isinstance(error, KeyboardInterrupt):
        traceback.print_exception(error, file=sys.stderr)
    return known.exit_code


def _known(error: BaseException) -> EngagectlError:
    if isinstance(error, EngagectlError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted", help="what was committed stays; the same command again goes on from there")
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return EngagectlError(f"{error.filename}: {error.strerror}", code="EC020")
    # the text of an unknown exception may hold values: only its type is shown
    return InternalError(
        f"engagectl has a bug: {type(error).__name__}",
        help=("run it again with -vv and report what it prints, after taking out what is private",),
    )


def show_diagnostics(state: Invocation, terminal: Terminal, diagnostics: Sequence[Diagnostic]) -> None:
    """Print diagnostics, with their source lines, to stderr."""
    if diagnostics:
        terminal.complain(as_full(diagnostics, _root(state), colour=terminal.colour_err), styled=True)


def _root(state: Invocation) -> Path:
    from engagectl.config.project import find_root

    try:
        return find_root(Path(state.project_dir))
    except EngagectlError:
        return Path(state.project_dir)
