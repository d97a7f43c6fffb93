"""SIGKILL at every point of a sync and of an apply: nothing lost, nothing twice, no lock that stays."""

import re
from pathlib import Path

import pytest

import engagectl
from engagectl.failpoint import POINTS
from tests.crash.trials import (
    APPLY_POINTS,
    SYNC_POINTS,
    apply_during_sync,
    killed_apply,
    killed_sync,
    passes_of,
    two_at_once,
)
from tests.crash.world import CHANGED, Worlds

SOURCE = Path(engagectl.__file__).parent


def test_the_registry_names_every_point_of_the_source() -> None:
    text = "".join(path.read_text() for path in SOURCE.rglob("*.py") if path.name != "failpoint.py")
    calls = re.findall(r"\bhit\(([^)]*)\)", text)
    assert {name for call in calls for name in re.findall(r'"([a-z_]+\.[a-z_]+)"', call)} == POINTS


def test_a_sync_and_an_apply_pass_every_point(worlds: Worlds) -> None:
    with worlds.loaded(1) as world:
        world.write(CHANGED)
        applied = passes_of(world.apply)
    with worlds.applied(1) as world:
        assert {*passes_of(world.sync), *applied} == POINTS


@pytest.mark.parametrize("point", SYNC_POINTS)
def test_a_sync_killed_anywhere_is_as_if_it_never_began_that_chunk(worlds: Worlds, point: str) -> None:
    nth = 2 if point.startswith("chunk.") else 1
    with worlds.applied(len(point)) as world:
        assert killed_sync(world, point, nth) == []


@pytest.mark.parametrize("point", APPLY_POINTS)
def test_an_apply_killed_anywhere_converges_when_it_runs_again(worlds: Worlds, point: str) -> None:
    with worlds.loaded(len(point)) as world:
        assert killed_apply(world, point, 1) == []


def test_two_syncs_at_once_load_everything_once(worlds: Worlds) -> None:
    with worlds.applied(3) as world:
        assert two_at_once(world) == []


def test_an_apply_during_a_sync_waits_and_both_are_right(worlds: Worlds) -> None:
    with worlds.applied(4) as world:
        assert apply_during_sync(world) == []
