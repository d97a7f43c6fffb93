"""People who were erased: their messages are filtered. The stage compares keyed hashes, so no id stands anywhere."""

from collections.abc import Sequence

from engagectl.engine import duckdb
from engagectl.journal.erasures import Tombstone

TABLE, KEY = "erased_people", "erased_key"
_BLOCK_BYTES = 64  # of SHA-256 (RFC 2104)


def stage_tombstones(handle: duckdb.DuckDBPyConnection, tombstones: Sequence[Tombstone], key: bytes) -> None:
    """Put tombstones and the pads of their key (32 bytes) where the stage's SQL finds them."""
    padded = key.ljust(_BLOCK_BYTES, b"\0")
    inner, outer = bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)
    handle.execute(f"CREATE OR REPLACE TEMP TABLE {KEY} (inner_pad BLOB, outer_pad BLOB)")
    handle.execute(f"INSERT INTO {KEY} VALUES (?, ?)", [inner, outer])
    handle.execute(f"CREATE OR REPLACE TEMP TABLE {TABLE} (digest VARCHAR, received_to TIMESTAMPTZ)")
    handle.executemany(
        f"INSERT INTO {TABLE} VALUES (?, CAST(nullif(?, '') AS TIMESTAMPTZ))",
        [[one.digest, one.received_to] for one in tombstones],
    )


def are_staged(handle: duckdb.DuckDBPyConnection) -> bool:
    asked = "SELECT count(*) FROM duckdb_tables() WHERE temporary AND table_name = ?"
    return bool(handle.execute(asked, [TABLE]).fetchall()[0][0])


def is_erased(user: str, received_at: str) -> str:
    """Return the predicate "this message is of an erased person, and not received after that"."""
    inner = f"sha256((SELECT inner_pad FROM {KEY}) || encode({user}))"
    digest = f"sha256((SELECT outer_pad FROM {KEY}) || unhex({inner}))"
    forever = f"SELECT digest FROM {TABLE} WHERE received_to IS NULL"
    until = f"(SELECT max(received_to) FROM {TABLE} AS t WHERE t.digest = {digest})"
    return f"coalesce({user} IS NOT NULL AND ({digest} IN ({forever}) OR {received_at} <= {until}), false)"
