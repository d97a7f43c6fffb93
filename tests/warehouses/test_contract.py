"""The laws every warehouse keeps, on the real engines."""

import pytest

from engagectl.errors import LockHeld, StatementError
from engagectl.warehouses.contract import Connection, Holder, Warehouse
from tests.warehouses.conftest import Opener

CANARY = "S3CRET-canary"


def test_a_session_is_in_utc(connection: Connection) -> None:
    assert connection.query("SELECT current_setting('TimeZone')") == [("UTC",)]


def test_values_are_bound_and_marks_in_text_are_left_alone(connection: Connection) -> None:
    sql = """SELECT '?%', CAST(? AS varchar) AS "a?%s", 7 % 4 /* ? */ -- ?"""
    assert connection.query(sql, ("x",)) == [("?%", "x", 3)]
    assert connection.query("SELECT '?%'") == [("?%",)]


def test_execute_counts_rows(connection: Connection) -> None:
    assert connection.execute("CREATE SCHEMA s") == 0
    connection.execute("CREATE TABLE s.t (a bigint, b varchar)")
    connection.execute_many("INSERT INTO s.t VALUES (?, ?)", [(1, "x"), (2, None)])
    assert connection.execute("UPDATE s.t SET b = ? WHERE a > ?", ("y", 0)) == 2
    assert connection.query("SELECT a, b FROM s.t ORDER BY a") == [(1, "y"), (2, "y")]


def test_a_rolled_back_transaction_leaves_nothing(kind: Warehouse, connection: Connection) -> None:
    connection.begin()
    connection.execute("CREATE SCHEMA gone")
    connection.rollback()
    connection.rollback()
    assert kind.catalog(connection, ["gone"]).schemas == ()


def test_an_error_never_repeats_a_value(connection: Connection) -> None:
    with pytest.raises(StatementError) as caught:
        connection.query("SELECT CAST(CAST(? AS varchar) AS bigint)", (CANARY,))
    assert CANARY not in str(caught.value) + caught.value.sql
    assert caught.value.__cause__ is None


def test_an_error_names_the_missing_table(connection: Connection) -> None:
    with pytest.raises(StatementError, match="nowhere"):
        connection.query("SELECT 1 FROM main.nowhere")


def test_a_read_only_session_cannot_write(opened: Opener) -> None:
    opened().close()
    reader = opened(read_only=True)
    with pytest.raises(StatementError):
        reader.execute("CREATE SCHEMA s")


def test_a_held_lock_names_its_holder(opened: Opener) -> None:
    first = opened(command="sync")
    first.lock("engagectl", timeout_s=0, holder=Holder(command="sync", host="h1"))
    with pytest.raises(LockHeld, match="engagectl sync"):
        opened(lock_timeout_s=0.3, command="apply").lock(
            "engagectl", timeout_s=0.3, holder=Holder(command="apply", host="h2")
        )


def test_a_lock_ends_with_its_session(opened: Opener) -> None:
    first = opened()
    first.lock("engagectl", timeout_s=0, holder=Holder(command="sync"))
    assert not first.somebody_waits()
    first.close()
    opened().lock("engagectl", timeout_s=0, holder=Holder(command="sync"))
