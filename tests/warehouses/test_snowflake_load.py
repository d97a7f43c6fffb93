"""What a sync sends to Snowflake, statement by statement; what it does there runs in the contract, on an emulator."""

import gzip
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from engagectl.errors import InternalError, StatementError
from engagectl.model.column_type import (
    Boolean,
    ColumnType,
    Date,
    Decimal,
    Float,
    Integer,
    Json,
    JsonText,
    Native,
    Text,
    Timestamp,
)
from engagectl.model.schema import TableName
from engagectl.warehouses.contract import UsersFold, Window
from engagectl.warehouses.snowflake.load import SnowflakeLoader
from engagectl.warehouses.snowflake.users import UsersSql
from engagectl.warehouses.snowflake.values import read, sent

LOG, JOURNAL = TableName("default", "order"), TableName("engagectl", "quarantine")
KINDS: dict[str, ColumnType] = {
    "b": Boolean(), "i": Integer(), "f": Float(), "d": Decimal(18, 2), "s": Text(8), "j": Json(), "jt": JsonText(),
    "t": Timestamp(), "day": Date(), "n": Native("TIMESTAMP_NTZ"), "u": Native("uuid"),
}  # fmt: skip
_DDL = (exp.Create, exp.Drop, exp.Alter, exp.TruncateTable, exp.Use)


class SqlFile(SingleFileSnapshotExtension):
    file_extension = "sql"
    _write_mode = WriteMode.TEXT


