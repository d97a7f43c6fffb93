"""OAuth from machine to machine: a client id and its secret for a token of an hour ("Authorize service principal access
with OAuth"). The connector asks for headers before each request; the token is renewed before it ends.
"""

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING

from engagectl.errors import ConnectError, TransientError

if TYPE_CHECKING:
    from engagectl.config.resolve import Secret

_PATH = "/oidc/v1/token"
_EARLY_S = 300
_TIMEOUT_S = 60


class MachineToMachine:
    """What the connector takes as its credentials_provider."""

    def __init__(self, origin: str, client_id: str, secret: "Secret", clock: Callable[[], float] = time.time) -> None:
        self._url = origin + _PATH
        self._client_id = client_id
        self._secret = secret
        self._clock = clock
        self._token = ""
        self._until = 0.0

    def auth_type(self) -> str:
        return "oauth-m2m"

    def __call__(self, *_: object) -> Callable[[], dict[str, str]]:
        return self.headers

    def headers(self) -> dict[str, str]:
        """Return what a request is signed with. Raises ConnectError, which tells nothing of the secret."""
        if self._clock() >= self._until:
            self._renew()
        return {"Authorization": f"Bearer {self._token}"}

    def _renew(self) -> None:
        pair = f"{urllib.parse.quote(self._client_id, safe='')}:{urllib.parse.quote(self._secret.reveal(), safe='')}"
        request = urllib.request.Request(  # noqa: S310  the scheme was looked at: https, or http to this machine
            self._url,
            data=b"grant_type=client_credentials&scope=all-apis",
            headers={
                "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        host = urllib.parse.urlsplit(self._url).hostname
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310  as above
                told = json.load(answer)
            self._token, lasts = str(told["access_token"]), float(told.get("expires_in", 3600))
        except urllib.error.HTTPError as error:
            error.close()
            raise ConnectError(
                f"Databricks at {host} does not accept the client id with its secret ({error.code})",
                help="check client_id and client_secret of `auth`; secrets of a service principal end after a time",
            ) from None
        except (OSError, ValueError, KeyError) as error:
            raise TransientError(f"Databricks at {host} gave no token ({type(error).__name__})") from None
        self._until = self._clock() + max(lasts - _EARLY_S, 0.0)
