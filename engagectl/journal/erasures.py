"""Who was erased: the operation's history, and a tombstone that names nobody. Its key is random and never leaves."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from engagectl.journal.tables import has_journal, place, read_meta, write_meta
from engagectl.warehouses.contract import Connection

_KEY = "erase_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """`digest` is the hex HMAC-SHA256 of a user id. Messages received up to `received_to` are filtered, with "" all."""

    digest: str
    received_to: str


def tombstone_key(connection: Connection, journal: str) -> bytes | None:
    """Return the journal's key of tombstones, None when nobody was erased yet."""
    found = read_meta(connection, journal, _KEY) if has_journal(connection, journal) else None
    return bytes.fromhex(found) if found is not None else None


def make_tombstone(connection: Connection, journal: str, user: str, *, received_to: str) -> Tombstone:
    """Return the tombstone of a user id; the journal's key is made with the first."""
    key = tombstone_key(connection, journal)
    if key is None:
        key = secrets.token_bytes(32)
        write_meta(connection, journal, _KEY, key.hex())
    digest = hmac.new(key, user.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    return Tombstone(digest=digest, received_to=received_to)


def read_tombstones(connection: Connection, journal: str) -> tuple[Tombstone, ...]:
    """Return the tombstones of every project: a person is one in all of a database."""
    if not has_journal(connection, journal):
        return ()
    rows = connection.query(
        f"SELECT digest, received_to FROM {place(journal, 'erasures')} ORDER BY digest, received_to"
    )
    return tuple(Tombstone(digest=digest, received_to=received_to or "") for digest, received_to in rows)


def record_erasure(
    connection: Connection,
    journal: str,
    *,
    id: str,
    project: str,
    target: str,
    now: str,
    tombstone: Tombstone,
    rows: Mapping[str, int],
) -> None:
    """Write an erasure, within its transaction. `rows` are the rows deleted per table."""
    connection.execute(
        f"INSERT INTO {place(journal, 'erasures')} (id, project, target, erased_at, digest, received_to, deleted)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (id, project, target, now, tombstone.digest, tombstone.received_to, json.dumps(dict(rows), sort_keys=True)),
    )
