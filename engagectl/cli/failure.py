"""An error becomes text or JSON and an exit code: the one place where a failed command ends."""

import sys
import traceback

from engagectl.cli.flags import Invocation
from engagectl.cli.outcome import show_diagnostics, terminal_of, write_document
from engagectl.errors import ConfigError, EngagectlError, InternalError, Interrupted, StatementError
from engagectl.show.diagnostics import footer

_FILE_HELP = "check that the path exists, is of the right kind, and that you may read or write it"


def report(state: Invocation, error: BaseException) -> int:
    """Show an error and return the exit code. A traceback is printed only with -vv."""
    known = _known(error)
    try:
        terminal = terminal_of(state)
    except OSError as failed:  # the log file cannot be opened: that is then the error to tell of
        state.log_file = None
        known, terminal = _known(failed), terminal_of(state)
    diagnostics = known.every_diagnostic()
    if state.wants_document:
        from engagectl.show.envelope import envelope

        summary = {"exit_code": known.exit_code, "error": known.message}
        document = envelope(state.command, ok=False, summary=summary, diagnostics=diagnostics)
        try:
            write_document(state, terminal, document)
        except OSError as failed:
            diagnostics = (*diagnostics, _known(failed).diagnostic())
    if not state.json or terminal.log.json:
        show_diagnostics(state, terminal, diagnostics)
        if isinstance(known, StatementError) and known.sql and not terminal.log.json:
            terminal.complain(f"   = sql: {known.sql}")
        if isinstance(known, ConfigError) and not terminal.log.json:
            terminal.complain(f"\n{footer(diagnostics)}")
    if state.verbose >= 2 and not isinstance(error, KeyboardInterrupt):
        traceback.print_exception(error, file=sys.stderr)
    terminal.event("summary", exit_code=known.exit_code, error=known.message)
    return known.exit_code


def _known(error: BaseException) -> EngagectlError:
    if isinstance(error, EngagectlError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted", help="what was committed stays; the same command again goes on from there")
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return EngagectlError(f"{where}{error.strerror}", code="EC023", help=_FILE_HELP)
    # the text of an unknown exception may hold values: only its type is shown
    return InternalError(
        f"engagectl has a bug: {type(error).__name__}",
        help=("run it again with -vv and report what it prints, after taking out what is private",),
    )
