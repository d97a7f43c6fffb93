"""The one JSON document that every command prints with --json."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from engagectl import __version__
from engagectl.errors import Diagnostic
from engagectl.show.commands import unarmed_json
from engagectl.show.diagnostics import as_data


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
        "diagnostics": as_data(tuple(diagnostics)),
        **data,
    }


def encode(document: Mapping[str, Any]) -> str:
    """Return JSON text in ASCII, so that no terminal meets a control character; unknown values become text."""
    return unarmed_json(json.dumps(document, indent=2, default=str))
