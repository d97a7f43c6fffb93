"""Diagnostics as SARIF 2.1.0, for code scanning."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from engagectl import __version__
from engagectl.config.explain import explain
from engagectl.errors import Diagnostic, Place

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def as_sarif(diagnostics: Sequence[Diagnostic], *, prefix: str = "") -> dict[str, Any]:
    """Return the log; `prefix` leads from the repository's root to the project, `a/b/` or nothing."""
    codes = sorted({item.code for item in diagnostics})
    driver = {"name": "engagectl", "version": __version__, "rules": [_rule(code) for code in codes]}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(item, codes, prefix) for item in diagnostics],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    page = explain(code)
    title = page.title if page is not None else code
    return {
        "id": code,
        "shortDescription": {"text": title},
        "help": {"text": page.text if page is not None else f"engagectl explain {code}"},
    }


def _result(item: Diagnostic, codes: Sequence[str], prefix: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": item.code,
        "ruleIndex": codes.index(item.code),
        "level": _LEVELS[item.severity],
        "message": {"text": "\n".join((item.message, *item.help))},
        "locations": [{"physicalLocation": _location(item.place, prefix)}] if item.place is not None else [],
    }
    if item.related:
        result["relatedLocations"] = [
            {"physicalLocation": _location(place, prefix), "message": {"text": text}} for place, text in item.related
        ]
    return result


def _location(place: Place, prefix: str) -> dict[str, Any]:
    region = {"startLine": place.line, "startColumn": place.column}
    if place.end_line:
        region |= {"endLine": place.end_line, "endColumn": place.end_column}
    return {"artifactLocation": {"uri": quote(prefix + place.file)}, "region": region}
