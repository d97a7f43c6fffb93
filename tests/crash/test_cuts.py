"""A connection that breaks anywhere, a session that is terminated, a server that stops: nothing lost, nothing twice."""

import os

import engagectl_crash as trap
import psycopg
import pytest

from tests.crash.catalog import SYNC_POINTS
from tests.crash.fork import run
from tests.crash.proxy import Direction, Proxy, cut_sync, proxy_of, running, through
from tests.crash.trials import after
from tests.crash.world import Worlds, with_work

pytestmark = pytest.mark.postgres
CUTS = int(os.environ.get("ENGAGECTL_CRASH_CUTS", "40"))
TRAFFIC: dict[Direction, int] = {"up": 0, "down": 0}


@pytest.fixture(scope="module")
def whole(postgres_worlds: Worlds) -> Proxy:
    """A sync that is not cut: how many bytes and commits it has."""
    with postgres_worlds.applied(2) as world, running(proxy_of(world)) as proxy:
        ended = run(through(world, proxy).sync)
        assert not ended.failed, ended.failed
        return proxy


@pytest.mark.parametrize("number", range(CUTS))
def test_a_connection_cut_after_any_byte(postgres_worlds: Worlds, whole: Proxy, number: int) -> None:
    way: Direction = "up" if number % 2 else "down"
    with postgres_worlds.applied(2) as world:
        proxy = proxy_of(world)
        proxy.direction, proxy.cut_at = way, 1 + whole.passed[way] * (number + 1) // (CUTS + 1)
        assert cut_sync(world, proxy) == []


@pytest.mark.parametrize("side", ["before", "reply"])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_connection_cut_at_a_commit(postgres_worlds: Worlds, whole: Proxy, nth: int, side: str) -> None:
    assert whole.commits >= nth
    with postgres_worlds.applied(2) as world:
        proxy = proxy_of(world)
        proxy.commit = (nth, "before" if side == "before" else "reply")
        assert cut_sync(world, proxy) == []


@pytest.mark.parametrize(
    "point", [point for point in SYNC_POINTS if point.startswith(("chunk.", "checkpoint.", "users."))]
)
def test_a_terminated_session_at_any_point(postgres_worlds: Worlds, point: str) -> None:
    with postgres_worlds.applied(8) as world:

        def terminate() -> None:
            with psycopg.connect(world.dsn, autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

        ended = run(with_work(lambda: trap.arm(point, 1, terminate), world.sync))
        assert after(world, ended) == []
