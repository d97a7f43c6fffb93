"""The driver's errors as ours. Its texts may repeat a value, so only those that speak of names are shown."""

import struct
from collections.abc import Mapping
from typing import Any

from engagectl.errors import ConnectError, EngagectlError, StatementError, TransientError, ValueRefused

_TRANSIENT_CLASSES = ("08", "40", "53", "57")
_NAMES_ONLY = ("0A", "25", "2B", "3D", "3F", "42", "54", "55")
"""Classes of SQLSTATE whose text speaks of names only."""
_CONFLICT = ("serializable isolation violation", "could not serialize")
"""Redshift says this with XX000: two transactions met, and one of them is rolled back."""

_LOAD = ("stl_load_errors", "sys_load_error_detail")
"""What COPY says about rows that it does not take names one of these views; their texts repeat values."""

_REASONS = (
    ("password authentication failed", "the user or the password is wrong"),
    ("no password supplied", "the server asks for a password and none is set"),
    ("no pg_hba.conf entry", "the server does not let this user in from here"),
    ("does not exist", "the database or the user does not exist"),
    ("Server refuses SSL", "the server does not offer encryption"),
    ("CERTIFICATE_VERIFY_FAILED", "the server's certificate is not valid for it"),
    ("certificate", "the server's certificate is not valid for it"),
    ("SSL", "the encrypted connection could not be made"),
    ("NoCredentials", "no AWS credentials were found on this machine"),
    ("Unable to locate credentials", "no AWS credentials were found on this machine"),
    ("AccessDenied", "AWS does not let these credentials sign in to it"),
    ("ClusterNotFound", "there is no such cluster in the region"),
    ("ResourceNotFound", "there is no such workgroup in the region"),
    ("specify a region", "no AWS region is set"),
    ("Connection refused", "nothing listens there"),
    ("timed out", "no answer in time: a security group may not let this machine in"),
    ("Name or service not known", "the host's name is not known"),
    ("nodename nor servname", "the host's name is not known"),
    ("Temporary failure in name resolution", "the host's name is not known"),
)


def lost() -> tuple[type[Exception], ...]:
    """Return what the driver lets through when its socket is gone."""
    return (OSError, struct.error, AttributeError, IndexError)


def as_ours(error: BaseException, sql: str) -> EngagectlError:
    said = _fields(error)
    state, text = said.get("C", ""), said.get("M", "")
    if not state:
        return TransientError("Redshift: the connection was lost", help="run it again")
    if any(sign in text.lower() for sign in _CONFLICT):
        return TransientError(f"Redshift gave the transaction up for another one ({state})", help="run it again")
    if any(view in text.lower() for view in _LOAD):
        return ValueRefused(
            "Redshift: COPY does not take one of the staged rows",
            sql=sql,
            sqlstate=state,
            help="SELECT column_name, error_code, line_number FROM sys_load_error_detail ORDER BY start_time DESC",
        )
    if state[:2] in _TRANSIENT_CLASSES:
        return TransientError(f"Redshift: {_first_line(text)} ({state})", help="run it again")
    if state == "42501":
        return StatementError(
            f"Redshift: {_first_line(text)}", sql=sql, sqlstate=state, help="engagectl doctor lists the missing grants"
        )
    if state[:2] in _NAMES_ONLY:
        return StatementError(f"Redshift: {_first_line(text)}", sql=sql, sqlstate=state)
    if state[:2] == "23":
        return ValueRefused(f"Redshift: {_first_line(text)}", sql=sql, sqlstate=state)
    if state[:2] == "22":
        return ValueRefused("Redshift: a value does not fit the type of its column", sql=sql, sqlstate=state)
    return StatementError(f"Redshift refused the statement ({state})", sql=sql, sqlstate=state)


def _fields(error: BaseException) -> Mapping[str, str]:
    """Return the fields of an ErrorResponse, as the driver hands them over: C the SQLSTATE, M the message."""
    first: Any = error.args[0] if error.args else None
    return first if isinstance(first, dict) else {}


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:300] or "no message"


def cannot_connect(error: BaseException, where: str) -> EngagectlError:
    """Say why in our words: the driver's text may repeat what it was given."""
    text = f"{type(error).__name__} {_fields(error).get('M', '') or error}"
    reason = next((words for sign, words in _REASONS if sign in text), "the connection failed")
    return ConnectError(
        f"Redshift at {where}: {reason}",
        help="check host, port, database, user and password, or cluster, workgroup and region, of the warehouse",
    )
