"""Objects of a store that fsspec reaches: one listing per pattern, and ranges of their bytes.

The packages that reach a store are extras, imported on first use; credentials are those of the environment.
"""

import contextlib
import functools
import logging
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engagectl.sync.inputs.ahead import Ahead
from engagectl.sync.inputs.ranges import BLOCK_BYTES
from engagectl.sync.inputs.unreadable import Unreadable

_BLOCKS_KEPT = 2  # of an object and the one that comes next
_URL = re.compile(r"([a-z][a-z0-9+.-]+)://(.+)", re.DOTALL)
_MAGIC = re.compile(r"[*?\[]")
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure", "abfss": "azure"}
# What a listing says of an object's content, by the store: the first that is there counts.
_VERSIONS = ("ETag", "etag", "generation", "md5Hash", "LastModified", "last_modified", "updated", "mtime", "created")
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "created")
_KNOWN = frozenset({*_EXTRAS, "memory"})
"""Stores of objects. Other systems of fsspec open what a path may not, /proc too (file, generic, zip), or need more."""
_FINDS_NOTHING = frozenset({"az", "abfs", "abfss"})
"""Drivers that list a container that is not there as an empty one."""
_TELLERS = ("s3fs", "aiobotocore", "gcsfs", "google", "adlfs", "azure", "fsspec", "asyncio")
_WHY = {
    "NoCredentialsError": "no credentials were found",
    "EndpointConnectionError": "the store cannot be reached",
}
_WORD = re.compile(r"[A-Za-z0-9]{1,64}")


