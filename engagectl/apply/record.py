"""What an apply leaves in the journal: the applied state of each feed, and whose each table and column is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engagectl.failpoint import hit
from engagectl.journal import applied, checkpoints, history, names, ownership
from engagectl.journal.ownership import Owned
from engagectl.model.change import ChangeSetting
from engagectl.model.feed import InBody
from engagectl.model.plan import Plan, WarehousePlan
from engagectl.model.schema import TableName
from engagectl.planner.settings import FEED, MANAGED_BY
from engagectl.warehouses.contract import Connection, Warehouse

Key = tuple[str, str, str]
"""Schema, table and column; the table itself when the column is empty."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """Writes the applied state of one warehouse's part, inside the caller's transaction."""

    plan: Plan
    part: WarehousePlan
    connection: Connection
    record: Warehouse
    journal: str
    apply_id: str
    take_over: bool

    def write(self, now: str) -> None:
        if self.take_over:
            self._take_over()
        self._hand_over()
        applied.record_feeds(
            self.connection,
            self.journal,
            target=self.plan.target,
            apply_id=self.apply_id,
            now=now,
            feeds=self.part.feeds,
            retired=self._retired(),
            project=self.plan.project,
        )
        hit("apply.feeds_recorded")
        self._own()

    def keep_times(self) -> None:
        """Make the tables of times that stand beside `users`."""
        for feed in self.part.feeds:
            for table in feed.tables:
                if table.role == "users":
                    traits = [column.name for column in table.columns if isinstance(column.value, InBody)]
                    names.keep_times(self.connection, self.record, self.journal, table.name, traits)

    def _retired(self) -> list[tuple[str, str]]:
        return [
            (step.change.subject.kind, step.change.subject.name)
            for step in self.part.steps
            if isinstance(step.change, ChangeSetting)
            and (step.change.setting == MANAGED_BY or (step.change.setting == FEED and step.change.after is None))
        ]

    def _hand_over(self) -> None:
        """Forget the offsets of feeds whose tables Segment loads from now on: if they come back, they begin at 0 and
        meet its rows (EC711). Their dedupe stays.
        """
        gone = {
            (step.change.subject.kind, step.change.subject.name)
            for step in self.part.steps
            if isinstance(step.change, ChangeSetting) and step.change.setting == MANAGED_BY
        }
        for one in applied.read_feeds(self.connection, self.journal, project=self.plan.project) if gone else ():
            if (one.feed.kind, one.feed.id) in gone:
                checkpoints.forget(self.connection, self.journal, one.number)

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
        """Write whose each table and column is: created by an apply of ours, or found there and imported."""
        project, target = self.plan.project, self.plan.target
        live = applied.read_feeds_alike(self.connection, self.journal, self.part.feeds, project=project)
        named = {
            key
            for a in live
            if a.retired_at is None and a.target == target
            for table in a.feed.tables
            for key in keys_of(table.name, [column.name for column in table.columns])
        }
        made = self._made()
        schemas = sorted({key[0] for key in named})
        there = {
            key
            for table in (self.record.catalog(self.connection, schemas).tables if schemas else ())
            for key in keys_of(table.name, [column.name for column in table.columns])
        }
        known = {row.key: row for row in ownership.read_owned(self.connection, self.journal)}

        def is_made(key: Key) -> bool:
            """A new table makes all of its columns; in a table that was there, each column stands for itself."""
            schema, table, column = key
            if column and (schema, table, "") in known:
                return f"column.{schema}.{table}.{column}" in made
            return f"table.{schema}.{table}" in made or f"column.{schema}.{table}.{column}" in made

        rows = [
            Owned(
                schema=key[0],
                table=key[1],
                column=key[2],
                origin=known[key].origin if key in known else "created" if is_made(key) else "imported",
                state="declared",
                project=project,
                target=target,
            )
            for key in sorted(named & there)
        ]
        tables = {(key[0], key[1]) for key in named} if self.take_over else set()
        rows += [
            replace(row, state="retained", project=project, target=target)
            for key, row in known.items()
            if key not in named
            and ((row.project == project and row.target == target and row.state == "declared") or key[:2] in tables)
        ]
        changed = [row for row in rows if known.get(row.key) != row]
        ownership.record_owned(self.connection, self.journal, changed, known=known)

    def _made(self) -> frozenset[str]:
        """Return the addresses of what applies of ours have created. Without DDL in transactions a step that was begun
        may have been done too, by an apply that was cut short.
        """
        can = self.record.capabilities
        outcomes = ("done",) if can.ddl_in_transaction and not can.outside_transaction else ("done", "started")
        found = history.created(self.connection, self.journal, self.plan.project, outcomes=outcomes)
        return frozenset(address.rpartition("/")[2] for address in found)


def keys_of(name: TableName, columns: Sequence[str]) -> set[Key]:
    return {(name.schema, name.table, column) for column in ("", *columns)}
