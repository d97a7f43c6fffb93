"""The keys of hmac_sha256 at work: staged as padded bytes, so that no key stands in SQL."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from engagectl.config.keys import key_check
from engagectl.config.resolve import Secret
from engagectl.engine import duckdb
from engagectl.model.feed import Feed, FeedTable
from engagectl.sync.route import KEYS

_BLOCK = 64  # bytes, of SHA-256


def stage_keys(handle: duckdb.DuckDBPyConnection, keys: Mapping[str, Secret]) -> None:
    """Stage the two padded keys of RFC 2104 for each key."""
    handle.execute(f"CREATE OR REPLACE TEMP TABLE {KEYS} (id VARCHAR, inner_pad BLOB, outer_pad BLOB)").fetchall()
    for id_, key in sorted(keys.items()):
        data = key.reveal().encode()
        block = (hashlib.sha256(data).digest() if len(data) > _BLOCK else data).ljust(_BLOCK, b"\0")
        pads = [bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C)]
        handle.execute(f"INSERT INTO {KEYS} VALUES (?, ?, ?)", [id_, *pads]).fetchall()


def key_problem(feed: Feed, keys: Mapping[str, Secret]) -> str:
    """Say which key of a feed is missing or is not the one that it was applied by; "" when all is well."""
    for id_, check in sorted(_checks(feed)):
        if id_ not in keys:
            return f"the key credentials.{id_} of hmac_sha256 cannot be read"
        if check and key_check(keys[id_]) != check:
            return f"the key credentials.{id_} is not the one that was applied: its hashes would match no stored ones"
    return ""


def checked(feed: Feed, keys: Mapping[str, Secret]) -> Feed:
    """Return the feed with the check of each key that apply could not read."""
    if all(check for _, check in _checks(feed)):
        return feed
    return replace(feed, tables=tuple(_checked(table, keys) for table in feed.tables))


def _checked(table: FeedTable, keys: Mapping[str, Secret]) -> FeedTable:
    columns = []
    for column in table.columns:
        steps = tuple(
            replace(step, check=key_check(keys[step.credentials]))
            if step.name == "hmac_sha256" and not step.check
            else step
            for step in column.transforms
        )
        columns.append(replace(column, transforms=steps))
    return replace(table, columns=tuple(columns))


def _checks(feed: Feed) -> set[tuple[str, str]]:
    return {
        (step.credentials, step.check)
        for table in feed.tables
        for column in table.columns
        for step in column.transforms
        if step.name == "hmac_sha256"
    }
