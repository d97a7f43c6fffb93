"""Diagnostics as workflow commands of GitHub Actions: annotations on the lines of a pull request."""

from collections.abc import Sequence

from engagectl.errors import Diagnostic

_KINDS = {"error": "error", "warning": "warning", "info": "notice"}


def as_github(diagnostics: Sequence[Diagnostic], *, prefix: str = "") -> str:
    """Return a command per diagnostic; `prefix` leads from the repository's root to the project, `a/b/` or nothing."""
    return "\n".join(_command(item, prefix) for item in diagnostics)


def _command(item: Diagnostic, prefix: str) -> str:
    facts = {"title": item.code}
    place = item.place
    if place is not None:
        facts |= {"file": prefix + place.file, "line": str(place.line), "col": str(place.column)}
        if place.end_line:
            facts["endLine"] = str(place.end_line)
            if place.end_line == place.line:  # columns mean something on one line only
                facts["endColumn"] = str(place.end_column)
    text = "\n".join((item.message, *item.help, f"engagectl explain {item.code}"))
    told = ",".join(f"{key}={_property(value)}" for key, value in facts.items())
    return f"::{_KINDS[item.severity]} {told}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
