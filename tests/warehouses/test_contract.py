"""The laws every warehouse keeps, on the real engines."""

from collections.abc import Callable

import pytest

from engagectl.errors import LockHeld, StatementError
from engagectl.model.change import DropTable
from engagectl.model.schema import TableName
from engagectl.warehouses.contract import Connection, Holder, Warehouse

Opener = Callable[..., Connection]
CANARY = "S3CRET-canary"


def test_a_session_is_in_utc(session: Connection) -> None:
    assert session.query("SELECT current_setting('TimeZone')") == [("UTC",)]


def test_values_are_bound_and_marks_in_text_are_left_alone(session: Connection) -> None:
    sql = """SELECT '?%', CAST(? AS varchar) AS "a?%s", 7 % 4 /* ? */ -- ?"""
    assert session.query(sql, ("x",)) == [("?%", "x", 3)]
    assert session.query("SELECT '?%'") == [("?%",)]


def test_what_was_read_is_counted_in_both_forms(session: Connection) -> None:
    queries, rows = session.queries, session.rows_read
    session.query("SELECT 1 UNION ALL SELECT 2")
    assert set(session.query_as(lambda n: n + 1, "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3")) == {2, 3, 4}
    assert (session.queries - queries, session.rows_read - rows) == (2, 5)


def test_execute_counts_rows(session: Connection) -> None:
    assert session.execute("CREATE SCHEMA s") == 0
    session.execute("CREATE TABLE s.t (a bigint, b varchar)")
    session.execute_many("INSERT INTO s.t VALUES (?, ?)", [(1, "x"), (2, None)])
    assert session.execute("UPDATE s.t SET b = ? WHERE a > ?", ("y", 0)) == 2
    assert session.query("SELECT a, b FROM s.t ORDER BY a") == [(1, "y"), (2, "y")]


def test_many_rows_are_written_and_deleted_as_one_by_one(session: Connection) -> None:
    session.execute("CREATE SCHEMA s")
    session.execute("CREATE TABLE s.t (a bigint, b varchar, c timestamp with time zone, d boolean)")
    rows = [
        (1, "x", "2026-01-01T00:00:00Z", True),
        (2, "it's ?", None, None),
        (2, "y", None, False),
        (3, "y", None, None),
    ]
    session.execute_many("INSERT INTO s.t (a, b, c, d) VALUES (?, ?, ?, ?)", rows)
    session.execute_many("INSERT INTO s.t (a, b) VALUES (?, 'of ours')", [(4,), (5,)])
    session.execute_many("INSERT INTO s.t (c, a) VALUES (?, ?)", [(None, 6), (None, 7)])
    session.execute_many("DELETE FROM s.t WHERE a = ? AND b = ?", [(2, "y"), (2, "y"), (3, "x"), (9, "y")])
    session.execute_many("DELETE FROM s.t WHERE a = ?", [(4,), (7,)])
    session.execute_many("DELETE FROM s.t WHERE a = ?", [])
    assert session.query("SELECT a, b, CAST(c AS date) IS NULL, d FROM s.t ORDER BY a, b") == [
        (1, "x", False, True),
        (2, "it's ?", True, None),
        (3, "y", True, None),
        (5, "of ours", True, None),
        (6, None, True, None),
    ]


def test_a_rolled_back_transaction_leaves_nothing(engine: Warehouse, session: Connection) -> None:
    session.begin()
    session.execute("CREATE SCHEMA gone")
    session.rollback()
    session.rollback()
    assert engine.catalog(session, ["gone"]).schemas == ()


def test_an_error_never_repeats_a_value(session: Connection) -> None:
    with pytest.raises(StatementError) as caught:
        session.query("SELECT CAST(CAST(? AS varchar) AS bigint)", (CANARY,))
    assert CANARY not in str(caught.value) + caught.value.sql
    assert caught.value.__cause__ is None


def test_an_error_names_the_missing_table(session: Connection) -> None:
    with pytest.raises(StatementError, match="nowhere") as caught:
        session.query("SELECT 1 FROM main.nowhere")
    assert (caught.value.code, caught.value.exit_code) == ("EC530", 1)


def test_a_read_only_session_cannot_write(open_engine: Opener) -> None:
    open_engine().close()
    reader = open_engine(read_only=True)
    with pytest.raises(StatementError):
        reader.execute("CREATE SCHEMA s")


def test_a_held_lock_names_its_holder(open_engine: Opener) -> None:
    first = open_engine(command="sync")
    first.lock("engagectl", timeout_s=0, holder=Holder(command="sync", host="h1"))
    with pytest.raises(LockHeld, match="engagectl sync"):
        open_engine(lock_timeout_s=0.3, command="apply").lock(
            "engagectl", timeout_s=0.3, holder=Holder(command="apply", host="h2")
        )


def test_a_lock_ends_with_its_session(open_engine: Opener) -> None:
    first = open_engine()
    first.lock("engagectl", timeout_s=0, holder=Holder(command="sync"))
    assert not first.somebody_waits()
    first.close()
    open_engine().lock("engagectl", timeout_s=0, holder=Holder(command="sync"))


def test_doctor_finds_a_fresh_database_well(engine: Warehouse, session: Connection) -> None:
    checks = engine.doctor(session, "engagectl")
    assert all(check.ok for check in checks)
    assert checks[0].detail == session.version
    assert "apply creates it" in checks[-1].detail


def test_the_catalog_tells_rows_cheaply(engine: Warehouse, session: Connection) -> None:
    session.execute("CREATE SCHEMA s")
    session.execute("CREATE TABLE s.t (a bigint)")
    session.execute_many("INSERT INTO s.t VALUES (?)", [(n,) for n in range(7)])
    if engine.name == "postgres":
        assert engine.catalog(session, ["s"]).tables[0].rows is None  # nobody has counted yet
        session.execute("ANALYZE s.t")
    assert engine.catalog(session, ["s"]).tables[0].rows == 7


def test_a_view_is_a_hazard_for_what_changes_its_table(engine: Warehouse, session: Connection) -> None:
    session.execute("CREATE SCHEMA s")
    session.execute("CREATE TABLE s.t (a bigint)")
    state = engine.catalog(session, ["s"])
    change = DropTable(table=TableName("s", "t"), reason="x")
    assert engine.hazards(change, state) == ()
    session.execute("CREATE VIEW s.v AS SELECT a FROM s.t")
    assert engine.hazards(change, engine.catalog(session, ["s"])) == ("DEPENDENT_VIEW",)
