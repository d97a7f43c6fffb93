"""Databricks' transactions and loader on the tests' stand-in, without its connector: cut anywhere, each row once."""

import contextlib
import os
from collections.abc import Iterator
from decimal import Decimal as Digits
from pathlib import Path
from typing import Any

import duckdb
import pytest

from engagectl.errors import EngagectlError, InternalError, TransientError
from engagectl.model.column_type import ColumnType, Decimal, Integer, Json, Text
from engagectl.model.schema import TableName
from engagectl.warehouses.contract import Holder, UsersFold, Window
from engagectl.warehouses.databricks.connect import DatabricksConnection
from engagectl.warehouses.databricks.load import DatabricksLoader
from engagectl.warehouses.registry import warehouse
from engagectl.warehouses.tag import Tag
from engagectl.warehouses.words import word
from tests.warehouses.contract.bricks.lakehouse import Lakehouse, Refused, Session

BRICKS = warehouse("databricks")
T = TableName("s", "t")


class ServerOperationError(Exception):
    """The shape of the connector's error."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Handle:
    """A session of the connector's shape, right on the stand-in. `left` writes are answered, then the wire is cut."""

    def __init__(self, lakehouse: Lakehouse) -> None:
        self.lakehouse = lakehouse
        self.session: Session = lakehouse.session("house")
        self.left: int | None = None
        self.asked: list[str] = []

    def cursor(self) -> "Cursor":
        return Cursor(self)

    def close(self) -> None:
        """Nothing is held open."""


class Cursor:
    def __init__(self, handle: Handle) -> None:
        self.handle = handle
        self.rows: list[tuple[Any, ...]] = []
        self.description: list[tuple[str]] = []

    def execute(self, sql: str, *, input_stream: Any = None) -> None:
        handle = self.handle
        if not sql.startswith("SELECT") and handle.left is not None:
            handle.left -= 1
            if handle.left < 0:
                raise ConnectionError("the wire was cut")
        handle.asked.append(sql)
        if sql.startswith(("PUT", "REMOVE")):
            path = sql.split("'")[-2]
            handle.lakehouse.put(path, input_stream.read()) if input_stream else handle.lakehouse.remove(path)
            return
        try:
            table = handle.session.run(sql)
        except Refused as error:
            raise ServerOperationError(str(error)) from None
        self.description = [(name,) for name in table.column_names]
        self.rows = [tuple(row.values()) for row in table.to_pylist()] if table.num_columns else []

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.rows

    def close(self) -> None:
        """Nothing is held open."""


BEHIND = ("duckdb", *(("sail",) if "ENGAGECTL_SAIL" in os.environ else ()))
"""What is behind the stand-in; `make test-sail` has Spark's SQL on real Delta tables, too."""


