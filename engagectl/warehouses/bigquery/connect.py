"""Open a BigQuery project by the vendor's client: who signs in, and where it is reached."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engagectl.errors import ConnectError, EngagectlError
from engagectl.warehouses.bigquery.connection import BigQueryConnection
from engagectl.warehouses.bigquery.failure import cannot_connect
from engagectl.warehouses.tag import Tag

if TYPE_CHECKING:
    from engagectl.config.resolve import Secret


_LOCAL = ("localhost", "127.0.0.1", "::1")


def connect(
    spec: object,
    id: str,
    *,
    secrets: "Mapping[str, Secret | str]",
    root: Path,
    read_only: bool,
    lock_timeout_s: float,
    command: str,
    target: str = "",
    commit: str = "",
    memory_mb: int = 512,
) -> "BigQueryConnection":
    """Open a client, and see that it may run jobs. `root` and `lock_timeout_s` are other warehouses'.

    Raises ConnectError, which names the project but never a secret.
    """
    del root, lock_timeout_s
    try:
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import bigquery
    except ImportError:
        raise ConnectError(
            "the BigQuery client is not installed", code="EC502", help="pip install 'engagectl[bigquery]'"
        ) from None
    said = {name: _reveal(value) for name, value in secrets.items()}
    project = said.get("project") or str(getattr(spec, "project", "") or "")
    location = said.get("location") or None
    endpoint = endpoint_of(said.get("host"))
    try:
        client = bigquery.Client(
            project=project,
            location=location,
            credentials=_credentials(said, endpoint),
            client_options={"api_endpoint": endpoint} if endpoint else None,
        )
    except GoogleAuthError as error:
        raise cannot_connect(error, project) from None
    connection = BigQueryConnection(
        client,
        id,
        project=project,
        read_only=read_only,
        tag=Tag(command=command, target=target, commit=commit),
        max_bytes=int(said["maximum_bytes_billed"]) if said.get("maximum_bytes_billed") else None,
    )
    connection.memory_mb = memory_mb
    try:
        connection.look()
    except EngagectlError:
        connection.close()
        raise
    return connection


def endpoint_of(host: str | None) -> str:
    """Return where BigQuery is reached when that is not its usual place.

    Without encryption only this machine is reached: that is an emulator.
    """
    if not host:
        return ""
    parts = urlsplit(host if "://" in host else f"https://{host}")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ConnectError("the host cannot be read", help="host: NAME, or NAME:PORT")
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        raise ConnectError(
            f"{parts.hostname} would be reached without encryption", help="http:// is for an emulator on this machine"
        )
    return f"{parts.scheme}://{parts.netloc}"


def _credentials(said: Mapping[str, str], endpoint: str) -> Any:
    """Return who we are: a service account, a token, or None for what this machine is signed in with.

    An emulator gets no credentials: what is not encrypted carries none.
    """
    if endpoint.startswith("http://"):
        from google.auth.credentials import AnonymousCredentials

        return AnonymousCredentials()
    if "json" in said:
        return _service_account(said["json"])
    if "token" in said:
        from google.oauth2.credentials import Credentials

        return Credentials(said["token"])
    for field in ("password", "private_key", "client_secret"):
        if field in said:
            raise ConnectError(
                "BigQuery cannot be signed in to this way",
                help="auth: {method: service_account, json: {$file: ..}}, or {method: default}, or a token",
            )
    return None


def _service_account(text: str) -> Any:
    """Return the credentials of a key. Raises ConnectError, which tells nothing of the key."""
    from google.oauth2 import service_account

    try:
        info = json.loads(text)
        return service_account.Credentials.from_service_account_info(
            info, scopes=["https://www.googleapis.com/auth/bigquery"]
        )
    except (ValueError, TypeError, AttributeError, KeyError):
        raise ConnectError(
            "the key of the service account cannot be read",
            help="it is the text of the JSON file that `gcloud iam service-accounts keys create` writes, whole",
        ) from None


def _reveal(value: Any) -> str:
    return value if isinstance(value, str) else str(value.reveal())
