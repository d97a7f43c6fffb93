"""What is written to the journal is read back, on both warehouses; a journal that is not there reads as empty."""

import json

import pytest

from engagectl.errors import RefusedError
from engagectl.journal import applied, checkpoints, history, names, ownership, quarantine, tables, undeclared
from engagectl.journal.checkpoints import Checkpoint, CheckpointMoved, Move
from engagectl.journal.history import Load, Outcome
from engagectl.model.codec import canonical
from engagectl.model.column_type import Decimal, Text
from engagectl.model.feed import AtPath, Feed, FeedColumn, FeedTable, InBody
from engagectl.model.schema import TableName
from engagectl.warehouses import words
from engagectl.warehouses.contract import Connection, Holder, Warehouse

JOURNAL = 'odd "journal"'
NOW = "2026-11-24T12:00:00.000000Z"
USERS = TableName("engage_default", "users")


def feed(name: str = "vip", project: str = "p", **other: object) -> Feed:
    column = FeedColumn(
        name="plan", type=Decimal(18, 2), stored=Text(), value=AtPath((("context", "Plan ☃"),)), subject="trait.plan"
    )
    body = FeedColumn(name="tier", type=Text(), stored=Text(), value=InBody(("tier",)))
    table = FeedTable(name=TableName("default", "vip"), role="activation", columns=(column, body))
    return Feed(
        project=project, kind="activation", id=name, warehouse="w", space="s", source="d", tables=(table,), **other
    )  # type: ignore[arg-type]  # fields by name


def test_a_missing_journal_reads_as_empty(empty: Connection) -> None:
    assert tables.version_of(empty, JOURNAL) is None
    assert applied.read_feeds(empty, JOURNAL) == ()
    assert ownership.read_owned(empty, JOURNAL) == ()
    assert checkpoints.read_checkpoints(empty, JOURNAL) == ()
    assert history.read_history(empty, JOURNAL) == ()
    assert history.last_success(empty, JOURNAL) == {}
    assert quarantine.list_entries(empty, JOURNAL, project="p") == ()
    assert undeclared.read_undeclared(empty, JOURNAL) == ()
    assert names.times_columns(empty, JOURNAL, USERS) == ()


def test_ensure_creates_once_and_a_newer_journal_is_refused(connection: Connection, kind: Warehouse) -> None:
    first = tables.database_id(connection, JOURNAL)
    assert first
    assert not tables.ensure(connection, kind, JOURNAL)
    assert tables.database_id(connection, JOURNAL) == first
    connection.execute(f"UPDATE {tables.place(JOURNAL, 'meta')} SET content = '99' WHERE item = 'version'")
    with pytest.raises(RefusedError, match="99") as caught:
        tables.version_of(connection, JOURNAL)
    assert (caught.value.code, caught.value.exit_code) == ("EC600", 4)


def test_feeds_keep_their_number_through_renames_and_retirement(connection: Connection) -> None:
    for apply_id, feeds, retired in (
        ("a1", (feed(), feed("b")), ()),
        ("a2", (feed("new", ids_before=("vip",)),), (("activation", "b"),)),
        ("a3", (feed("b"), feed("vip", project="other")), ()),
    ):
        applied.record_feeds(
            connection, JOURNAL, target="prod", apply_id=apply_id, now=NOW, feeds=feeds, retired=retired
        )
    found = applied.read_feeds(connection, JOURNAL)
    assert [(row.number, row.feed.id, row.feed.project, row.retired_at) for row in found] == [
        (0, "new", "p", None),
        (1, "b", "p", None),
        (2, "vip", "other", None),
    ]
    assert found[1].feed == feed("b")
    applied.rename_column(connection, JOURNAL, TableName("default", "vip"), "plan", "package")
    (other,) = applied.read_feeds(connection, JOURNAL, project="other")
    assert [column.name for column in other.feed.tables[0].columns] == ["package", "tier"]


def test_a_feed_that_reads_as_applied_is_taken_as_it_is_and_another_is_read(connection: Connection) -> None:
    applied.record_feeds(
        connection, JOURNAL, target="prod", apply_id="a1", now=NOW, feeds=(feed(owner="crm é"), feed("b", owner="crm"))
    )
    same, changed = feed(owner="crm é"), feed("b", owner="web")

    first, second = applied.read_feeds_alike(connection, JOURNAL, (same, changed))

    assert first.feed is same
    assert second.feed == feed("b", owner="crm")