class Server:
    """Stands where Snowflake is: it keeps what it is sent, counts the rows of files, and says what COPY would say."""

    memory_mb = 128

    def __init__(self, *, loses: int = 0) -> None:
        self.sessions, self.loses = 0, loses
        self.asked: list[str] = []
        self.files: list[bytes] = []
        self.rows = 0
        self.stored: list[tuple[Any, ...]] = []

    def query(self, sql: str, _: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        self.asked.append(sql)
        if sql.startswith("PUT "):
            given = Path(sql.split("'")[1].removeprefix("file://"))
            self.files = [gzip.decompress(path.read_bytes()) for path in sorted(given.parent.glob(given.name))]
            self.rows = sum(text.count(b"\n") for text in self.files)
        if sql.startswith("COPY "):
            return [("part-0.csv.gz", "LOADED", self.rows, self.rows - self.loses)]
        if sql.startswith("SELECT part, hash"):
            return self.stored
        return []

    def execute(self, sql: str, _: Sequence[object] = ()) -> int:
        self.asked.append(sql)
        return self.rows if sql.startswith("INSERT ") else 0


def _loader(server: Server) -> SnowflakeLoader:
    return SnowflakeLoader(server, "engagectl")  # type: ignore[arg-type]  # the part of a connection that it uses


def _statement(sql: str) -> exp.Expr:
    (found,) = [one for one in sqlglot.parse(sql, read="snowflake") if one is not None]
    return found


def test_every_statement_of_a_chunk(snapshot: SnapshotAssertion) -> None:
    server = Server()
    loader = _loader(server)
    run = loader.stage.execute
    run(
        "CREATE TEMP TABLE ec_ids AS SELECT 0::SMALLINT AS part, uuid() AS hash, 1 AS day, 2::BIGINT AS mask"
        " FROM range(3)"
    ).fetchall()
    loader.ready(30)
    server.asked.append("BEGIN TRANSACTION")
    server.stored = [(0, f"00000000-0000-0000-0000-00000000000{n}", bits, 2) for n, bits in enumerate((2, 0))]
    assert loader.remember("ec_ids", "ec_known", [Window(0, 2, 7)]) == 1
    assert run("SELECT part, mask FROM ec_known").fetchall() == [(0, 2)]
    values = ", ".join(f"NULL AS {name}" for name in KINDS)
    assert loader.insert(LOG, list(KINDS.items()), f"SELECT {values}") == 1
    loader.insert_new(JOURNAL, [("entry", Native("uuid")), ("reason", Text())], "SELECT uuid(), 'x'", key="entry")
    loader.fill(LOG, ("i", Integer()), "SELECT 'm1' AS id, 7 AS value")
    loader.know([LOG, TableName("default", "vip")], 1, 4)
    loader.expire(Window(1, 4, 30))
    server.asked.append("COMMIT")
    loader.ready(30)
    told = "\n".join(server.asked).replace(loader._name, "<loader>").replace(str(loader._folder), "<folder>")
    told = re.sub(r"/rows-[^/]+/", "/<rows>/", told)
    assert told == snapshot(extension_class=SqlFile)
    inside = server.asked[server.asked.index("BEGIN TRANSACTION") + 1 : server.asked.index("COMMIT")]
    assert not [sql for sql in inside if isinstance(_statement(sql), _DDL)], "DDL would commit the transaction"
    assert [type(_statement(sql)).__name__ for sql in inside].count("Put") == 4


def test_every_statement_of_a_fold(snapshot: SnapshotAssertion) -> None:
    users, times = TableName("engage_default", "users"), TableName("engagectl", "users_times_1")
    loader = _loader(Server())
    fold = UsersFold(
        users=users,
        times=times,
        delta="ec_users",
        traits=(("visits", "visits", Integer()), ("order", "order", Json())),
        null_erases=False,
        uuid_ts="2024-01-02T00:00:00.000001Z",
    )
    stored: dict[str, ColumnType] = {
        "id": Text(), "user_id": Text(), "visits": Integer(), "order": Json(), "received_at": Timestamp(),
        "uuid_ts": Timestamp(),
    }  # fmt: skip
    sql = UsersSql(fold=fold, stored=stored, table=loader.table, column=loader.column)
    floor, in_users, in_times = sql.statements("ec_rows", "batch = 1")
    told = [floor, *in_users, *in_times]
    assert "\n".join(told) == snapshot(extension_class=SqlFile)
    assert [type(_statement(one)).__name__ for one in told] == ["Update", "Update", "Insert", "Update", "Insert"]


def test_ids_that_are_all_new_or_all_known_cost_one_statement_less() -> None:
    server = Server()
    loader = _loader(server)
    loader.stage.execute(
        "CREATE TEMP TABLE ec_ids AS SELECT 0::SMALLINT AS part, uuid() AS hash, 1 AS day, 2::BIGINT AS mask"
    ).fetchall()
    loader.ready(4)
    loader.remember("ec_ids", "ec_known")
    assert [sql.split()[0] for sql in server.asked[-4:]] == ["PUT", "COPY", "SELECT", "INSERT"]
    server.stored = [(0, "00000000-0000-0000-0000-000000000001", 2, 2)]
    assert loader.remember("ec_ids", "ec_known") == 1
    assert [sql.split()[0] for sql in server.asked[-3:]] == ["PUT", "COPY", "SELECT"]


def test_a_row_that_does_not_arrive_is_an_error_and_never_a_loss() -> None:
    loader = _loader(Server(loses=1))
    loader.ready(4)
    with pytest.raises(StatementError, match="2 rows were sent, and 1 have arrived"):
        loader.insert(LOG, [("i", Integer())], "SELECT * FROM range(2)")
    assert [path.name for path in loader._folder.iterdir()] == []


def test_what_was_not_made_before_the_transaction_is_not_made_in_it() -> None:
    server = Server()
    loader = _loader(server)
    loader.ready(4)
    many = [(f"c{n}", Integer()) for n in range(60)]
    with pytest.raises(InternalError, match="60 columns"):
        loader.insert(LOG, many, f"SELECT {', '.join('1' for _ in many)}")
    loader.ready(60)
    assert loader.insert(LOG, many, f"SELECT {', '.join('1' for _ in many)}") == 1


def test_a_session_that_was_lost_gets_its_stage_and_tables_again() -> None:
    server = Server()
    loader = _loader(server)
    loader.ready(4)
    asked = len(server.asked)
    loader.ready(4)
    assert len(server.asked) == asked
    server.sessions += 1
    loader.ready(4)
    assert server.asked[asked:] == server.asked[:asked]


def test_an_empty_text_is_no_null_and_every_value_has_one_form() -> None:
    server = Server()
    loader = _loader(server)
    loader.ready(len(KINDS))
    loader.insert(
        LOG,
        list(KINDS.items()),
        "SELECT true, 9007199254740993, 0.1::DOUBLE, 1.50::DECIMAL(18,2), '', '{\"a\":\"\"}', NULL,"
        " TIMESTAMPTZ '2024-01-02 03:04:05.123456+02', DATE '2024-01-02', NULL,"
        " CAST('00000000-0000-0000-0000-00000000000a' AS UUID)",
    )
    (text,) = server.files
    assert text.decode().rstrip(",\n") == (
        '"1","true","9007199254740993","0.1","1.50","=","{""a"":""""}",,"2024-01-02T01:04:05.123456+00:00",'
        '"2024-01-02",,"=00000000-0000-0000-0000-00000000000a"'
    )


@pytest.mark.parametrize("name", KINDS)
def test_what_is_sent_with_a_sign_is_read_without_it(name: str) -> None:
    has_sign = "'='" in sent("x", KINDS[name])
    assert ("SUBSTR(x, 2)" in read("x", KINDS[name])) is has_sign
