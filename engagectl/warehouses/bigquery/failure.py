"""The client's errors as ours. Its texts may repeat a value, so only those that speak of names are shown."""

import re
from typing import Any

from engagectl.errors import ConnectError, EngagectlError, StatementError, TransientError, ValueRefused

_HELP = "engagectl doctor lists the missing grants"
_STATES = {
    "accessDenied": "42501",
    "notFound": "42S02",
    "duplicate": "42S01",
    "invalidQuery": "42000",
}
"""Reasons of BigQuery ("Error messages") -> the SQLSTATE that says the same."""

_TRANSIENT = frozenset(
    {
        "backendError",
        "jobBackendError",
        "internalError",
        "jobInternalError",
        "rateLimitExceeded",
        "jobRateLimitExceeded",
        "timeout",
        "tableUnavailable",
        "stopped",
    }
)
_PRECONDITION_FAILED = 412
"""The etag that a call carries is no more that of the table ("tables.patch", If-Match)."""
_CONFLICTS = ("Transaction is aborted due to concurrent update", "Could not serialize access to table")
_ABOUT_NAMES = (
    "Not found: ",
    "Access Denied: ",
    "Already Exists: ",
    "Syntax error: ",
    "Unrecognized name: ",
    "Column ",
    "ALTER TABLE ",
    "Duplicate column ",
    "Invalid dataset ID",
    "Invalid table ID",
    "Invalid project ID",
    "Dataset ",
    "Table ",
)
"""How the messages begin that speak of names and of the statement's own text, where no value ever is."""


_ABOUT_STATEMENTS = ("Syntax error: ", "Unrecognized name: ", "No matching signature ")
_OF_VALUES = (
    (r"\A(bad \w+ value|could not (cast (?!literal)|convert|parse)|failed to parse)", "22018"),
    (r"\Ainvalid (date|datetime|time|timestamp|interval|numeric|bignumeric|json|geography)\b", "22007"),
    (r"overflow|out of range", "22003"),
    (r"maximum length", "22001"),
    (r"\Arequired field|cannot be null", "23502"),
    (r"\A(cannot query rows larger|row size is larger|error while reading data)", "22000"),
)
"""How the messages are that speak of a value or a row, with the SQLSTATE that says the same: BigQuery has none. The
errors of a load job are such, too ("Error messages": invalid).
"""


def _value_state(reason: str, text: str) -> str:
    """Return the SQLSTATE of what was refused for a value; "" where it was for anything else."""
    if reason not in ("invalid", "invalidQuery") or text.startswith(_ABOUT_STATEMENTS):
        return ""
    return next((state for words, state in _OF_VALUES if re.search(words, text, re.IGNORECASE)), "")


def reason_of(error: Any) -> str:
    found = getattr(error, "errors", None) or [{}]
    first = found[0]
    return str(first.get("reason", "")) if isinstance(first, dict) else ""


def as_ours(error: Any, sql: str = "") -> EngagectlError:
    """Return what a failed call means to our caller."""
    reason, code = reason_of(error), getattr(error, "code", None)
    text = message_of(error)
    if reason in _TRANSIENT or any(sign in text for sign in _CONFLICTS) or (isinstance(code, int) and code >= 500):
        return TransientError(f"BigQuery gave the statement up ({reason or code})", help="run it again")
    if code == _PRECONDITION_FAILED:
        return TransientError("BigQuery: somebody else has changed the table at the same moment", help="run it again")
    if code is None:
        return TransientError("BigQuery: the connection was lost", help="run it again")
    if "quota" in reason.lower():
        return StatementError(f"BigQuery: a quota is used up ({reason})", sql=sql, help="wait, or have it raised")
    if "bytesBilled" in reason or "bytes billed" in text:
        return StatementError(
            "BigQuery: the statement would read more than maximum_bytes_billed allows",
            sql=sql,
            help="raise maximum_bytes_billed of the warehouse, or leave it out",
        )
    reason = reason or {401: "authError", 403: "accessDenied", 404: "notFound", 409: "duplicate"}.get(code, str(code))
    state = _STATES.get(reason, "HY000")
    if value_state := _value_state(reason, text):
        return ValueRefused("BigQuery: a value does not fit the type of its column", sql=sql, sqlstate=value_state)
    if text.startswith(_ABOUT_NAMES):
        advice = _HELP if reason in ("accessDenied", "notFound") else ()
        return StatementError(f"BigQuery: {text}", sql=sql, sqlstate=state, help=advice)
    return StatementError(f"BigQuery refused the statement ({reason})", sql=sql, sqlstate=state)


def message_of(error: Any) -> str:
    """Return the first line of what BigQuery said, without the call that it answers and the id of its job."""
    found = getattr(error, "errors", None) or [{}]
    said = found[0].get("message") if isinstance(found[0], dict) else None
    text = str(said or getattr(error, "message", "") or error).splitlines() or [""]
    return re.sub(r"\A(?:\d{3} )?(?:GET|POST|PATCH|PUT|DELETE) \S+: ", "", text[0])[:300]


def cannot_connect(error: Any, project: str) -> EngagectlError:
    """Say why in our words: the client's text may repeat what it was given."""
    kind, code = type(error).__name__, getattr(error, "code", None)
    if kind == "DefaultCredentialsError":
        why = "this machine is not signed in"
        advice = "gcloud auth application-default login; or auth: {method: service_account, json: {$file: ..}}"
    elif kind == "RefreshError" or code == 401:
        why, advice = "the credentials are not let in", "make a new key of the service account, or sign in again"
    elif code == 403:
        why = "the account may not run jobs in it"
        advice = "give it roles/bigquery.jobUser on the project: engagectl doctor --grants sql"
    elif code == 404:
        why, advice = "there is no such project", "check `project` of the warehouse"
    else:
        why, advice = "BigQuery cannot be reached", "check the network, and `host` of the warehouse where it is set"
    return ConnectError(f"BigQuery project {project}: {why}", help=advice)
