"""What was staged is what PostgreSQL holds: nulls, empty text, types; seen ids; the fold of users is a maximum."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from engagectl.errors import StatementError
from engagectl.model.column_type import Boolean, Decimal, Float, Integer, Text, Timestamp
from engagectl.model.schema import TableName
from engagectl.warehouses.contract import UsersFold, Window
from engagectl.warehouses.postgres.connect import PostgresConnection, connect
from engagectl.warehouses.postgres.load import PostgresLoader, make_loader

pytestmark = pytest.mark.postgres


@pytest.fixture
def pg(postgres_dsn: str, tmp_path: Path) -> Iterator[PostgresConnection]:
    connection = connect(
        SimpleNamespace(),
        "w",
        secrets={"dsn": postgres_dsn},
        root=tmp_path,
        read_only=False,
        lock_timeout_s=1,
        command="t",
    )
    connection.execute("CREATE SCHEMA j")
    connection.execute(
        "CREATE TABLE j.seen (part smallint, hash uuid, day integer, feeds bigint, PRIMARY KEY (part, hash))"
    )
    yield connection
    connection.close()


@pytest.fixture
def loader(pg: PostgresConnection) -> PostgresLoader:
    return make_loader(pg, "j")


def test_values_arrive_as_staged(pg: PostgresConnection, loader: PostgresLoader) -> None:
    pg.execute("CREATE TABLE j.t (a text, n numeric(38,20), b boolean, f float8, at timestamptz, i bigint)")
    loader.stage.execute(
        "CREATE TEMP TABLE ec_t AS SELECT * FROM (VALUES"
        " ('', 0.10000000000000000555::DECIMAL(38,20), true, 0.1::DOUBLE,"
        " TIMESTAMPTZ '2026-01-01 00:00:00.123456+02', 9223372036854775807),"
        " (NULL, NULL, NULL, NULL, NULL, NULL),"
        " ('a\"b,\\.' || chr(10) || chr(13) || 'é\\N', 1, false, 1e300, TIMESTAMPTZ '2026-01-01', -1))"
    )
    kinds = (Text(), Decimal(38, 20), Boolean(), Float(), Timestamp(), Integer())
    pg.begin()
    assert (
        loader.insert(
            TableName("j", "t"), tuple(zip(("a", "n", "b", "f", "at", "i"), kinds, strict=True)), "SELECT * FROM ec_t"
        )
        == 3
    )
    pg.commit()
    rows = pg.query("SELECT a, n::text, b, f, at::text, i FROM j.t ORDER BY i")
    assert rows == [
        ('a"b,\\.\n\ré\\N', "1.00000000000000000000", False, 1e300, "2026-01-01 00:00:00+00", -1),
        ("", "0.10000000000000000555", True, 0.1, "2025-12-31 22:00:00.123456+00", 9223372036854775807),
        (None,) * 6,
    ]


def test_a_column_of_nulls_is_null_whatever_the_table_has_for_a_default(
    pg: PostgresConnection, loader: PostgresLoader
) -> None:
    pg.execute("CREATE TABLE j.t (id text, plan text DEFAULT 'free', city text)")
    columns = (("id", Text()), ("plan", Text()), ("city", Text()))
    select = "SELECT chr(92) || '.' AS a, NULL AS b, NULL AS c"
    assert loader.insert(TableName("j", "t"), columns, select, nulls=("plan", "city")) == 1
    assert pg.query("SELECT id, plan, city FROM j.t") == [("\\.", None, None)]


def test_a_text_that_ends_copy_is_a_text(pg: PostgresConnection, loader: PostgresLoader) -> None:
    pg.execute("CREATE TABLE j.t (id text, city text)")
    select = "SELECT unnest([chr(92) || '.', '', 'b']) AS id, NULL AS city"
    assert loader.insert(TableName("j", "t"), (("id", Text()), ("city", Text())), select, nulls=("city",)) == 3
    assert pg.query('SELECT id, city FROM j.t ORDER BY id COLLATE "C"') == [("", None), ("\\.", None), ("b", None)]


def test_ids_are_known_per_feed(pg: PostgresConnection, loader: PostgresLoader) -> None:
    loader.stage.execute(
        "CREATE TEMP TABLE ec_ids AS SELECT 0::SMALLINT part, md5(i::VARCHAR)::UUID hash,"
        " NULL::INTEGER AS day, 1::BIGINT AS mask FROM range(3) r(i)"
    )
    pg.begin()
    assert loader.remember("ec_ids", "ec_known") == 0
    loader.stage.execute("UPDATE ec_ids SET mask = 3")
    assert loader.remember("ec_ids", "ec_known") == 3
    assert loader.stage.execute("SELECT DISTINCT mask FROM ec_known").fetchall() == [(1,)]
    pg.commit()
    assert pg.query("SELECT DISTINCT feeds FROM j.seen") == [(3,)]


def test_an_id_out_of_its_window_is_new_and_its_day_moves_on(pg: PostgresConnection, loader: PostgresLoader) -> None:
    window = Window(part=0, mask=1, days=7)
    for day, known in ((100, []), (107, [(1,)]), (115, [])):
        loader.stage.execute(
            "CREATE OR REPLACE TEMP TABLE ec_ids AS SELECT 0::SMALLINT part, md5('a')::UUID hash,"
            f" {day}::INTEGER AS day, 1::BIGINT AS mask"
        )
        pg.begin()
        assert loader.remember("ec_ids", "ec_known", [window]) == len(known)
        pg.commit()
        assert loader.stage.execute("SELECT mask FROM ec_known").fetchall() == known
    assert pg.query("SELECT part, day, feeds FROM j.seen ORDER BY 1") == [(-1, 115, 1), (0, 115, 1)]


def test_days_of_one_feed_make_nothing_old_or_known_for_another(pg: PostgresConnection, loader: PostgresLoader) -> None:
    first, second = Window(part=0, mask=1, days=7), Window(part=0, mask=2, days=7)

    def known(name: str, day: int, window: Window) -> bool:
        loader.stage.execute(
            f"CREATE OR REPLACE TEMP TABLE ec_ids AS SELECT 0::SMALLINT part, md5('{name}')::UUID hash,"
            f" {day}::INTEGER AS day, {window.mask}::BIGINT AS mask"
        )
        pg.begin()
        found = loader.remember("ec_ids", "ec_known", [first, second])
        loader.expire(first)
        pg.commit()
        return bool(found)

    assert not known("a", 100, first)
    assert not known("a", 130, second)
    assert known("a", 100, first)  # 130 is no day of its own
    assert not known("a", 108, first)
    assert not known("b", 120, first)  # and forgets "a"
    assert not known("a", 120, first)
    assert known("a", 131, second)


def test_a_refused_load_says_so_and_the_loader_lives_on(pg: PostgresConnection, loader: PostgresLoader) -> None:
    pg.execute("CREATE TABLE j.t (a bigint)")
    table, columns = TableName("j", "t"), (("a", Integer()),)
    for select in ("SELECT 'x' || i FROM range(200000) r(i)", "SELECT error('no')", "SELECT * FROM nowhere"):
        pg.begin()
        with pytest.raises(StatementError):
            loader.insert(table, columns, select)
        pg.rollback()
    assert loader.insert(table, columns, "SELECT 1") == 1


def test_the_fold_is_a_maximum_in_any_order(pg: PostgresConnection, loader: PostgresLoader) -> None:
    """One user for each order of five folds, then the first of them again."""
    folds = [("a", "2026-01-01"), ("b", "2026-01-02"), ("é", "2026-01-02"), (None, None), ("z", "2025-01-01")]
    orders = [(*order, order[0]) for order in itertools.permutations(folds)]
    pg.execute(
        "CREATE TABLE j.users (id text, user_id text, plan text, received_at timestamptz,"
        ' "timestamp" timestamptz, uuid_ts timestamptz, theirs text)'
    )
    pg.execute("CREATE TABLE j.users_times_1 (id text PRIMARY KEY, plan_at timestamptz)")
    for turn in zip(*orders, strict=True):
        loader.stage.execute(
            "CREATE OR REPLACE TEMP TABLE ec_d AS SELECT 'u' || row_number() OVER () AS id,"
            " TIMESTAMPTZ '2026-02-01' received_at, TIMESTAMPTZ '2026-01-02' AS \"timestamp\","
            ' plan, CAST(happened AS TIMESTAMPTZ) AS "at:plan_at"'
            " FROM (SELECT unnest(?::VARCHAR[]) AS plan, unnest(?::VARCHAR[]) AS happened)",
            [[value for value, _ in turn], [at for _, at in turn]],
        )
        pg.begin()
        loader.fold_users(
            UsersFold(
                users=TableName("j", "users"),
                times=TableName("j", "users_times_1"),
                delta="ec_d",
                traits=(("plan", "plan_at", Text()),),
                null_erases=False,
                uuid_ts="2026-03-01T00:00:00Z",
            )
        )
        pg.commit()
    assert pg.query("SELECT count(*), count(DISTINCT id), min(plan), max(plan) FROM j.users WHERE id = user_id") == [
        (120, 120, "é", "é")
    ]
