"""Find and delete the rows of one user id: in its tables, in the times of `users`, and in the quarantine."""

import json
import os
import socket
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engagectl.config.project import Project
from engagectl.errors import NothingApplied
from engagectl.failpoint import hit
from engagectl.journal import erasures, names
from engagectl.journal.ownership import read_owned
from engagectl.journal.tables import ensure, has_journal, place, quoted, rfc3339
from engagectl.model.address import Address, table_address
from engagectl.model.schema import Table, TableName
from engagectl.warehouses.contract import Connection, Holder
from engagectl.warehouses.registry import warehouse

_AT_ONCE = 500
Link = Literal["user_id", "id", "message", "none"]
"""How rows of a table are known to be a person's: by the user id (`id` in users), by message ids, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was, or would be, deleted of one table. `link` none: nothing in it says whose a row is."""

    table: Address
    link: Link
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseReport:
    """`not_reached` are places outside of the tables that may still hold the person, in words."""

    erase_id: str
    dry_run: bool
    forever: bool
    tables: tuple[Erased, ...]
    not_reached: tuple[str, ...] = ()
    declined: bool = False

    @property
    def unlinked(self) -> tuple[Address, ...]:
        return tuple(one.table for one in self.tables if one.link == "none")

    @property
    def exit_code(self) -> int:
        if self.declined:
            return 4
        return 5 if self.unlinked else 0


def erase(
    project: Project,
    *,
    connections: Mapping[str, Connection],
    user: str,
    forever: bool,
    dry_run: bool,
    now: datetime,
    confirm: Callable[[Sequence[Erased]], bool],
    lock_timeout_s: float = 10.0,
) -> EraseReport:
    """Remove one user id from every warehouse of the target, each in one transaction, and leave a tombstone.

    Messages of that user received up to now are filtered by later syncs; with `forever` those received later too.
    """
    journal = project.spec.journal_schema
    holder = Holder(command="erase", host=socket.gethostname(), pid=os.getpid(), since=rfc3339(now))
    people: dict[str, _Person] = {}
    for name, connection in connections.items():
        if not has_journal(connection, journal):
            continue
        if not dry_run:
            connection.lock(journal, timeout_s=lock_timeout_s, holder=holder)
        people[name] = _Person(project, name, connection, user)
    if not people:
        raise NothingApplied("nothing was applied to this target yet", help="engagectl apply")
    found = [one for person in people.values() for one in person.found()]
    erase_id = uuid.uuid4().hex[:12]
    if dry_run or not confirm(found):
        return EraseReport(
            erase_id=erase_id, dry_run=dry_run, forever=forever, tables=tuple(found), declined=not dry_run
        )
    not_reached: dict[str, None] = {}
    deleted: list[Erased] = []
    for name, person in people.items():
        record = warehouse(project.spec.warehouses[name].type)
        ensure(person.connection, record, journal)
        deleted += person.delete(erase_id, now=now, forever=forever)
        tables = [one.name for one in person.tables]
        not_reached.update(dict.fromkeys(record.scrub(person.connection, tables, journal)))
        hit("erase.scrubbed")
    not_reached["the input files: their owner removes what they hold"] = None
    return EraseReport(
        erase_id=erase_id,
        dry_run=False,
        forever=forever,
        tables=tuple(deleted),
        not_reached=tuple(not_reached),
    )


