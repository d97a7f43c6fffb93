"""Each loader that is wrong on purpose is caught."""

import engagectl_crash as trap
import psycopg
import pytest

from tests.crash import mutants
from tests.crash.fork import Ended, run, start
from tests.crash.look import problems
from tests.crash.trials import SIGKILL
from tests.crash.world import World, Worlds, with_work

SEED = 5


def _killed(world: World, mutate: object, point: str, nth: int) -> Ended:
    def prepare() -> None:
        mutate()  # type: ignore[operator]  # a mutant
        trap.arm(point, nth)

    ended = run(with_work(prepare, world.sync))
    assert ended.signal == SIGKILL
    return ended


def test_a_right_loader_passes_where_the_wrong_ones_fail(worlds: Worlds) -> None:
    with worlds.applied(SEED) as world:
        ended = _killed(world, lambda: None, "chunk.before_commit", 2)
        assert problems(world, ended.acknowledged, complete=False) == []
        assert run(world.sync).failed == ""
        assert problems(world, ended.acknowledged, complete=True) == []


def test_a_commit_split_in_two_is_caught(worlds: Worlds) -> None:
    with worlds.applied(SEED) as world:
        ended = _killed(world, mutants.commit_split_in_two, "chunk.before_commit", 3)
        assert problems(world, ended.acknowledged, complete=False)


def test_a_loader_without_dedupe_is_caught(worlds: Worlds) -> None:
    with worlds.applied(SEED) as world:
        assert run(with_work(mutants.no_dedupe, world.sync)).failed == ""
        assert problems(world, [], complete=False)


def test_an_acknowledgement_before_the_commit_is_caught(worlds: Worlds) -> None:
    with worlds.applied(SEED) as world:
        ended = run(with_work(lambda: trap.arm("chunk.before_commit", 2), mutants.acknowledge_before_commit(world)))
        assert ended.signal == SIGKILL
        assert problems(world, ended.acknowledged, complete=False)


def test_a_duplicate_chosen_before_validation_is_caught(worlds: Worlds) -> None:
    with worlds.applied(SEED) as world:
        assert run(with_work(mutants.duplicate_chosen_before_validation, world.sync)).failed == ""
        assert problems(world, [], complete=False)


def test_one_checkpoint_for_two_feeds_is_caught(worlds: Worlds) -> None:
    with worlds.applied(SEED) as world:
        run(lambda say: world.sync(say, select=("activation.log",)))
        assert run(with_work(mutants.one_checkpoint_for_two_feeds, world.sync)).failed == ""
        assert problems(world, [], complete=True)


@pytest.mark.postgres
def test_a_commit_error_that_is_ignored_is_caught(postgres_worlds: Worlds) -> None:
    with postgres_worlds.applied(SEED) as world:

        def lose_the_session() -> None:
            with psycopg.connect(world.dsn, autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

        def prepare() -> None:
            mutants.commit_error_ignored()
            trap.arm("chunk.before_commit", 2, lose_the_session)

        ended = run(with_work(prepare, world.sync))
        assert problems(world, ended.acknowledged, complete=False)


@pytest.mark.postgres
def test_two_syncs_without_a_lock_are_caught(postgres_worlds: Worlds) -> None:
    with postgres_worlds.applied(SEED) as world:

        def meanwhile() -> None:
            start(with_work(mutants.no_lock, world.sync)).wait()

        def prepare() -> None:
            mutants.no_lock()
            trap.arm("chunk.begun", 1, meanwhile)

        run(with_work(prepare, world.sync))
        assert problems(world, [], complete=False)
