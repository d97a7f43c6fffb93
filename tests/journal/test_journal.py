"""The journal on a real DuckDB: what is written is read back, and a moved checkpoint is never overwritten."""

from pathlib import Path

import pytest

from engagectl.config.warehouse import DuckdbSpec
from engagectl.journal.applied import read_feeds, record_feeds
from engagectl.journal.checkpoints import Checkpoint, CheckpointMoved, Move, move, read_checkpoints
from engagectl.journal.ownership import Owned, read_owned, record_owned
from engagectl.journal.tables import ensure, exists
from engagectl.model.feed import Feed
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.registry import warehouse

JOURNAL = "engagectl"
NOW = "2026-01-02T03:04:05.000000Z"


@pytest.fixture
def connection(tmp_path: Path) -> Connection:
    record = warehouse("duckdb")
    spec = DuckdbSpec(type="duckdb", path="w.duckdb")
    opened = record.connect(
        spec, "local", secrets={}, root=tmp_path, read_only=False, lock_timeout_s=1.0, command="test"
    )
    assert not exists(opened, JOURNAL)
    assert ensure(opened, record, JOURNAL)
    assert not ensure(opened, record, JOURNAL)
    return opened


def _feed(id: str, **more: object) -> Feed:
    return Feed(
        project="acme", kind="activation", id=id, warehouse="local", space="s", source="main", tables=(), **more
    )  # type: ignore[arg-type]  # keyword arguments of the test


def test_a_feed_keeps_its_number_under_a_new_id(connection: Connection) -> None:
    record_feeds(connection, JOURNAL, target="dev", apply_id="a1", now=NOW, feeds=[_feed("a"), _feed("b")])
    record_feeds(connection, JOURNAL, target="dev", apply_id="a2", now=NOW, feeds=[_feed("c", ids_before=("a",))])
    assert [(a.number, a.feed.id) for a in read_feeds(connection, JOURNAL)] == [(0, "c"), (1, "b")]


def test_a_retired_feed_is_kept_and_comes_back(connection: Connection) -> None:
    record_feeds(connection, JOURNAL, target="dev", apply_id="a1", now=NOW, feeds=[_feed("a"), _feed("b")])
    record_feeds(
        connection, JOURNAL, target="dev", apply_id="a2", now=NOW, feeds=[_feed("a")], retired=[("activation", "b")]
    )
    assert [a.retired_at for a in read_feeds(connection, JOURNAL)] == [None, NOW]
    record_feeds(connection, JOURNAL, target="dev", apply_id="a3", now=NOW, feeds=[_feed("b")])
    assert [a.retired_at for a in read_feeds(connection, JOURNAL)] == [None, None]


def test_a_checkpoint_moves_only_from_where_it_was(connection: Connection) -> None:
    move(connection, JOURNAL, [Move(before=None, after=Checkpoint(feed=0, file="a", offset=10, line=1))])
    move(connection, JOURNAL, [Move(before=10, after=Checkpoint(feed=0, file="a", offset=20, line=2))])
    with pytest.raises(CheckpointMoved):
        move(connection, JOURNAL, [Move(before=10, after=Checkpoint(feed=0, file="a", offset=30, line=3))])
    assert [c.offset for c in read_checkpoints(connection, JOURNAL, [0])] == [20]


def test_ownership_is_rewritten_not_repeated(connection: Connection) -> None:
    row = Owned(schema="s", table="t", column="c", origin="created", state="declared", project="acme", target="dev")
    record_owned(connection, JOURNAL, [row], now=NOW)
    record_owned(connection, JOURNAL, [row], now=NOW)
    assert read_owned(connection, JOURNAL) == (row,)
