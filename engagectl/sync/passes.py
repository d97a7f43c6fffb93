"""A sync, warehouse by warehouse: what runs, by which apply, and what is told at the end."""

import contextlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from time import monotonic

from engagectl.config.project import Project
from engagectl.errors import (
    EngagectlError,
    Interrupted,
    NothingApplied,
    UsageError,
)
from engagectl.failpoint import hit
from engagectl.journal.checkpoints import remember_search
from engagectl.sync.chunk import Work
from engagectl.sync.due import is_blackout
from engagectl.sync.landing.opened import open_landing
from engagectl.sync.options import Clock, Progress, Silent, SyncOptions
from engagectl.sync.ready import check_select, feeds_of_segment, ready_feeds, refused
from engagectl.sync.rehearsal import Rehearsal
from engagectl.sync.report import Failed, LeftOut, SyncReport
from engagectl.sync.run import Run
from engagectl.sync.selection import address_in
from engagectl.sync.taken import take_due
from engagectl.sync.unapplied import unapplied
from engagectl.warehouses.contract import Connection, Holder
from engagectl.warehouses.registry import warehouse

__all__ = ["Progress", "Silent", "SyncOptions", "sync"]


def sync(
    project: Project,
    *,
    connections: Mapping[str, Connection],
    options: SyncOptions,
    clock: Clock,
    progress: Progress,
) -> SyncReport:
    """Load what the inputs hold into the tables of the applied state, warehouse by warehouse."""
    report = SyncReport(sync_id=uuid.uuid4().hex[:12], dry_run=options.dry_run)
    is_applied = False
    options = replace(options, standard_input=_standard_input(project, options, connections))
    check_select(project, connections, options.select)
    ends_at = None if options.max_time_s is None else monotonic() + options.max_time_s
    failed: list[EngagectlError] = []
    for name, connection in connections.items():
        progress.phase(f"sync into {name}")
        connection.lock(project.spec.journal_schema, timeout_s=options.lock_timeout_s, holder=Holder(command="sync"))
        hit("sync.locked")
        ready = ready_feeds(project, name, connection, options)
        report.left_out += ready.left_out
        is_applied |= ready.applied
        works = _due(project, name, connection, ready.works, options, report, clock())
        if not works and not ready.left_out:
            continue
        report.applies[name] = ready.by
        if changes := unapplied(project, name, connection, ready.actual, clock(), remembers=not options.dry_run):
            text = f"the YAML has {changes:,} changes for {name} that are not applied yet: engagectl plan"
            report.warnings.append(text)
        loader = warehouse(project.spec.warehouses[name].type).loader(connection, project.spec.journal_schema)
        with ExitStack() as stack:
            session = stack.enter_context(Rehearsal(connection)) if options.dry_run else connection
            run = Run(project, name, session, loader, options, clock, progress, report, ready, list(works))
            run.ends_at = ends_at
            run.landing = None if options.dry_run else open_landing(project, name, connection, loader)
            stack.enter_context(_told(name, failed, report))
            run.run()
        if report.interrupted:
            break
    if options.max_quarantine is not None:
        entries = sum(counts.quarantined + counts.cells for counts in report.feeds.values())
        read = sum(counts.read for counts in report.feeds.values())
        report.too_much_quarantined = options.max_quarantine.is_passed(entries, read)
    if failed and not report.committed:
        raise failed[0]
    others = feeds_of_segment(project)
    if others and not report.feeds and not report.left_out and not report.waiting:
        raise refused(others[0])
    if others:
        report.notes.append(f"passed by, Segment loads them: {', '.join(map(str, others))}")
    if not is_applied:
        raise NothingApplied(
            f"no apply of target {project.target!r} has recorded a feed yet", help="run: engagectl apply"
        )
    return report


def _standard_input(project: Project, options: SyncOptions, connections: Mapping[str, Connection]) -> str | None:
    """Return the id of the input that standard input stands in for."""
    asked, there = options.standard_input, sorted(project.spec.inputs)
    if asked is None:
        return None
    if len(connections) > 1:
        raise UsageError("standard input is read once: name one warehouse", help="add -w ID")
    if asked == "" and len(there) == 1:
        return there[0]
    if asked not in there:
        raise UsageError(
            f"--input {asked}=- names no input of the YAML" if asked else "--input - needs the id of an input",
            help=f"write --input ID=- with one of: {', '.join(there) or 'none is declared'}",
        )
    return asked


def _due(
    project: Project,
    name: str,
    connection: Connection,
    works: Sequence[Work],
    options: SyncOptions,
    report: SyncReport,
    now: datetime,
) -> Sequence[Work]:
    """Return what this sync takes: everything, or what is due. What was searched is kept for the next call."""
    if not options.due:
        if any(is_blackout(work.feed.schedule, now) for work in works):
            report.warnings.append(f"{name} is in a blackout; only sync --due keeps to it")
        return works
    taken = take_due(project, connection, works, now=now, named=options.complete)
    remember_search(connection, project.spec.journal_schema, taken.searched)
    report.waiting += [address_in(name, work.feed) for work in taken.waiting]
    report.left_out += [
        LeftOut(address_in(name, work.feed), error.code, error.message, "; ".join(error.help))
        for work, error in taken.unread
    ]
    return taken.works


@contextlib.contextmanager
def _told(name: str, failed: list[EngagectlError], report: SyncReport) -> Iterator[None]:
    """Keep the error of one warehouse for the report: the others may go on."""
    try:
        yield
    except Interrupted:
        raise
    except EngagectlError as error:
        failed.append(error)
        report.failed.append(Failed(name, error.code, error.message, "; ".join(error.help)))