def test_what_is_longer_than_a_column_holds_is_kept_in_parts(connection: Connection) -> None:
    connection.text_bytes = 400
    longer, short = feed(owner="crm é ☃" * 300), feed("b")
    for apply_id, feeds in (("a1", (longer, short)), ("a2", (longer,)), ("a3", (feed(owner="now short"),))):
        applied.record_feeds(connection, JOURNAL, target="prod", apply_id=apply_id, now=NOW, feeds=feeds)
        read = applied.read_feeds(connection, JOURNAL)
        assert [one.feed for one in read] == [feeds[0], short]
        assert [one.feed for one in applied.read_feeds_alike(connection, JOURNAL, ())] == [feeds[0], short]
        documents = connection.query(f"SELECT document FROM {tables.place(JOURNAL, 'feeds')}")
        parts = connection.query(f"SELECT content FROM {tables.place(JOURNAL, 'meta')}")
        assert all(len(text.encode()) <= 400 for (text,) in (*documents, *parts))
    applied.rewrite(connection, JOURNAL, 0, longer)
    assert applied.read_feeds(connection, JOURNAL)[0].feed == longer
    connection.text_bytes = 100_000
    for number, one in ((0, longer), (1, short)):
        applied.rewrite(connection, JOURNAL, number, one)
    assert connection.query(f"SELECT COUNT(*) FROM {tables.place(JOURNAL, 'meta')}") == [(2,)]


def test_statements_that_no_column_holds_are_cut_and_known_by_their_hash(connection: Connection) -> None:
    connection.text_bytes = 500
    for position, statements in enumerate((("SELECT 1",), ("é" * 900, "SELECT 2"), ("🙂" * 100,) * 3)):
        step = history.Started(position=position, address="local/x", kind="add_column", statements=statements)
        history.steps_started(connection, JOURNAL, apply_id="a1", steps=[step], now=NOW)
        history.step_finished(
            connection, JOURNAL, apply_id="a1", position=position, outcome="failed", now=NOW, error="é" * 999
        )
    for text, error in connection.query(f"SELECT statements, error FROM {tables.place(JOURNAL, 'steps')}"):
        assert len(text) <= 500
        assert json.loads(text)
        assert error.endswith("é .. (cut)")
        assert len(error.encode()) <= 500


def test_a_journal_of_version_1_gets_its_digests_with_the_next_apply(connection: Connection, kind: Warehouse) -> None:
    connection.execute(f"ALTER TABLE {tables.place(JOURNAL, 'feeds')} DROP COLUMN digest")
    connection.execute(f"ALTER TABLE {tables.place(JOURNAL, 'checkpoints')} DROP COLUMN version")
    tables.write_meta(connection, JOURNAL, "version", "1")
    with pytest.raises(RefusedError, match="older engagectl") as caught:
        checkpoints.read_checkpoints(connection, JOURNAL)
    assert caught.value.help == ("engagectl apply brings it up to date and keeps all that is in it",)
    old, new = feed("a"), feed("b")
    connection.execute(
        f"INSERT INTO {tables.place(JOURNAL, 'feeds')} (number, project, kind, id, target, document)"
        " VALUES (0, 'p', 'activation', 'a', 'prod', ?)",
        (canonical(old),),
    )

    assert tables.ensure(connection, kind, JOURNAL)
    applied.record_feeds(connection, JOURNAL, target="prod", apply_id="a1", now=NOW, feeds=(new,))
    first, second = applied.read_feeds_alike(connection, JOURNAL, (old, new))

    assert first.feed == old
    assert first.feed is not old
    assert second.feed is new
    assert checkpoints.read_checkpoints(connection, JOURNAL) == ()


def test_a_checkpoint_moves_only_from_where_it_was_read(connection: Connection) -> None:
    first = Checkpoint(feed=3, file="a.ndjson", offset=10, line=1, identity="x")
    second = Checkpoint(feed=3, file="a.ndjson", offset=20, line=2, identity="y")
    checkpoints.move(connection, JOURNAL, [Move(before=None, after=first)])
    checkpoints.move(connection, JOURNAL, [Move(before=10, after=second)])
    assert checkpoints.read_checkpoints(connection, JOURNAL, [3]) == (second,)
    assert checkpoints.read_checkpoints(connection, JOURNAL, [4]) == ()
    for stale in (None, 10):
        with pytest.raises(CheckpointMoved) as caught:
            checkpoints.move(connection, JOURNAL, [Move(before=stale, after=second)])
        assert (caught.value.code, caught.value.exit_code) == ("EC521", 1)


def test_times_follow_the_columns_of_users(connection: Connection, kind: Warehouse) -> None:
    names.keep_times(connection, kind, JOURNAL, USERS, ["plan", 'a"b'])
    names.keep_times(connection, kind, JOURNAL, USERS, ["plan", "tier"])
    assert names.times_columns(connection, JOURNAL, USERS) == ('a"b', "plan", "tier")
    names.rename_column(connection, JOURNAL, USERS, "plan", "package")
    names.drop_column(connection, JOURNAL, USERS, "tier")
    assert names.times_columns(connection, JOURNAL, USERS) == ('a"b', "package")
    names.drop_table(connection, JOURNAL, USERS)
    assert names.times_columns(connection, JOURNAL, USERS) == ()


