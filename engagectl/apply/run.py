"""One warehouse's part of an apply: its steps, each written to the journal before and after."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from engagectl.apply.report import StepEvent
from engagectl.errors import EngagectlError, RefusedError
from engagectl.journal import applied, history, names, ownership, tables
from engagectl.journal.ownership import Owned
from engagectl.model.change import (
    AddColumn,
    CreateTable,
    DropColumn,
    DropTable,
    RebuildColumn,
    RenameColumn,
    RenameTable,
    kind_of,
)
from engagectl.model.feed import InBody
from engagectl.model.plan import Plan, Step, WarehousePlan
from engagectl.model.schema import TableName
from engagectl.render import count_misfits
from engagectl.warehouses.contract import Connection, Warehouse
from engagectl.warehouses.registry import warehouse as record_of


class Run:
    """One warehouse's part of an apply. `kept` are the steps that a failure leaves committed."""

    def __init__(
        self,
        journal: str,
        plan: Plan,
        part: WarehousePlan,
        connection: Connection,
        apply_id: str,
        reporter: Callable[[object], None],
        selected: bool,
        take_over: bool,
    ) -> None:
        self.plan, self.part, self.connection, self.apply_id = plan, part, connection, apply_id
        self.journal, self.digest = journal, plan.config_digest
        self.reporter, self.selected, self.take_over = reporter, selected, take_over
        self.record: Warehouse = record_of(part.type)
        self.one_transaction = self.record.capabilities.ddl_in_transaction
        self.kept: list[Step] = []
        self.current: Step | None = None

    def go(self) -> None:
        live = applied.read_feeds(self.connection, self.journal, project=self.plan.project)
        same = {(a.feed, a.target) for a in live if a.retired_at is None}
        wanted = {(feed, self.plan.target) for feed in self.part.feeds}
        if not self.part.steps and (wanted <= same if self.selected else wanted == same):
            return
        tables.ensure(self.connection, self.record, self.journal)
        history.start_apply(
            self.connection,
            self.journal,
            id=self.apply_id,
            project=self.plan.project,
            target=self.plan.target,
            now=_now(),
            engagectl=self.plan.engagectl,
            commit=self.plan.commit,
            fingerprint=self.plan.fingerprint,
            config_digest=self.digest,
        )
        if self.one_transaction:
            for number, step in enumerate(self.part.steps, start=1):
                self._start(number, step)
            self.connection.begin()
        number = 0
        try:
            for number, step in enumerate(self.part.steps, start=1):
                self._step(number, step)
            self.current = None
            if not self.one_transaction:
                self.connection.begin()
            self._record(live)
            history.finish_apply(self.connection, self.journal, id=self.apply_id, now=_now(), status="Success")
            self.connection.commit()
        except BaseException as error:
            self.connection.rollback()
            self._fail(number, error)
            raise

    def _start(self, number: int, step: Step) -> None:
        history.step_started(
            self.connection,
            self.journal,
            apply_id=self.apply_id,
            position=number,
            address=str(step.address),
            kind=kind_of(step.change),
            sha256=hashlib.sha256("\n".join(step.statements).encode()).hexdigest(),
            statements=step.statements,
            now=_now(),
        )

    def _step(self, number: int, step: Step) -> None:
        self.current = step
        if not self.one_transaction:
            self._start(number, step)
        self.reporter(StepEvent(step=step, number=number, total=len(self.part.steps)))
        if isinstance(step.change, RebuildColumn):
            misfits = int(self.connection.query(count_misfits(step.change, self.record))[0][0])
            if misfits:
                raise RefusedError(f"{step.address}: {misfits} values would not convert", code="EC607")
        begun = datetime.now(UTC)
        for statement in step.statements:
            self.connection.execute(statement)
        self._follow(step)
        history.step_finished(
            self.connection, self.journal, apply_id=self.apply_id, position=number, outcome="done", now=_now()
        )
        if not self.one_transaction:
            self.kept.append(step)
        ms = int((datetime.now(UTC) - begun).total_seconds() * 1000)
        self.reporter(StepEvent(step=step, number=number, total=len(self.part.steps), outcome="done", ms=ms))

    def _follow(self, step: Step) -> None:
        """Bring journal names, ownership and times along with what a step renamed or dropped."""
        connection, journal = self.connection, self.journal
        match step.change:
            case RenameTable(before=before, table=after):
                ownership.rename_table(connection, journal, before, after)
                applied.rename_table(connection, journal, before, after)
            case RenameColumn(table=table, before=old, column=new):
                ownership.rename_column(connection, journal, table, old, new)
                applied.rename_column(connection, journal, table, old, new)
                if table.table == "users":
                    names.rename_column(connection, journal, table, old, new)
            case DropColumn(table=table, column=column):
                ownership.forget(connection, journal, table, column)
                if table.table == "users":
                    names.drop_column(connection, journal, table, column)
            case DropTable(table=table):
                ownership.forget(connection, journal, table)
                if table.table == "users":
                    names.drop_table(connection, journal, table)
            case _:
                pass

    def _record(self, live: Sequence[applied.AppliedFeed]) -> None:
        connection, journal, feeds = self.connection, self.journal, self.part.feeds
        if self.take_over:
            self._take_over()
        kept = {(feed.kind, name) for feed in feeds for name in (feed.id, *feed.ids_before)}
        gone = [(a.feed.kind, a.feed.id) for a in live if (a.feed.kind, a.feed.id) not in kept]
        applied.record_feeds(
            connection,
            journal,
            target=self.plan.target,
            apply_id=self.apply_id,
            now=_now(),
            feeds=feeds,
            retired=() if self.selected else gone,
            project=self.plan.project,
        )
        for feed in feeds:
            for table in feed.tables:
                if table.role == "users":
                    traits = [column.name for column in table.columns if isinstance(column.value, InBody)]
                    names.keep_times(connection, self.record, journal, table.name, traits)
        self._own()

    def _take_over(self) -> None:
        """Carry the feeds of another project on our tables over, with their numbers: offsets and dedupe stay."""
        ours = {(feed.kind, feed.id): {table.name for table in feed.tables} for feed in self.part.feeds}
        every = applied.read_feeds(self.connection, self.journal)
        held = {(a.feed.kind, a.feed.id) for a in every if a.feed.project == self.plan.project}
        for a in every:
            key = (a.feed.kind, a.feed.id)
            if key in ours and key not in held and ours[key] & {table.name for table in a.feed.tables}:
                feed = replace(a.feed, project=self.plan.project)
                applied.rewrite(self.connection, self.journal, a.number, feed)

    def _own(self) -> None:
        """Write whose each table and column is: created by these steps, or found there and imported."""
        project, target = self.plan.project, self.plan.target
        live = applied.read_feeds(self.connection, self.journal, project=project)
        named = {
            key
            for a in live
            if a.retired_at is None
            for table in a.feed.tables
            for key in _keys(table.name, [column.name for column in table.columns])
        }
        made: set[tuple[str, str, str]] = set()
        for step in self.part.steps:
            match step.change:
                case CreateTable(table=table):
                    made |= _keys(table.name, [column.name for column in table.columns])
                case AddColumn(table=name, column=column):
                    made.add((name.schema, name.table, column.name))
                case _:
                    pass
        schemas = sorted({key[0] for key in named})
        there = {
            key
            for table in (self.record.catalog(self.connection, schemas).tables if schemas else ())
            for key in _keys(table.name, [column.name for column in table.columns])
        }
        known = {row.key: row for row in ownership.read_owned(self.connection, self.journal)}
        rows = [
            Owned(
                schema=key[0],
                table=key[1],
                column=key[2],
                origin="created" if key in made else known[key].origin if key in known else "imported",
                state="declared",
                project=project,
                target=target,
            )
            for key in sorted(named & there)
        ]
        rows += [
            replace(row, state="retained")
            for key, row in known.items()
            if row.project == project and key not in named and row.state == "declared"
        ]
        ownership.record_owned(self.connection, self.journal, rows)

    def _fail(self, number: int, error: BaseException) -> None:
        """Write the failure after the rollback; a session that is lost cannot, and then `started` says it."""
        try:
            if self.current is not None:
                history.step_finished(
                    self.connection,
                    self.journal,
                    apply_id=self.apply_id,
                    position=number,
                    outcome="failed",
                    now=_now(),
                    error=str(error),
                )
            status: history.Status = "Partial" if self.kept else "Failure"
            history.finish_apply(
                self.connection, self.journal, id=self.apply_id, now=_now(), status=status, notices=str(error)
            )
        except EngagectlError:
            return


def _keys(name: TableName, columns: Sequence[str]) -> set[tuple[str, str, str]]:
    return {(name.schema, name.table, column) for column in ("", *columns)}


def _now() -> str:
    return tables.rfc3339(datetime.now(UTC))
