"""SIGKILL at every point of all that writes to a warehouse: nothing lost, nothing twice, no lock that stays."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import engagectl
from engagectl.failpoint import POINTS
from tests.crash.catalog import BY_NAME, KINDS, ONLY
from tests.crash.trials import apply_during_sync, two_at_once
from tests.crash.world import Worlds

SOURCE = Path(engagectl.__file__).parent
# Every point of a kind, but for these: some points of each that the others have tried. All: make crash-test-full.
SOME = {
    "sync of many small files killed at a point": ("chunk.stored", "chunk.before_commit", "chunk.told"),
    "sync of gzip killed at a point": ("chunk.before_commit",),
    "sync of Parquet killed at a point": ("chunk.committed", "users.before_commit"),
    "sync that adds columns killed at a point": ("extend.column_added", "extend.recorded", "chunk.before_commit"),
    "first apply killed at a point": ("journal.table_made", "journal.before_version", "apply.before_commit"),
    "apply over an old journal killed at a point": ("journal.column_added", "apply.started"),
    "apply without DDL in transactions killed at a point": (
        *("apply.statement_done", "apply.names_followed", "apply.step_finished", "apply.before_commit"),
    ),
}


def test_the_registry_names_every_point_of_the_source() -> None:
    text = "".join(path.read_text() for path in SOURCE.rglob("*.py") if path.name != "failpoint.py")
    calls = re.findall(r"\bhit\(([^)]*)\)", text)
    assert {name for call in calls for name in re.findall(r'"([a-z_]+\.[a-z_]+)"', call)} == POINTS


def test_every_point_is_tried_on_both_engines() -> None:
    for engine, others in (("duckdb", ONLY["postgres"]), ("postgres", ONLY["duckdb"])):
        tried = {point for kind in KINDS for point in SOME.get(kind.name, kind.points(engine))}
        assert tried == POINTS - others


def _tried() -> Iterator[object]:
    for engine, marks in (("duckdb", ()), ("postgres", (pytest.mark.postgres,))):
        for kind in KINDS:
            for point in SOME.get(kind.name, kind.points(engine)):
                yield pytest.param(engine, kind.name, point, marks=marks)


@pytest.mark.parametrize(("engine_name", "name", "point"), list(_tried()), indirect=["engine_name"])
def test_killed_anywhere_it_is_as_if_it_never_began_or_all_done(
    engine_name: str, worlds: Worlds, name: str, point: str
) -> None:
    kind = BY_NAME[name]
    nth = 2 if point.startswith("chunk.") else 1
    with kind.world(worlds, 2 * len(point)) as world:  # even: what goes on is cheap. Odd ones: make crash-test-full
        assert kind.trial(world, point, nth) == []


def test_two_syncs_at_once_load_everything_once(worlds: Worlds) -> None:
    with worlds.applied(3) as world:
        assert two_at_once(world) == []


def test_an_apply_during_a_sync_waits_and_both_are_right(worlds: Worlds) -> None:
    with worlds.applied(4) as world:
        assert apply_during_sync(world) == []
