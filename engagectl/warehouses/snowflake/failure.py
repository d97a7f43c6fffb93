"""The connector's errors as ours. Its texts may repeat a value, so only those that speak of names are shown."""

from typing import Any

from engagectl.errors import ConnectError, EngagectlError, StatementError, TransientError, ValueRefused

_NAMES_ONLY = {
    904: "",  # invalid identifier
    1003: "",  # syntax error
    2002: "",  # object already exists
    2003: "engagectl doctor lists the missing grants",  # object does not exist or not authorized
    2043: "engagectl doctor lists the missing grants",  # the same, of SHOW and DESCRIBE
    3001: "engagectl doctor lists the missing grants",  # insufficient privileges
    606: "name `compute_warehouse`, or give the user a default warehouse",  # no active warehouse selected
    90105: "name `database`, and grant its usage to the role",  # no current database
}
"""Numbers of errors whose text speaks of names only, with what helps."""

_TRANSIENT_CLASSES = ("08", "40", "57")
_LOST = (390111, 390112, 390114, 390195, 250001, 250002, 251005)
"""The session is gone or its token has expired; the connection failed or was closed."""

_REASONS = (
    ("Incorrect username or password", "the user, or what it signs in with, is wrong"),
    ("JWT token is invalid", "the key does not fit the public key of the user; DESC USER shows its fingerprint"),
    ("Role '", "the role does not exist, or is not granted to the user"),
    ("is not allowed to access Snowflake", "a network policy does not let this address in"),
    ("404 Not Found", "there is no such account"),
    ("Multi-factor authentication is required", "a password is not enough; sign in with a key pair"),
    ("certificate", "the certificate of the server is not valid for it"),
    ("Could not connect to Snowflake backend", "the account cannot be reached"),
)


def as_ours(error: Any, sql: str) -> EngagectlError:
    number, state = abs(int(error.errno or 0)), error.sqlstate or ""
    if number in _LOST:
        return TransientError("Snowflake: the connection was lost", help="run it again")
    if number in _NAMES_ONLY:
        return StatementError(f"Snowflake: {_text(error)}", sql=sql, sqlstate=state, help=_NAMES_ONLY[number] or ())
    if state[:2] in _TRANSIENT_CLASSES:
        return TransientError(f"Snowflake gave the statement up ({number}, {state})", help="run it again")
    if state[:2] == "22":
        return ValueRefused("Snowflake: a value does not fit the type of its column", sql=sql, sqlstate=state)
    return StatementError(f"Snowflake refused the statement ({number}, {state})", sql=sql, sqlstate=state)


def _text(error: Any) -> str:
    """Return the first sentence of the message, without numbers and ids: `Object 'X' does not exist ..`."""
    lines = [line.strip() for line in str(error.raw_msg or error.msg or "").splitlines() if line.strip()]
    said = [
        line for line in lines if not line.startswith("SQL compilation error") and not line.startswith("SQL access")
    ]
    text = (said or lines or ["no message"])[0]
    return text.split("): ", 1)[-1].removeprefix("SQL compilation error:").strip()[:300]


def cannot_connect(error: Any, account: str) -> EngagectlError:
    """Say why in our words: the connector's text may repeat what it was given."""
    text = str(error)
    reason = next((words for sign, words in _REASONS if sign in text), f"the connection failed ({error.errno})")
    return ConnectError(
        f"Snowflake account {account}: {reason}",
        help="check account, user, role and compute_warehouse of the warehouse, and how it signs in",
    )
