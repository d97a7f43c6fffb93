"""The connector's errors as ours. Texts of Databricks repeat the statement and its values, so only those of conditions
that speak of names are shown ("Error conditions in Databricks").
"""

import re
from typing import Any

from engagectl.errors import ConnectError, EngagectlError, StatementError, TransientError, ValueRefused

_GRANTS = "engagectl doctor lists the missing grants"
_NAMES_ONLY = {
    "TABLE_OR_VIEW_NOT_FOUND": _GRANTS,
    "TABLE_OR_VIEW_ALREADY_EXISTS": "",
    "SCHEMA_NOT_FOUND": _GRANTS,
    "NO_SUCH_CATALOG_EXCEPTION": "name `catalog`, and grant its usage: engagectl doctor --grants sql",
    "INSUFFICIENT_PERMISSIONS": _GRANTS,
    "PERMISSION_DENIED": _GRANTS,
    "FIELD_ALREADY_EXISTS": "",
    "COLUMN_ALREADY_EXISTS": "",
    "DELTA_UNSUPPORTED_DROP_CLUSTERING_COLUMN": "",
    "DELTA_COLUMN_MAPPING_SET_COLUMN_MAPPING_MODE_ON_NEW_TABLE": "",
}
"""Conditions whose text speaks of names only, with what helps."""

_VALUES = ("22",)
"""Classes of SQLSTATE in which a value did not fit."""
_AGAIN = ("40", "57", "08")
_CONFLICT = "DELTA_CONCURRENT"
_CONDITION = re.compile(r"\[([A-Z][A-Z0-9_]+)(?:\.[A-Z0-9_]+)*\]\s*")
_STATE = re.compile(r"SQLSTATE:? ?([0-9A-Z]{5})")
_LOST = ("RequestError", "SessionAlreadyClosedError", "MaxRetryDurationError", "UnsafeToRetryError", "InterfaceError")
_LOST_TEXT = ("Invalid SessionHandle", "session is closed", "Session was closed", "RESOURCE_DOES_NOT_EXIST")

_REASONS = (
    ("401", "the token, or the client id and its secret, is not accepted"),
    ("403", "it may not use this SQL warehouse: CAN USE is needed on it"),
    ("404", "there is no SQL warehouse at this http_path"),
    ("invalid_client", "the client id or its secret is not accepted"),
    ("NO_SUCH_CATALOG", "the catalog is not there, or may not be used: GRANT USE CATALOG"),
    ("Name or service not known", "the host cannot be found"),
    ("getaddrinfo failed", "the host cannot be found"),
    ("certificate", "the certificate of the server is not valid for it"),
)


class Conflict(TransientError):  # noqa: N818  the name says the problem
    """Somebody else wrote to the table at the same time; the statement has done nothing."""


def as_ours(error: Any, sql: str) -> EngagectlError:
    text = str(getattr(error, "message", None) or error)
    kind = type(error).__name__
    if kind in _LOST or any(sign in text for sign in _LOST_TEXT):
        return TransientError("Databricks: the connection was lost", help="run it again")
    found = _CONDITION.search(text)
    condition = found[1] if found else ""
    states = _STATE.findall(text)
    state = states[-1] if states else ""
    if condition.startswith(_CONFLICT):
        return Conflict(f"Databricks: others write to the same table ({condition})", help="run it again")
    if state[:2] in _AGAIN:
        return TransientError(f"Databricks gave the statement up ({condition or state})", help="run it again")
    if condition in _NAMES_ONLY and found is not None:
        said = text[found.end() :].split("\n")[0].split(" SQLSTATE")[0].strip()[:300]
        return StatementError(f"Databricks: {said}", sql=sql, sqlstate=state, help=_NAMES_ONLY[condition] or ())
    if state[:2] in _VALUES:
        return ValueRefused("Databricks: a value does not fit the type of its column", sql=sql, sqlstate=state)
    known = ", ".join(one for one in (condition, state) if one) or kind
    return StatementError(f"Databricks refused the statement ({known})", sql=sql, sqlstate=state)


def cannot_connect(error: Any, host: str) -> EngagectlError:
    """Say why in our words: the connector's text may repeat what it was given."""
    text = f"{error} {getattr(error, 'context', '')}"
    reason = next(
        (words for sign, words in _REASONS if sign in text), f"the connection failed ({type(error).__name__})"
    )
    return ConnectError(
        f"Databricks at {host}: {reason}",
        help="check host, http_path and catalog of the warehouse, and how it signs in",
    )
