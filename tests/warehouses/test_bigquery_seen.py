"""The ids that BigQuery remembers: what a lookup reads, which is what a chunk costs."""

from collections.abc import Iterator, Sequence

import pytest

from engagectl.warehouses.bigquery.load import make_loader
from engagectl.warehouses.contract import Window
from tests.warehouses.scripted import Scripted, job, opened, serving


@pytest.fixture
def script() -> Iterator[Scripted]:
    with serving() as made:
        yield made


def looked_up(script: Scripted, ids: str, windows: Sequence[Window]) -> list[str]:
    """Return the statements that read `seen`, for ids as (part, hash, day, mask)."""
    script.loaded = ids.count("(")
    script.jobs |= {"CREATE TABLE": [job()], "SELECT part": [job()], "INSERT": [job(changed=1)]}
    script.jobs |= {word: [job()] for word in ("BEGIN", "COMMIT", "ROLLBACK", "ABORT")}
    with opened(script) as connection:
        loader = make_loader(connection, "engagectl")
        loader.stage.execute(
            "CREATE TEMP TABLE ec_ids AS SELECT part::SMALLINT AS part, uuid() AS hash, day::INTEGER AS day,"
            f" mask::BIGINT AS mask FROM (VALUES {ids}) AS v(part, day, mask)"
        )
        connection.begin()
        assert loader.remember("ec_ids", "ec_known", windows) == 0
        connection.commit()
    sent = [body.get("configuration", {}).get("query", {}).get("query", "") for _, _, body in script.asked]
    return [sql for sql in sent if "FROM `engagectl`.`seen`" in sql]


@pytest.mark.parametrize(
    ("ids", "windows", "first"),
    [
        ("(0, 100, 1), (0, 90, 1)", [Window(0, 1, 30)], 60),
        ("(0, 100, 1), (0, 100, 2)", [Window(0, 1, 30), Window(0, 2, 7)], 70),
        ("(0, 100, 1), (1, 50, 4)", [Window(0, 1, 30), Window(1, 4, 10)], 40),
        ("(0, 100, 1), (0, 100, 2)", [Window(0, 1, 30)], None),
        ("(0, 100, 1), (1, 100, 1)", [Window(0, 1, 30)], None),
        ("(0, 100, 1), (0, NULL, 1)", [Window(0, 1, 30)], None),
        ("(0, 100, 1)", [], None),
    ],
)
def test_only_the_days_that_matter_are_read_and_once(
    script: Scripted, ids: str, windows: list[Window], first: int | None
) -> None:
    (sql,) = looked_up(script, ids, windows)
    assert (" AND (s.day >= " in sql) == (first is not None)
    if first is not None:
        assert f" AND (s.day >= {first} OR s.day IS NULL) GROUP BY" in sql


def test_what_is_forgotten_is_forgotten_by_a_day_that_is_known(script: Scripted) -> None:
    script.jobs |= {
        "SELECT MAX": [job(rows=[["100"]])],
        "SELECT COUNT": [job(rows=[["3"]])],
        "DELETE": [job(changed=3)],
    }
    script.jobs |= {word: [job()] for word in ("BEGIN", "COMMIT", "ABORT")}
    with opened(script) as connection:
        loader = make_loader(connection, "engagectl")
        connection.begin()
        assert loader.expire(Window(0, 1, 30)) == 3
        connection.commit()
    (deleted,) = [str(body) for _, _, body in script.asked if "DELETE FROM" in str(body)]
    assert "AND day < 70" in deleted
