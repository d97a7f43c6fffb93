"""The one JSON document that every command prints with --json."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from engagectl import __version__
from engagectl.errors import Diagnostic, Place


def envelope(
    command: str,
    *,
    ok: bool,
    summary: Mapping[str, Any] | None = None,
    diagnostics: Iterable[Diagnostic] = (),
    **data: Any,
) -> dict[str, Any]:
    """Return the envelope: `data` are the command's own keys. `ok` is whether the exit code is 0 or 2."""
    return {
        "schema": f"engagectl/{command or 'error'}/1",
        "engagectl": __version__,
        "ok": ok,
        "summary": dict(summary or {}),
        "diagnostics": [diagnostic_data(diagnostic) for diagnostic in diagnostics],
        **data,
    }


def diagnostic_data(diagnostic: Diagnostic) -> dict[str, Any]:
    """Return a diagnostic as JSON data."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "place": _place(diagnostic.place),
        "help": list(diagnostic.help),
        "related": [{"place": _place(place), "message": text} for place, text in diagnostic.related],
    }


def _place(place: Place | None) -> dict[str, Any] | None:
    if place is None:
        return None
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
    }


def encode(document: Mapping[str, Any]) -> str:
    """Return JSON text in ASCII, so that no terminal meets a control character; unknown values become text."""
    return json.dumps(document, indent=2, default=str)
