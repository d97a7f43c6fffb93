"""One warehouse's part of an apply: its steps, each written to the journal before and after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby

from engagectl.apply.follow import follow
from engagectl.apply.record import Record
from engagectl.apply.report import StepEvent
from engagectl.errors import EngagectlError, RefusedError
from engagectl.failpoint import hit
from engagectl.journal import applied, history, tables
from engagectl.model.change import AddColumn, RebuildColumn, kind_of
from engagectl.model.plan import Plan, Step, WarehousePlan
from engagectl.planner.step import table_of
from engagectl.render import count_misfits, count_rows, render_adds
from engagectl.warehouses.contract import Connection, Needs, Warehouse
from engagectl.warehouses.denied import grants_lacking

Batch = tuple[tuple[int, Step], ...]
"""Steps with their numbers that one statement does: adjacent new columns of a table, or a single step."""


@dataclass(kw_only=True)
class Run:
    """`kept` are the steps that a failure leaves committed, `undone` those that were rolled back with it."""

    plan: Plan
    part: WarehousePlan
    connection: Connection
    record: Warehouse
    journal: str
    apply_id: str
    reporter: Callable[[object], None] = lambda _: None
    selected: bool = False
    take_over: bool = False
    kept: list[Step] = field(default_factory=list)
    undone: list[Step] = field(default_factory=list)
    current: Step | None = None
    lacking: tuple[str, ...] = ()  # grants, where a statement was refused for one

    @property
    def one_transaction(self) -> bool:
        can = self.record.capabilities
        return can.ddl_in_transaction and not any(
            isinstance(step.change, can.outside_transaction) for step in self.part.steps
        )

    def go(self) -> None:
        if self._is_settled():
            if tables.has_journal(self.connection, self.journal):  # one of an older engagectl, too
                tables.ensure(self.connection, self.record, self.journal)
            return
        tables.ensure(self.connection, self.record, self.journal)
        hit("apply.journal_made")
        self._begin_apply()
        hit("apply.started")
        if self.one_transaction:
            self._start(list(enumerate(self.part.steps, start=1)))
            self.connection.begin()
        try:
            for change in self.part.followed:
                follow(change, self.connection, self.journal)
            for batch in self._batches():
                self._do(batch)
            self.current = None
            self._record()
            hit("apply.before_commit")
            self.connection.commit()
            hit("apply.committed")
        except BaseException as error:
            self.connection.rollback()
            self._fail(error)
            if isinstance(error, EngagectlError):
                touched = dict.fromkeys(table for step in self.part.steps if (table := table_of(step.change)))
                needs = Needs(tables=tuple(touched), roles=("apply",))
                self.lacking = grants_lacking(error, self.connection, self.record, self.journal, needs)
            raise

    def _is_settled(self) -> bool:
        if self.part.steps or self.part.followed:
            return False
        live = applied.read_feeds(self.connection, self.journal, project=self.plan.project)
        same = {(a.feed, a.target) for a in live if a.retired_at is None}
        return {(feed, self.plan.target) for feed in self.part.feeds} <= same

    def _begin_apply(self) -> None:
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
            config_digest=self.plan.config_digest,
        )

    def _start(self, numbered: Sequence[tuple[int, Step]]) -> None:
        started = [
            history.Started(
                position=number, address=str(step.address), kind=kind_of(step.change), statements=step.statements
            )
            for number, step in numbered
        ]
        history.steps_started(self.connection, self.journal, apply_id=self.apply_id, steps=started, now=_now())
        hit("apply.step_started")

    def _batches(self) -> Sequence[Batch]:
        """Return the steps in order; adjacent new columns of a table together where one statement can add several."""

        def together(numbered: tuple[int, Step]) -> object:
            number, step = numbered
            is_many = isinstance(step.change, AddColumn) and self.record.capabilities.add_many_columns
            return step.change.table if is_many and isinstance(step.change, AddColumn) else number

        return [tuple(batch) for _, batch in groupby(enumerate(self.part.steps, start=1), key=together)]

    def _do(self, batch: Batch) -> None:
        total = len(self.part.steps)
        for number, step in batch:
            if not self.one_transaction:
                self._start([(number, step)])
            self.reporter(StepEvent(step=step, number=number, total=total))
        self.current = batch[0][1]
        begun = datetime.now(UTC)
        if len(batch) == 1:
            self._run(self.current)
        else:
            adds = [step.change for _, step in batch if isinstance(step.change, AddColumn)]
            for statement in render_adds(adds, self.record):
                self.connection.execute(statement)
                hit("apply.statement_done")
        ms = int((datetime.now(UTC) - begun).total_seconds() * 1000)
        for number, step in batch:
            self.current = step
            self._done(number, step)
            self.reporter(StepEvent(step=step, number=number, total=total, outcome="done", ms=ms))

    def _run(self, step: Step) -> None:
        if not isinstance(step.change, RebuildColumn):
            for statement in step.statements:
                self.connection.execute(statement)
                hit("apply.statement_done")
            return
        misfits = int(self.connection.query(count_misfits(step.change, self.record))[0][0])
        if misfits:
            raise RefusedError(f"{step.address}: {misfits} values would not convert", code="EC602")
        counted = count_rows(step.change, self.record)
        alone = self.record.capabilities.ddl_in_transaction and not self.one_transaction
        if alone:  # the steps of a rebuild belong together: half of them would leave the values under another name
            self.connection.begin()
        before = self.connection.query(counted)
        for statement in step.statements:
            self.connection.execute(statement)
            hit("apply.statement_done")
        after = self.connection.query(counted)
        if after != before:
            raise RefusedError(f"{step.address}: {before[0]} rows and values before the rebuild, {after[0]} after it")
        if alone:
            self.connection.commit()

    def _done(self, number: int, step: Step) -> None:
        follow(step.change, self.connection, self.journal)
        hit("apply.names_followed")
        history.step_finished(
            self.connection, self.journal, apply_id=self.apply_id, position=number, outcome="done", now=_now()
        )
        hit("apply.step_finished")
        (self.undone if self.one_transaction else self.kept).append(step)

    def _record(self) -> None:
        """Write what is applied now, in one transaction: DDL comes before it, which would end it on some engines."""
        record = Record(
            plan=self.plan,
            part=self.part,
            connection=self.connection,
            record=self.record,
            journal=self.journal,
            apply_id=self.apply_id,
            take_over=self.take_over,
        )
        record.keep_times()
        if not self.one_transaction:
            self.connection.begin()
        record.write(_now())
        hit("apply.ownership_recorded")
        history.finish_apply(self.connection, self.journal, id=self.apply_id, now=_now(), status="Success")

    def _fail(self, error: BaseException) -> None:
        """Write the failure after the rollback; a session that is lost cannot, and then `started` says it."""
        try:
            if self.current is not None:
                number = next(n for n, step in enumerate(self.part.steps, start=1) if step is self.current)
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


def _now() -> str:
    return tables.rfc3339(datetime.now(UTC))
