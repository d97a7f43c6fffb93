"""Rules about when a warehouse is loaded."""

from collections.abc import Iterator
from datetime import UTC, datetime

from engagectl.config.check.facts import report
from engagectl.config.project import Project
from engagectl.config.warehouse import SyncSpec
from engagectl.errors import Diagnostic
from engagectl.model.window import known_zone, opens_at, parse_window

_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def schedules_can_be_read(project: Project) -> Iterator[Diagnostic]:
    for this, spec in project.spec.warehouses.items():
        if spec.sync is None:
            continue
        at = project.origin("warehouses", this).under("sync")
        for keys, problem, advice in _problems(spec.sync):
            yield report(project, "EC108", "error", f"warehouses.{this}.sync: {problem}", at.under(*keys), advice)


def _problems(sync: SyncSpec) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Yield where, what and what to do."""
    if sync.cron is not None:
        if sync.every is not None:
            yield ("every",), "every and cron are both said", "leave one of them out"
        if problem := _cron_problem(sync.cron):
            yield ("cron",), f"cron: {problem}", 'minute hour day month weekday, such as "0 6 * * mon-fri"'
    if sync.timezone is not None:
        if sync.cron is None:
            yield ("timezone",), "timezone belongs to cron", "every counts in UTC; a blackout names its own zone"
        try:
            known_zone(sync.timezone)
        except ValueError as error:
            yield ("timezone",), str(error), "leave it out for UTC"
    windows = []
    for number, text in enumerate(sync.blackout):
        try:
            windows.append(parse_window(text))
        except ValueError as error:
            yield ("blackout", number), str(error), '[DAYS ]HH:MM-HH:MM[ ZONE], such as "02:00-03:30 Europe/Berlin"'
    if len(windows) == len(sync.blackout) and opens_at(windows, _SOME_DAY) is None:
        yield ("blackout",), "the windows leave no minute of the week", "leave some time to load"


def _cron_problem(text: str) -> str:
    from cronsim import CronSim, CronSimError

    if len(text.split()) != 5:
        return f"it has {len(text.split())} fields instead of 5"
    try:
        next(CronSim(text, _SOME_DAY))
    except CronSimError as error:
        return str(error)[:1].lower() + str(error)[1:]
    except StopIteration:
        return "no day has such a time"
    return ""
