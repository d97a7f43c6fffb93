"""A session that is lost, and errors that pass: the chunk is done again, once, and nothing comes twice."""

import os
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from engagectl.errors import TransientError
from engagectl.sync.options import Silent
from tests.scenarios.house import House, identify

SHOPPER = "first_time_shopper"
pytestmark = pytest.mark.postgres


@pytest.fixture
def house(postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setenv("ENGAGECTL_SCENARIO_DSN", postgres_dsn)
    house = House(tmp_path, "    type: postgres\n    dsn: {$env: ENGAGECTL_SCENARIO_DSN}\n")
    house.write()
    house.apply()
    house.messages(*(identify(n, {SHOPPER: True}) for n in range(1, 5)))
    return house


class Between(Silent):
    """Runs something after each chunk, as somebody else on the server."""

    def __init__(self, what: Callable[[], None]) -> None:
        self.what = what

    def advance(self, file: str, done: int, total: int | None) -> None:  # noqa: ARG002  the protocol's
        self.what()


def _run(sql: str) -> None:
    with psycopg.connect(os.environ["ENGAGECTL_SCENARIO_DSN"], autocommit=True) as other:
        other.execute(sql.encode())


def _is_right(house: House) -> bool:
    return house.rows("engage_default.identifies", "id", order="1") == [("m1",), ("m2",), ("m3",), ("m4",)] and (
        house.rows("engage_default.users", f"id, {SHOPPER}") == [("u123", True)]
    )


def test_a_session_that_is_ended_between_chunks_is_opened_again(house: House) -> None:
    end = Between(
        lambda: _run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'engagectl sync%'"
        )
    )
    report = house.sync(chunk_bytes=1, progress=end, retry_wait_s=0.05)
    assert (report.exit_code, report.chunks) == (0, 4)
    assert _is_right(house)


def _fail_at_commit(times: int, what: str, *, after: int = 0) -> None:
    _run("CREATE SEQUENCE IF NOT EXISTS public.tried")
    _run(
        "CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF nextval('public.tried') BETWEEN {after + 1} AND {after + times} THEN {what}; END IF; RETURN NULL; END $$"
    )
    _run(
        "CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON engagectl.loads DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION public.fail()"
    )


@pytest.mark.parametrize("code", ["40001", "40P01", "55P03"])
def test_a_passing_error_at_commit_is_tried_again(house: House, code: str) -> None:
    _fail_at_commit(2, f"RAISE EXCEPTION 'passing' USING ERRCODE = '{code}'")
    assert house.sync(retry_wait_s=0.05).exit_code == 0
    assert _is_right(house)


def test_the_rows_of_a_fold_that_is_tried_again_count_once(house: House) -> None:
    _fail_at_commit(2, "RAISE EXCEPTION 'passing' USING ERRCODE = '40001'", after=1)
    report = house.sync(retry_wait_s=0.05)
    (users,) = (counts for address, counts in report.feeds.items() if address.kind == "users")
    assert (report.exit_code, sum(users.tables.values())) == (0, 1)
    assert _is_right(house)


def test_a_session_that_is_lost_at_commit_is_settled_by_reading(house: House) -> None:
    _fail_at_commit(1, "PERFORM pg_terminate_backend(pg_backend_pid())")
    assert house.sync(retry_wait_s=0.05).exit_code == 0
    assert _is_right(house)


def test_an_error_that_does_not_pass_is_given_up(house: House) -> None:
    _fail_at_commit(99, "RAISE EXCEPTION 'passing' USING ERRCODE = '40001'")
    with pytest.raises(TransientError) as caught:
        house.sync(retry_wait_s=0.05)
    assert (caught.value.code, caught.value.exit_code) == ("EC520", 1)
    assert house.rows("engage_default.identifies", "id", order="1") == []
    _run("DROP TRIGGER fails ON engagectl.loads")
    assert house.sync(retry_wait_s=0.05).exit_code == 0
    assert _is_right(house)
