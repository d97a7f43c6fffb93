"""Diagnostics, one line each: place, severity, code, message."""

from collections.abc import Sequence

from engagectl.errors import Diagnostic
from engagectl.show.diagnostics import clean


def as_concise(diagnostics: Sequence[Diagnostic]) -> str:
    """Return a line per diagnostic."""
    return "\n".join(
        f"{f'{d.place}: ' if d.place else ''}{d.severity}[{d.code}]: {clean(d.message)}" for d in diagnostics
    )
