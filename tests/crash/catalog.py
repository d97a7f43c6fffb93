"""Every kind of trial that kills at a point: the world it is done in, the points it passes, and how it is judged."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from engagectl.failpoint import POINTS
from tests.crash import trials
from tests.crash.autocommit import apply_without_transactions
from tests.crash.fork import Say
from tests.crash.traffic import FORMS
from tests.crash.world import CHANGED, EXTENDING, NARROW, WIDE, World, Worlds

ONLY = {
    "duckdb": frozenset({"scrub.file_copied", "scrub.file_replaced"}),
    "postgres": frozenset({"scrub.table_vacuumed"}),
}
"""Points that only one engine has."""


@dataclass(frozen=True)
class Kind:
    """`begins` names what its points begin with. `work` is what is hurt, unhurt: to see which points it passes."""

    name: str
    begins: tuple[str, ...]
    world: Callable[[Worlds, int], AbstractContextManager[World]]
    trial: Callable[[World, str, int], list[str]]
    work: Callable[[World, Say], object]
    leaves: frozenset[str] = frozenset()  # points of these that it does not pass

    def points(self, engine: str) -> list[str]:
        others = frozenset().union(*(points for name, points in ONLY.items() if name != engine))
        return sorted(p for p in POINTS - self.leaves - others if p.startswith(self.begins))


_SYNC = ("chunk.", "checkpoint.", "users.", "sync.")
_TABLE_MADE = frozenset({"journal.column_added"})
_NO_JOURNAL = frozenset({"journal.table_made", "journal.column_added", "journal.before_version"})


def _changed(apply: Callable[[World], object]) -> Callable[[World, Say], object]:
    def work(world: World, say: Say) -> object:
        del say
        world.write(CHANGED)
        return apply(world)

    return work


def _widen(world: World) -> None:
    world.write(WIDE)
    world.apply()


def _erased(world: World, say: Say) -> object:
    world.gone = "u1"
    return world.erase(say)


KINDS: tuple[Kind, ...] = (
    *(
        Kind(
            f"sync of {name} killed at a point" if name != "two files" else "sync killed at a point",
            _SYNC,
            partial(Worlds.applied, form=form),
            trials.killed_sync,
            World.sync,
        )
        for name, form in FORMS.items()
    ),
    Kind(
        "sync that adds columns killed at a point",
        ("extend.", *_SYNC),
        partial(Worlds.applied, yaml=EXTENDING),
        trials.killed_sync,
        World.sync,
    ),
    Kind(
        "first apply killed at a point",
        ("apply.", "journal."),
        Worlds.empty,
        trials.killed_first_apply,
        World.apply,
        leaves=_TABLE_MADE,
    ),
    Kind("apply killed at a point", ("apply.",), Worlds.loaded, trials.killed_apply, _changed(World.apply)),
    Kind(
        "apply over an old journal killed at a point",
        ("apply.", "journal."),
        partial(Worlds.loaded, then=trials.age_journal),
        trials.killed_apply_over_an_old_journal,
        _changed(World.apply),
    ),
    Kind(
        "apply without DDL in transactions killed at a point",
        ("apply.",),
        Worlds.loaded,
        trials.killed_apply_without_transactions,
        _changed(lambda world: apply_without_transactions(world.project)),
        leaves=frozenset({"apply.locked", "apply.planned"}),
    ),
    Kind(
        "replay killed at a point",
        ("replay.",),
        partial(Worlds.loaded, yaml=NARROW, then=_widen),
        trials.killed_replay,
        World.replay,
    ),
    Kind("purge killed at a point", ("purge.",), Worlds.loaded, trials.killed_purge, World.purge),
    Kind("erase killed at a point", ("erase.", "scrub."), Worlds.loaded, trials.killed_erase, _erased),
)
BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}
SYNC_POINTS = KINDS[0].points("duckdb")
