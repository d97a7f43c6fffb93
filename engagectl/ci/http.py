"""A JSON API over HTTPS, with the standard library: three verbs, pages, and a token that goes to one host only."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from engagectl.errors import FailedError, RefusedError

TIMEOUT_S = 30
PAGE = 100
MAX_PAGES = 50
MAX_BYTES = 64 << 20


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Redirects are followed by hand: the standard handler would take the token along to another host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


class Api:
    """`base` is the API's address; `headers` sign in. Errors name the call and the status, never a header."""

    def __init__(self, base: str, headers: Mapping[str, str]) -> None:
        if not _is_safe(base):
            raise RefusedError("the API's address must begin with https://", code="EC740")
        self._base = base.rstrip("/")
        self._headers = {"User-Agent": "engagectl", "Accept": "application/json", **headers}

    def get(self, path: str, **query: str | int) -> Any:
        return self._json("GET", path, query=query)

    def pages(self, path: str, *, key: str = "", **query: str | int) -> Iterator[Any]:
        """Yield the items of every page; `key` is where a page that is an object keeps them."""
        for page in range(1, MAX_PAGES + 1):
            found = self._json("GET", path, query={**query, "per_page": PAGE, "page": page})
            items = found.get(key, []) if key else found
            yield from items
            if len(items) < PAGE:
                return

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        return self._json(method, path, body=json.dumps(body).encode())

    def download(self, path: str) -> bytes:
        """Return the bytes behind a path. Where the host redirects to its store, the token stays behind."""
        status, headers, content = self._call("GET", self._base + path, self._headers)
        if status in (301, 302, 303, 307, 308) and (target := headers.get("Location")):
            if not _is_safe(target):
                raise FailedError(f"GET {path}: the host sends us to what is not https", code="EC740")
            status, headers, content = self._call("GET", target, {"User-Agent": "engagectl"})
        if status != 200:
            raise self._refused("GET", path, status, b"")
        return content

    def _json(self, method: str, path: str, *, query: Mapping[str, str | int] | None = None, body: bytes = b"") -> Any:
        url = self._base + path + (f"?{urlencode(query)}" if query else "")
        headers = {**self._headers, **({"Content-Type": "application/json"} if body else {})}
        status, _, content = self._call(method, url, headers, body or None)
        if not 200 <= status < 300:
            raise self._refused(method, path, status, content)
        try:
            return json.loads(content) if content else None
        except (ValueError, RecursionError):
            raise FailedError(f"{method} {path}: the answer is no JSON", code="EC740") from None

    def _call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)  # noqa: S310  the scheme is checked, or the host's own
        try:
            with _OPENER.open(request, timeout=TIMEOUT_S) as answer:
                return answer.status, dict(answer.headers), answer.read(MAX_BYTES)
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, dict(answer.headers), answer.read(1 << 16)
        except (OSError, http.client.HTTPException) as error:
            kind = type(getattr(error, "reason", error)).__name__
            raise FailedError(f"{urlsplit(url).hostname} cannot be reached ({kind})", code="EC740") from None

    def _refused(self, method: str, path: str, status: int, content: bytes) -> FailedError:
        try:
            said = json.loads(content).get("message", "")
        except (ValueError, AttributeError, RecursionError):
            said = ""
        secrets = [word for value in self._headers.values() for word in value.split() if len(word) > 8]
        repeats = isinstance(said, str) and any(word in said for word in secrets)  # a host that repeats our token
        text = f": {said[:200]}" if isinstance(said, str) and said and not repeats else ""
        advice = "does the token have the rights that docs/pull_requests.md lists?" if status in (401, 403, 404) else ()
        return FailedError(f"{method} {path} was answered with {status}{text}", code="EC740", help=advice)


def _is_safe(url: str) -> bool:
    """Tell whether nobody between can read it: TLS, or this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1"))
