"""Diagnostics as GitLab's code quality report: an array of issues."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from engagectl.errors import Diagnostic

_SEVERITIES = {"error": "critical", "warning": "minor", "info": "info"}
_NOWHERE = "engagectl.yaml"


def as_gitlab(diagnostics: Sequence[Diagnostic], *, prefix: str = "") -> list[dict[str, Any]]:
    """Return the report; `prefix` leads from the repository's root to the project, `a/b/` or nothing."""
    seen: Counter[tuple[str, str, str]] = Counter()
    return [_issue(item, prefix, seen) for item in diagnostics]


def _issue(item: Diagnostic, prefix: str, seen: Counter[tuple[str, str, str]]) -> dict[str, Any]:
    file = item.place.file if item.place is not None else _NOWHERE
    seen[key := (item.code, file, item.message)] += 1  # a line may move, the fingerprint stays
    return {
        "description": f"{item.message} ({item.code})",
        "check_name": item.code,
        "fingerprint": hashlib.sha256("\n".join((*key, str(seen[key]))).encode("utf-8", "replace")).hexdigest(),
        "severity": _SEVERITIES[item.severity],
        "location": {
            "path": prefix + file,
            "lines": {"begin": item.place.line if item.place is not None else 1},
        },
    }