class _Person:
    """One user id in one warehouse."""

    def __init__(self, project: Project, name: str, connection: Connection, user: str) -> None:
        self.project, self.name, self.connection, self.user = project, name, connection, user
        self.journal = project.spec.journal_schema
        self.tables = self._tables()

    def found(self) -> Iterator[Erased]:
        """Yield what would be deleted. Nothing is written."""
        messages = self._messages()
        for table in self.tables:
            link = link_of(table)
            if link == "message":
                rows = sum(self._count(table.name, "id", part) for part in _parts(messages))
            elif link == "none":
                rows = 0
            else:
                rows = self._count(table.name, link, [self.user])
            yield Erased(table=self._address(table.name), link=link, rows=rows)
        entries = self._entries(messages)
        yield Erased(table=self._address(TableName(self.journal, "quarantine")), link="message", rows=len(entries))

    def delete(self, erase_id: str, *, now: datetime, forever: bool) -> list[Erased]:
        connection, journal = self.connection, self.journal
        messages = self._messages()
        done: list[Erased] = []
        connection.begin()
        try:
            for table in self.tables:
                link = link_of(table)
                values = messages if link == "message" else [self.user]
                column = "id" if link == "message" else link
                rows = 0 if link == "none" else sum(self._delete(table.name, column, part) for part in _parts(values))
                done.append(Erased(table=self._address(table.name), link=link, rows=rows))
                hit("erase.rows_deleted")
                if table.name.table == "users" and names.times_columns(connection, journal, table.name):
                    self._delete(names.times_table(journal, table.name), "id", [self.user])
            entries = self._entries(messages)
            for part in _parts(entries):
                self._delete(TableName(journal, "quarantine"), "message_id", part)
            quarantine = self._address(TableName(journal, "quarantine"))
            done.append(Erased(table=quarantine, link="message", rows=len(entries)))
            tombstone = erasures.make_tombstone(
                connection, journal, self.user, received_to="" if forever else rfc3339(now)
            )
            erasures.record_erasure(
                connection,
                journal,
                id=erase_id,
                project=self.project.spec.project,
                target=self.project.target,
                now=rfc3339(now),
                tombstone=tombstone,
                rows={str(one.table): one.rows for one in done},
            )
            hit("erase.before_commit")
            connection.commit()
            hit("erase.committed")
        except BaseException:
            connection.rollback()
            raise
        return done

    def _tables(self) -> tuple[Table, ...]:
        """Return the tables that this project owns, as the catalog has them now."""
        owned = {
            TableName(row.schema, row.table)
            for row in read_owned(self.connection, self.journal)
            if row.project == self.project.spec.project and not row.column
        }
        record = warehouse(self.project.spec.warehouses[self.name].type)
        state = record.catalog(self.connection, sorted({name.schema for name in owned})) if owned else None
        return tuple(table for table in (state.tables if state is not None else ()) if table.name in owned)

    def _messages(self) -> list[str]:
        """Return the ids of the person's messages, from every table that knows both."""
        found: dict[str, None] = {}
        for table in self.tables:
            if link_of(table) == "user_id" and table.name.table != "users" and table.find("id") is not None:
                rows = self.connection.query(f"SELECT id FROM {_sql(table.name)} WHERE user_id = ?", (self.user,))
                found.update((str(row[0]), None) for row in rows if row[0] is not None)
        return list(found)

    def _entries(self, messages: Sequence[str]) -> list[str]:
        """Return the message ids of the quarantine entries that are the person's, or whose text holds the user id."""
        ids = set(messages)
        spellings = {self.user, json.dumps(self.user)[1:-1], json.dumps(self.user, ensure_ascii=False)[1:-1]}
        held = " OR ".join("position(? IN coalesce(content, '')) > 0" for _ in spellings)
        rows = self.connection.query(
            f"SELECT DISTINCT message_id FROM {place(self.journal, 'quarantine')} WHERE {held}", tuple(spellings)
        )
        found = {str(row[0]) for row in rows if row[0] is not None}
        for part in _parts(sorted(ids)):
            marks = ", ".join("?" for _ in part)
            rows = self.connection.query(
                f"SELECT DISTINCT message_id FROM {place(self.journal, 'quarantine')} WHERE message_id IN ({marks})",
                part,
            )
            found.update(str(row[0]) for row in rows)
        return sorted(found)

    def _count(self, table: TableName, column: str, values: Sequence[str]) -> int:
        marks = ", ".join("?" for _ in values)
        sql = f"SELECT count(*) FROM {_sql(table)} WHERE {quoted(column)} IN ({marks})"
        return int(self.connection.query(sql, values)[0][0]) if values else 0

    def _delete(self, table: TableName, column: str, values: Sequence[str]) -> int:
        marks = ", ".join("?" for _ in values)
        return self.connection.execute(f"DELETE FROM {_sql(table)} WHERE {quoted(column)} IN ({marks})", values)

    def _address(self, name: TableName) -> Address:
        return table_address(name.schema, name.table, warehouse=self.name)


def link_of(table: Table) -> Link:
    """Tell how a table's rows are linked to a person."""
    if table.find("user_id") is not None:
        return "user_id"
    if table.name.table == "users" and table.find("id") is not None:
        return "id"
    return "message" if table.find("id") is not None else "none"


def _parts(values: Iterable[str]) -> Iterator[list[str]]:
    listed = list(values)
    for at in range(0, len(listed), _AT_ONCE):
        yield listed[at : at + _AT_ONCE]


def _sql(name: TableName) -> str:
    return f"{quoted(name.schema)}.{quoted(name.table)}"