def test_history_tells_rows_status_and_the_last_success(connection: Connection) -> None:
    history.start_sync(connection, JOURNAL, id="s1", project="p", target="t", now=NOW)
    stamp = history.next_stamp(connection, JOURNAL, NOW)
    load = Load(
        chunk=0,
        feed=0,
        file="a",
        offset_from=0,
        offset_to=9,
        uuid_ts=stamp,
        read=3,
        inserted=2,
        duplicate=0,
        filtered={"undeclared": 1},
        quarantined=0,
        cells=0,
        tables={("default", "vip"): 2},
    )
    history.record_loads(connection, JOURNAL, sync_id="s1", loads=[load])
    assert history.last_success(connection, JOURNAL) == {}
    end = "2026-11-24T12:00:05.000000Z"
    history.record_outcomes(
        connection,
        JOURNAL,
        sync_id="s1",
        outcomes=[Outcome(feed=0, status="Success"), Outcome(feed=1, status="Partial")],
    )
    history.finish_sync(connection, JOURNAL, id="s1", now=end, status="Success", notices="ünï")
    assert history.last_success(connection, JOURNAL) == {0: NOW}
    assert history.next_stamp(connection, JOURNAL, "2026-01-01T00:00:00.000000Z") > stamp
    (entry,) = history.read_history(connection, JOURNAL, project="p")
    assert (entry.kind, entry.status, entry.duration_s, entry.notices) == ("sync", "Success", 5.0, "ünï")
    assert entry.rows == (("default.vip", 2),)
    assert history.read_history(connection, JOURNAL, project="q") == ()
    assert history.read_history(connection, JOURNAL, project="p", kind="apply") == ()


def test_of_syncs_that_never_ended_only_the_newest_runs_and_only_under_the_lock(connection: Connection) -> None:
    history.start_sync(connection, JOURNAL, id="s1", project="p", target="t", now=NOW)
    history.start_sync(connection, JOURNAL, id="s2", project="p", target="t", now=NOW.replace("12:", "13:", 1))
    connection.lock(JOURNAL, timeout_s=0, holder=Holder(command="sync"))
    assert connection.lock_holder(JOURNAL) is not None
    found = history.read_history(connection, JOURNAL, project="p")
    assert [(entry.id, entry.status, entry.stopped) for entry in found] == [
        ("s2", "Running", False),
        ("s1", "Running", True),
    ]


def test_a_searched_file_is_remembered_beside_its_offset_and_moves_nothing(connection: Connection) -> None:
    first = Checkpoint(feed=3, file="a.ndjson", offset=10, line=1, identity="x")
    checkpoints.move(connection, JOURNAL, [Move(before=None, after=first)])
    found = [
        checkpoints.Searched(feed=3, file="a.ndjson", searched_to=40, complete_to=30),
        checkpoints.Searched(feed=4, file="b.ndjson", searched_to=7, complete_to=0),
    ]
    checkpoints.remember_search(connection, JOURNAL, found)
    checkpoints.remember_search(connection, JOURNAL, found)
    assert [
        (p.feed, p.offset, p.searched_to, p.complete_to) for p in checkpoints.read_checkpoints(connection, JOURNAL)
    ] == [
        (3, 10, 40, 30),
        (4, 0, 7, 0),
    ]


def test_undeclared_keys_add_up(connection: Connection) -> None:
    for types, first, last in (("string", "b", "c"), ("number", "a", "b")):
        row = undeclared.Undeclared(
            feed=1, kind="trait", key="x", types=types, messages=2, first_at=first, last_at=last
        )
        undeclared.count_undeclared(connection, JOURNAL, [row])
    (found,) = undeclared.read_undeclared(connection, JOURNAL)
    assert (found.types, found.messages, found.first_at, found.last_at) == ("number,string", 4, "a", "c")


def test_ownership_is_written_over_renamed_and_forgotten(connection: Connection) -> None:
    rows = [
        ownership.Owned(schema="s", table="t", column=c, origin="created", state="declared", project="p", target="prod")
        for c in ("", "a")
    ]
    ownership.record_owned(connection, JOURNAL, rows)
    ownership.record_owned(connection, JOURNAL, rows)
    assert list(ownership.read_owned(connection, JOURNAL)) == rows
    ownership.rename_column(connection, JOURNAL, TableName("s", "t"), "a", "b")
    ownership.rename_table(connection, JOURNAL, TableName("s", "t"), TableName("s", "u"))
    assert [row.key for row in ownership.read_owned(connection, JOURNAL)] == [("s", "u", ""), ("s", "u", "b")]
    ownership.forget(connection, JOURNAL, TableName("s", "u"), "b")
    assert len(ownership.read_owned(connection, JOURNAL)) == 1


def test_a_name_stands_bare_unless_an_engine_reserves_it() -> None:
    assert tables.place("engagectl", "meta") == "engagectl.meta"
    assert tables.place("user", "meta") == '"user".meta'
    assert words.word('a"b') == '"a""b"'
    columns = {column.name for table in tables.TABLES for column in (*table.columns,)}
    quoted = {"identity"}  # Redshift alone reserves it, and checkpoints.py quotes it
    assert (columns | {table.name.table for table in tables.TABLES}) & words.RESERVED == quoted


def test_every_word_that_an_engine_reserves_is_quoted(engine: Warehouse, session: Connection) -> None:
    """The engine itself says which words it takes."""
    asked = {
        "duckdb": "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function')",
        "postgres": "SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')",
    }
    assert {word for (word,) in session.query(asked[engine.name])} <= words.RESERVED
