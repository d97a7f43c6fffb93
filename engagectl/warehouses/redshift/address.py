"""Where a Redshift server is and how we sign in to it: the YAML's fields as the driver's parameters."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from engagectl.errors import ConnectError

if TYPE_CHECKING:
    from engagectl.config.resolve import Secret

PORT = 5439
CONNECT_TIMEOUT_S = 30
_FIELDS = ("host", "port", "database", "user", "password", "sslmode", "cluster", "workgroup", "region")
_LOADING = ("staging", "iam_role")
_VERIFIED = {"verify-ca": "verify-ca", "require": "verify-ca", "prefer": "verify-ca", "allow": "verify-ca"}


def said_fields(spec: object, secrets: "Mapping[str, Secret | str]") -> dict[str, str]:
    """Return what the YAML says, each a text: its own fields, or those of its dsn."""
    found = {}
    for name in (*_FIELDS, *_LOADING, "dsn"):
        value = secrets.get(name, getattr(spec, name, None))
        if name in secrets or isinstance(value, str | int):  # else it is optional, and its variable is not set
            found[name] = _reveal(value)
    dsn = found.pop("dsn", None)
    return {**_read_dsn(dsn), **found} if dsn is not None else found


def _reveal(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else str(value.reveal())


def _read_dsn(dsn: str) -> dict[str, str]:
    try:
        parts = urlsplit(dsn)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("redshift", "postgresql", "postgres") or not parts.hostname:
        raise ConnectError("the dsn cannot be read", help="it is redshift://user:password@host:5439/database")
    said = {
        "host": parts.hostname,
        "port": str(port or PORT),
        "database": unquote(parts.path.lstrip("/")),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
    }
    return {name: value for name, value in said.items() if value}


def parameters(said: Mapping[str, str]) -> dict[str, Any]:
    """Return the driver's parameters. Unless the server is on this machine, it is verified over TLS.

    With a password it is signed in to as a database user; without one by IAM, with the credentials of this machine.
    """
    found: dict[str, Any] = {"database": said.get("database"), "timeout": CONNECT_TIMEOUT_S, "tcp_keepalive": True}
    if "host" in said:
        found |= {"host": said["host"], "port": int(said.get("port", PORT))}
    found |= {"user": said.get("user"), "password": said["password"]} if "password" in said else _by_iam(said)
    found |= _encryption(said)
    return {name: value for name, value in found.items() if value is not None}


def _by_iam(said: Mapping[str, str]) -> dict[str, Any]:
    if "workgroup" in said:
        who: dict[str, Any] = {"is_serverless": True, "serverless_work_group": said["workgroup"]}
    elif "cluster" in said:
        who = {"cluster_identifier": said["cluster"], "db_user": said.get("user")}
    elif _is_local(said):
        return {"user": said.get("user"), "password": ""}
    else:
        raise ConnectError(
            "no way to sign in to Redshift is set",
            help="auth: {method: password, user: .., password: {$env: ..}}; or `cluster`, or `workgroup`, with"
            " auth: {method: default}: IAM",
        )
    return {"iam": True, "region": said.get("region"), **who}


def _encryption(said: Mapping[str, str]) -> dict[str, Any]:
    mode = said.get("sslmode") or ("disable" if _is_local(said) else "verify-full")
    if mode == "disable":
        return {"ssl": False}
    return {"ssl": True, "sslmode": _VERIFIED.get(mode, "verify-full")}  # the driver knows no unverified connection


def _is_local(said: Mapping[str, str]) -> bool:
    from engagectl.config.warehouse import is_local_host

    return "host" in said and is_local_host(said["host"])


def where(said: Mapping[str, str], secrets: "Mapping[str, Secret | str]") -> str:
    """Name the server without what came by reference: a part of a password may have ended up in it."""
    if not isinstance(secrets.get("dsn", ""), str):
        return "the server of the dsn"
    for name in ("host", "workgroup", "cluster"):
        if name in said:
            shown = said[name] if isinstance(secrets.get(name, ""), str) else "(by reference)"
            return f"{name} {shown}"
    return "an unnamed host"