class Failed(OSError):  # noqa: N818  the names say the problem
    """A store did not give what was asked for; `strerror` says why, without the words of the store."""

    def __init__(self, why: str) -> None:
        super().__init__(5, why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """An object as it was listed. `version` is another one when its content is; "" where the store does not say."""

    store: "Store"
    path: str
    bytes: int
    version: str
    changed_at: datetime | None


class Store:
    """One file system of fsspec. What it raises is an OSError that repeats nothing of the store's own text."""

    def __init__(self, protocol: str, system: Any) -> None:
        self.protocol = protocol
        self._system = system
        self._first: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._ahead = Ahead(self._contents)

    def list(self, pattern: str) -> Iterator[Object]:
        """Yield the objects that a pattern names; one listing, of all that begins as the pattern does."""
        from fsspec.utils import glob_translate

        fixed = pattern[: found.start()] if (found := _MAGIC.search(pattern)) else pattern
        folder, _, begin = fixed.rpartition("/")
        if found is None:
            folder, begin = pattern, ""
        if not folder:
            raise Failed("the bucket must be named whole")
        named = re.compile(glob_translate(pattern))
        with _reached():
            more = {"prefix": begin} if begin and self.protocol in _EXTRAS else {}
            listed: dict[str, Any] = self._system.find(folder, detail=True, **more)
            if not listed and self.protocol in _FINDS_NOTHING:
                with contextlib.suppress(PermissionError):
                    self._system.info(folder.partition("/")[0])
        for name, facts in listed.items():
            path = name.lstrip("/")
            if facts.get("type") != "file" or path.endswith("/") or not named.match(path):
                continue
            yield Object(
                store=self,
                path=path,
                bytes=int(facts.get("size") or 0),
                version=_version(facts),
                changed_at=_changed_at(facts),
            )

    def expect(self, items: Sequence[Object]) -> None:
        """Tell which objects will be read, in which order: small ones are read ahead."""
        self._ahead.expect(items)

    def range(self, item: Object, start: int, end: int) -> bytes:
        """Return the bytes of an object from start up to end. Beyond the first block it is looked at again, so that
        what is read is all of one version.
        """
        end = min(end, item.bytes)
        if start >= end:
            return b""
        if end <= min(BLOCK_BYTES, item.bytes):
            return self._begin(item)[start:end]
        with _reached():
            found: bytes = self._system.cat_file(item.path, start=start, end=end)
        self.check(item)
        return found

    def tail(self, item: Object, size: int) -> bytes:
        """Return the last bytes of an object, and read no others."""
        with _reached():
            found: bytes = self._system.cat_file(item.path, start=max(item.bytes - size, 0), end=item.bytes)
        return found

    def fetch(self, item: Object, path: Path) -> None:
        """Write an object to a file."""
        with _reached():
            self._system.get_file(item.path, str(path))
        self.check(item)

    def _begin(self, item: Object) -> bytes:
        """Return the first block. It is kept for a while: a file is looked at more than once before it is read."""
        key = (item.path, item.version)
        if key not in self._first:
            found = self._ahead.take(item)
            if found is None:
                with _reached():
                    found = self._system.cat_file(item.path, start=0, end=min(BLOCK_BYTES, item.bytes))
            self._first[key] = found
            while len(self._first) > _BLOCKS_KEPT:
                self._first.popitem(last=False)
        return self._first[key]

    def _contents(self, items: Sequence[Object]) -> Sequence[bytes | None]:
        """Return what small objects hold, all asked for at once."""
        try:
            found = self._system.cat_ranges(
                [item.path for item in items], [0] * len(items), [item.bytes for item in items], on_error="return"
            )
        except Exception:  # each is read again alone, and the error told there
            return [None] * len(items)
        return [bytes(one) if isinstance(one, bytes | bytearray) else None for one in found]

    def check(self, item: Object) -> None:
        """Raise an OSError when an object is not the one that was listed any more."""
        with _reached():
            facts = self._system.info(item.path)
        if item.version and _version(facts) != item.version:
            raise Failed("it was replaced while it was read")


def is_url(pattern: str) -> bool:
    """Tell whether a pattern names objects of a store, not files."""
    return _URL.fullmatch(pattern) is not None


def list_objects(url: str) -> Iterator[tuple[str, Object]]:
    """Yield the objects that a URL with globs names, each with its own URL. Raises Unreadable."""
    protocol, pattern = _URL.fullmatch(url).groups()  # type: ignore[union-attr]  # is_url said so
    try:
        for item in _store(protocol).list(pattern):
            yield f"{protocol}://{item.path}", item
    except OSError as error:
        raise Unreadable(
            f"{url} cannot be listed: {reason(error)}",
            code="EC733",
            help="credentials and endpoint come from the environment, as the store's own tools take them",
        ) from None


def expect(items: Iterable[Object]) -> None:
    """Tell which objects will be read, in which order, so that small ones are read while others are loaded."""
    stores: dict[Store, list[Object]] = {}
    for item in items:
        stores.setdefault(item.store, []).append(item)
    for store, mine in stores.items():
        store.expect(mine)


def reason(error: OSError) -> str:
    """Return why a store did not answer, in words that repeat nothing of its own."""
    if isinstance(error, FileNotFoundError):
        return "there is no such bucket or object"
    if isinstance(error, PermissionError):
        return f"the store refused the credentials{_said(error)}"
    return f"{error.strerror if isinstance(error, Failed) else type(error).__name__}{_said(error)}"


def _said(error: BaseException) -> str:
    """Return the word by which a store names its error, where it gives one."""
    response = getattr(error.__cause__, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return f" ({code})" if isinstance(code, str) and _WORD.fullmatch(code) else ""


@functools.cache
def _store(protocol: str) -> Store:
    extra = _EXTRAS.get(protocol)
    install = f"install it: pip install 'engagectl[{extra}]'" if extra else "install the package that reaches it"
    if protocol not in _KNOWN:
        raise Unreadable(
            f"{protocol}:// is no store that is known", code="EC731", help="name files, or one of s3://, gs://, az://"
        )
    for teller in _TELLERS:  # they would write addresses, and the stack of what fails, to standard error
        logger = logging.getLogger(teller)
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
    try:
        import fsspec

        return Store(protocol, fsspec.filesystem(protocol, use_listings_cache=False))
    except ImportError:
        raise Unreadable(f"{protocol}:// needs a package that is not installed", code="EC731", help=install) from None


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    """Turn whatever a store's package raises into an OSError; its own text may hold anything, and stays out."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        if _status(error) in (401, 403):
            raise PermissionError(13, "refused") from error
        raise Failed(_WHY.get(type(error).__name__, type(error).__name__)) from error


def _status(error: BaseException) -> object:
    """Return the HTTP status that a store answered with, where its package keeps it."""
    found = (getattr(one, name, None) for one in (error, error.__cause__) for name in ("status_code", "code"))
    return next((status for status in found if isinstance(status, int)), None)


def _version(facts: dict[str, Any]) -> str:
    found = next((facts[name] for name in _VERSIONS if facts.get(name)), "")
    if facts.get("created") is found and isinstance(found, datetime):  # fsspec's memory lists a number instead
        found = found.timestamp()
    return str(found).strip('"')


def _changed_at(facts: dict[str, Any]) -> datetime | None:
    found = next((facts[name] for name in _TIMES if facts.get(name)), None)
    if isinstance(found, str):
        with contextlib.suppress(ValueError):
            found = datetime.fromisoformat(found)
    if isinstance(found, int | float):
        return datetime.fromtimestamp(found, UTC)
    if not isinstance(found, datetime):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