@pytest.fixture(params=BEHIND)
def lakehouse(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "sail":
        from tests.warehouses.contract.bricks.sail import Sail

        made: Any = Sail()
    else:
        made = Lakehouse()
    yield made
    made.close()


def opened(lakehouse: Lakehouse) -> tuple[DatabricksConnection, Handle]:
    handle = Handle(lakehouse)
    connection = DatabricksConnection(
        handle, "bricks", read_only=False, tag=Tag(command="test"), open_session=lambda: handle, memory_mb=128
    )
    connection.look("house")
    return connection, handle


@pytest.fixture
def connection(lakehouse: Lakehouse) -> DatabricksConnection:
    made, _ = opened(lakehouse)
    made.lock("j", timeout_s=0, holder=Holder(command="sync"))
    made.execute("CREATE TABLE j.log (id STRING, n BIGINT)")
    made.execute("CREATE TABLE j.seen (part SMALLINT, hash STRING, day INT, feeds BIGINT)")
    made.execute("CREATE SCHEMA s")
    made.execute("CREATE TABLE s.t (id STRING, n BIGINT, doc VARIANT, price DECIMAL(18, 2))")
    return made


@pytest.fixture
def loader(connection: DatabricksConnection) -> DatabricksLoader:
    return DatabricksLoader(connection, "j")


def test_a_transaction_reads_what_it_has_written_and_others_do_not(
    lakehouse: Lakehouse, connection: DatabricksConnection
) -> None:
    connection.execute("INSERT INTO j.log (id, n) VALUES (?, ?), (?, ?)", ("a", 1, "b", 2))
    other, _ = opened(lakehouse)
    connection.begin()
    assert connection.execute("INSERT INTO j.log (id) VALUES (?)", ("it's",)) == 1
    assert connection.execute("UPDATE j.log SET n = ?, id = 'A' WHERE id = ?", (7, "a")) == 1
    assert connection.execute("DELETE FROM j.log WHERE n = ?", (2,)) == 1
    assert (
        connection.execute(
            "INSERT INTO j.log (id, n) SELECT v.id, v.n FROM (VALUES (CAST(? AS VARCHAR), CAST(? AS BIGINT)))"
            " AS v(id, n) WHERE NOT EXISTS (SELECT 1 FROM j.log AS c WHERE c.id = v.id)",
            ("c", 3),
        )
        == 1
    )
    asked = "SELECT id, n FROM j.log AS l ORDER BY id"
    assert connection.query(asked) == [("A", 7), ("c", 3), ("it's", None)]
    assert other.query(asked) == [("a", 1), ("b", 2)]
    connection.commit()
    assert other.query(asked) == [("A", 7), ("c", 3), ("it's", None)]
    assert other.query("SELECT count(*) FROM j.pending") == [(0,)]
    connection.begin()
    connection.execute("DELETE FROM j.log WHERE 1 = 1")
    connection.rollback()
    assert len(other.query(asked)) == 3


def test_a_column_whose_name_is_quoted_is_written_and_seen(
    lakehouse: Lakehouse, connection: DatabricksConnection
) -> None:
    connection.execute('CREATE TABLE j.marks (id STRING, "identity" STRING, n BIGINT)')
    connection.execute('INSERT INTO j.marks (id, "identity", n) VALUES (?, ?, ?)', ("a", "x", 1))
    connection.begin()
    assert connection.execute('UPDATE j.marks SET n = ?, "identity" = ?, id = ? WHERE id = ?', (2, "y", "b", "a")) == 1
    asked = 'SELECT id, "identity", n FROM j.marks'
    assert connection.query(asked) == [("b", "y", 2)]
    connection.commit()
    other, _ = opened(lakehouse)
    assert other.query(asked) == [("b", "y", 2)]


@pytest.mark.parametrize("journal", ["j", "the-journal"])
def test_what_was_written_is_seen_whatever_the_journal_is_called(lakehouse: Any, journal: str) -> None:
    connection, _ = opened(lakehouse)
    connection.lock(journal, timeout_s=0, holder=Holder(command="sync"))
    place = f"{word(journal)}.log"
    connection.execute(f"CREATE TABLE {place} (id STRING)")
    connection.begin()
    connection.execute(f"INSERT INTO {place} (id) VALUES (?)", (f"{place} x",))
    assert connection.query(f"SELECT id FROM {place} WHERE id = ?", (f"{place} x",)) == [(f"{place} x",)]
    assert connection.query(f"SELECT count(*) FROM {place} AS l WHERE l.id = 'no'") == [(0,)]
    connection.commit()
    assert connection.query(f"SELECT count(*) FROM {place}") == [(1,)]


def _write(connection: DatabricksConnection, loader: DatabricksLoader) -> None:
    connection.begin()
    loader.stage.execute("CREATE OR REPLACE TEMP TABLE ec_ids AS SELECT 1::SMALLINT AS part, md5('m1')::UUID AS hash,"
                         " 5 AS day, 1::BIGINT AS mask").fetchall()  # fmt: skip
    loader.remember("ec_ids", "ec_known")
    loader.insert(T, (("id", Text()), ("n", Integer())), "SELECT 'm1' AS id, 1 AS n")
    connection.execute("INSERT INTO j.log (id, n) VALUES (?, ?)", ("m1", 1))
    connection.execute("INSERT INTO j.log (id, n) VALUES (?, ?)", ("m1", 1))
    connection.execute("UPDATE j.log SET n = ? WHERE id = ?", (9, "offset"))
    connection.commit()


def test_cut_at_any_statement_a_transaction_is_done_once_or_not_at_all(
    lakehouse: Lakehouse, connection: DatabricksConnection, loader: DatabricksLoader
) -> None:
    connection.execute("INSERT INTO j.log (id, n) VALUES ('offset', 0)")
    connection.close()
    outcomes = set()
    for left in range(1, 40, 2):  # at each: make test-warehouses
        mine, handle = opened(lakehouse)
        mine.lock("j", timeout_s=0, holder=Holder(command="sync"))
        before = _state(mine)
        handle.left = left
        with contextlib.suppress(EngagectlError):
            _write(mine, DatabricksLoader(mine, "j"))
        is_cut = handle.left < 0
        handle.left = None
        if is_cut and mine._is_cut:
            with pytest.raises(TransientError, match="not finished"):
                mine.execute("DELETE FROM j.log WHERE n = 1")
        mine.keeper.lease = None
        next_one, _ = opened(lakehouse)
        next_one.execute("UPDATE j.lease SET owner = '' WHERE 1 = 1")
        next_one.lock("j", timeout_s=0, holder=Holder(command="sync"))
        after = _state(next_one)
        outcomes.add(after == before)
        assert after in (before, (before[0] + 1, 1, before[2] + 2, 9, 0)), f"cut after {left} writes"
        next_one.execute("UPDATE j.log SET n = 0 WHERE id = 'offset'")
        next_one.close()
        if not is_cut:
            break
    assert outcomes == {True, False}
    assert left > 8


def _state(connection: DatabricksConnection) -> tuple[object, ...]:
    ((rows,),) = connection.query("SELECT count(*) FROM s.t")
    ((seen,),) = connection.query("SELECT count(*) FROM j.seen")
    ((logged,),) = connection.query("SELECT count(*) FROM j.log WHERE id = 'm1'")
    ((offset,),) = connection.query("SELECT n FROM j.log WHERE id = 'offset'")
    ((waiting,),) = connection.query("SELECT count(*) FROM j.pending")
    return rows, seen, logged, offset, waiting


def test_what_is_refused_before_anything_is_done_is_rolled_back(
    connection: DatabricksConnection, loader: DatabricksLoader
) -> None:
    connection.begin()
    with pytest.raises(EngagectlError, match="Databricks"):
        loader.insert(TableName("s", "gone"), (("id", Text()),), "SELECT 'm1' AS id")
    connection.rollback()
    assert connection.query("SELECT count(*) FROM j.pending") == [(0,)]
    assert list(Path(loader._folder).iterdir()) == []


def test_values_arrive_as_they_are(connection: DatabricksConnection, loader: DatabricksLoader) -> None:
    columns = (("id", Text()), ("n", Integer()), ("doc", Json()), ("price", Decimal(18, 2)))
    select = "SELECT 'a\"''\\\n' AS id, 9007199254740993 AS n, '{\"k\":[1]}'::JSON AS doc, 1.50 AS price"
    connection.begin()
    assert loader.insert(T, columns, f"{select} UNION ALL SELECT '', NULL, NULL, NULL") == 2
    assert loader.insert(T, columns, f"{select} WHERE false") == 0
    connection.commit()
    assert connection.query("SELECT id, n, price FROM s.t ORDER BY 1") == [
        ("", None, None),
        ("a\"'\\\n", 9007199254740993, Digits("1.50")),
    ]
    assert not [one for one in lakehouse_files(connection) if one.suffix == ".parquet"]


def lakehouse_files(connection: DatabricksConnection) -> list[Path]:
    return list((connection._handle.lakehouse.volumes / "Volumes").rglob("*"))


def test_new_rows_are_known_by_their_key_and_empty_cells_are_filled(
    connection: DatabricksConnection, loader: DatabricksLoader
) -> None:
    connection.execute("INSERT INTO s.t (id, n) VALUES ('a', 1), ('b', NULL)")
    rows = "SELECT * FROM (VALUES ('a', 5), ('c', 6)) AS v(id, n)"
    connection.begin()
    assert loader.insert_new(T, (("id", Text()), ("n", Integer())), rows, key="id") == 1
    connection.commit()
    connection.begin()
    assert loader.fill(T, ("n", Integer()), "SELECT * FROM (VALUES ('a', 7), ('b', 8), ('b', 8)) AS v(id, v)") == 1
    connection.commit()
    assert connection.query("SELECT id, n FROM s.t ORDER BY 1") == [("a", 1), ("b", 8), ("c", 6)]


def remembered(connection: DatabricksConnection, loader: DatabricksLoader, day: int, mask: int) -> object:
    loader.stage.execute(
        f"CREATE OR REPLACE TEMP TABLE ec_ids AS SELECT 1::SMALLINT AS part, md5('m1')::UUID AS hash, {day} AS day,"
        f" {mask}::BIGINT AS mask"
    ).fetchall()
    connection.begin()
    loader.remember("ec_ids", "ec_known", [Window(part=1, mask=1, days=3)])
    connection.commit()
    return loader.stage.execute("SELECT mask FROM ec_known").fetchall()


def test_ids_are_remembered_for_each_feed_and_window(
    connection: DatabricksConnection, loader: DatabricksLoader
) -> None:
    assert remembered(connection, loader, 10, 1) == []
    assert remembered(connection, loader, 12, 3) == [(1,)]
    assert remembered(connection, loader, 20, 3) == [(2,)]
    connection.execute("INSERT INTO s.t (id) VALUES ('m1'), ('m2')")
    connection.begin()
    assert loader.know([T], 1, 4) == 2
    connection.commit()
    assert connection.query("SELECT hash, feeds FROM j.seen ORDER BY feeds") == [
        (str(duckdb.sql("SELECT md5('m2')::UUID").fetchall()[0][0]), 4),
        (str(duckdb.sql("SELECT md5('m1')::UUID").fetchall()[0][0]), 7),
    ]
    assert loader.expire(Window(part=1, mask=1, days=3)) == 0


def fold(loader: DatabricksLoader, at: int, value: int, document: str, kind: ColumnType) -> int:
    loader.stage.execute(
        f"CREATE OR REPLACE TEMP TABLE ec_users AS SELECT 'u1' AS id, make_timestamptz(2024, 1, {at}, 0, 0, 0)"
        f" AS received_at, received_at AS \"timestamp\", {value} AS visits, '{document}'::JSON AS doc,"
        ' received_at AS "at:visits", received_at AS "at:doc"'
    ).fetchall()
    loader._connection.begin()
    rows = loader.fold_users(
        UsersFold(
            users=TableName("s", "users"),
            times=TableName("j", "users_times"),
            delta="ec_users",
            traits=(("visits", "visits", Integer()), ("doc", "doc", kind)),
            null_erases=False,
            uuid_ts="2024-02-01T00:00:00Z",
        )
    )
    loader._connection.commit()
    return rows


def test_a_fold_keeps_what_happened_last_whatever_came_last(
    lakehouse: Any, connection: DatabricksConnection, loader: DatabricksLoader
) -> None:
    document = Json() if isinstance(lakehouse, Lakehouse) else Text()  # Sail merges no VARIANT
    kind = "VARIANT" if isinstance(document, Json) else "STRING"
    connection.execute(
        f"CREATE TABLE s.users (id STRING, received_at TIMESTAMP, visits BIGINT, doc {kind}, uuid_ts TIMESTAMP)"
    )
    connection.execute("CREATE TABLE j.users_times (id STRING, visits TIMESTAMP, doc TIMESTAMP)")
    assert fold(loader, 5, 50, '{"a":1}', document) == 1
    assert fold(loader, 4, 99, '{"a":9}', document) == 0
    assert fold(loader, 5, 60, '{"a":0}', document) == 1
    assert fold(loader, 5, 60, '{"a":0}', document) == 0
    shown = "to_json(doc)" if kind == "VARIANT" else "doc"
    assert connection.query(f"SELECT id, visits, {shown} FROM s.users") == [("u1", 60, '{"a":1}')]
    assert fold(loader, 6, 1, "null", document) == 1
    assert connection.query("SELECT visits FROM s.users") == [(1,)]


def test_without_the_lock_a_transaction_is_a_rehearsal(lakehouse: Lakehouse, connection: DatabricksConnection) -> None:
    other, handle = opened(lakehouse)
    other.begin()
    assert other.is_rehearsal
    assert other.execute("INSERT INTO j.log (id) VALUES ('x')") == 1
    assert other.execute("ALTER TABLE j.log ADD COLUMN more STRING") == 0
    assert other.query("SELECT id FROM j.log") == [("x",)]
    assert not [sql for sql in handle.asked if not sql.startswith("SELECT")]
    with pytest.raises(InternalError):
        other.commit()


WIDENED = (
    ("INT", "BIGINT"),
    ("SMALLINT", "BIGINT"),
    ("SMALLINT", "DOUBLE"),
    ("FLOAT", "DOUBLE"),
    ("BIGINT", "DECIMAL(20, 0)"),
    ("BIGINT", "DECIMAL(19, 0)"),
    ("INT", "DECIMAL(10, 0)"),
    ("INT", "DECIMAL(10, 2)"),
    ("DECIMAL(10, 2)", "DECIMAL(12, 2)"),
    ("DECIMAL(10, 2)", "DECIMAL(12, 4)"),
    ("DECIMAL(10, 2)", "DECIMAL(12, 5)"),
    ("BIGINT", "DOUBLE"),
    ("BIGINT", "INT"),
    ("DATE", "TIMESTAMP"),
    ("STRING", "BIGINT"),
    ("BIGINT", "STRING"),
)


@pytest.mark.parametrize(("before", "after"), WIDENED)
def test_what_plan_widens_in_place_is_what_delta_does(lakehouse: Any, before: str, after: str) -> None:
    session = lakehouse.session("house")
    session.run("CREATE SCHEMA IF NOT EXISTS w")
    session.run(f"CREATE TABLE w.t (a {before}) USING DELTA TBLPROPERTIES ('delta.enableTypeWidening' = 'true')")
    found, wanted = (BRICKS.settle(BRICKS.native_type(one)) for one in (before, after))
    is_planned = BRICKS.relate(found, wanted) == "widen"
    with contextlib.nullcontext() if is_planned else pytest.raises(Refused):
        session.run(f"ALTER TABLE w.t ALTER COLUMN a TYPE {after}")
