"""Transactions where each statement is one of its own: what is written is kept until the commit, and written down
before the first of it runs.

That writing is one INSERT into the journal's `pending`, and the commit: cut before it, nothing has happened; cut after
it, whoever takes the lock next runs them all again. So each is harmless when it is run twice: a MERGE, an UPDATE to
values, a DELETE, a COPY INTO that skips the file that it has loaded. A plain INSERT is not; the table's count of rows
tells whether it has run, for only the holder of the lock writes to the journal. Databricks' own transactions of
several tables are a preview ("Transactions").
"""

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from engagectl.errors import StatementError
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.databricks.dialect import statement
from engagectl.warehouses.databricks.failure import Conflict
from engagectl.warehouses.databricks.overlay import Deleted, Inserted, Updated, Written, read_through
from engagectl.warehouses.words import word

TRIES = 6
COLUMNS = ("id", "position", "statement", "counted", "rows_before")
_INSERT = re.compile(r"INSERT INTO (\S+) \(([^)]*)\) (VALUES (.*)|SELECT .*)", re.DOTALL)
_UPDATE = re.compile(r"UPDATE (\S+) SET (.*?) WHERE (.*)", re.DOTALL)
_DELETE = re.compile(r"DELETE FROM (\S+) WHERE (.*)", re.DOTALL)
_SETS = re.compile(r', (?=(?:\w+|"(?:[^"]|"")+") = )')


def place(journal: str) -> str:
    return f"{word(journal)}.pending"


def table_sql(journal: str) -> str:
    return (
        f"CREATE TABLE IF NOT EXISTS {place(journal)} (id STRING, position BIGINT, statement STRING, counted STRING,"
        " rows_before BIGINT)"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A statement that waits for the commit. `rows` are those of a plain INSERT, which is not run twice; `counted` is
    its table then, and `rows_before` how many rows that held.
    """

    sql: str
    table: str
    head: str = ""
    rows: str = ""
    counted: str = ""
    rows_before: int = 0

    @property
    def text(self) -> str:
        return f"{self.head} {self.rows}" if self.head else self.sql


@dataclass(slots=True, kw_only=True)
class Transaction:
    """What waits. Data comes before the journal: what the engine may refuse is refused before anything is done."""

    connection: Connection
    journal: str
    run: Callable[[str], int]  # a statement as Databricks reads it -> rows written
    columns: Callable[[str], tuple[str, ...]]  # of a table
    data: list[Step] = field(default_factory=list)
    kept: list[Step] = field(default_factory=list)
    written: dict[str, list[Written]] = field(default_factory=dict)
    is_written_down: bool = False  # and not done yet, as far as is known

    def keep(self, sql: str, parameters: Sequence[object]) -> int | None:
        """Keep a statement for the commit and return how many rows it will write; None for one that is no DML: it
        runs at once.
        """
        if put := _INSERT.fullmatch(sql):
            return self._insert(sql, parameters, put)
        if changed := _UPDATE.fullmatch(sql):
            table, sets, where = changed.groups()
            pairs, used = [], 0
            for one in _SETS.split(sets):
                name, _, value = one.partition(" = ")
                marks = value.count("?")
                pairs.append((statement(name), statement(value, parameters[used : used + marks])))
                used += marks
            at = statement(where, parameters[used:])
            rows = self._count(f"SELECT count(*) FROM {statement(table)} WHERE {at}")
            self._keep(Step(sql=statement(sql, parameters), table=statement(table)), Updated(tuple(pairs), f"({at})"))
            return rows
        if gone := _DELETE.fullmatch(sql):
            table, where = gone.groups()
            at = statement(where, parameters)
            rows = self._count(f"SELECT count(*) FROM {statement(table)} WHERE {at}")
            self._keep(Step(sql=statement(sql, parameters), table=statement(table)), Deleted(f"({at})"))
            return rows
        return None

    def _insert(self, sql: str, parameters: Sequence[object], put: "re.Match[str]") -> int:
        table, names = statement(put[1]), statement(put[2])
        columns = tuple(names.split(", "))
        if put[4] is None:
            chosen = statement(put[3], parameters)
            rows = self._count(f"SELECT count(*) FROM ({chosen}) AS c")
            self._keep(Step(sql=statement(sql, parameters), table=table), Inserted(columns, chosen))
            return rows
        values = statement(put[4], parameters)
        step = Step(sql="", table=table, head=f"INSERT INTO {table} ({names}) VALUES", rows=values)
        self._keep(step, Inserted(columns, values))
        return _tuples(put[4])

    def _count(self, sql: str) -> int:
        ((rows,),) = self.connection.query(sql)
        return int(rows)

    def _keep(self, step: Step, change: Written) -> None:
        self.kept.append(step)
        self.written.setdefault(step.table, []).append(change)

    def keep_data(self, sql: str, table: str, *, is_journal: bool) -> None:
        """Keep a statement over data, as Databricks reads it, that is harmless when it is run twice."""
        (self.kept if is_journal else self.data).append(Step(sql=sql, table=table))

    def read(self, sql: str) -> str:
        """Return a query, as Databricks reads it, that sees what the transaction has written."""
        return read_through(sql, self.written, self.columns) if self.written else sql

    def commit(self) -> None:
        steps = [*self.data, *_joined(self.kept)]
        if len(steps) <= 1:
            for step in steps:
                _run(self.run, step.text)
            return
        steps = self._guarded(steps)
        name = uuid.uuid4().hex
        self.is_written_down = True
        write_down(self.connection, self.journal, name, steps)
        for number, step in enumerate(steps):
            try:
                _run(self.run, step.text)
            except StatementError:
                if number == 0:  # refused, and nothing done yet: it is rolled back
                    forget(self.connection, self.journal, name)
                    self.is_written_down = False
                raise
        forget(self.connection, self.journal, name)
        self.is_written_down = False

    def _guarded(self, steps: Sequence[Step]) -> list[Step]:
        """Give plain INSERTs their counts. Where rows of the table are deleted too, all is run again in order: the
        DELETE takes what the INSERT had brought.
        """
        deleted = {step.table for step in steps if step.text.startswith("DELETE")}
        tables = sorted({step.table for step in steps if step.head} - deleted)
        if not tables:
            return list(steps)
        asked = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
        (counts,) = self.connection.query(f"SELECT {asked}")
        before = dict(zip(tables, map(int, counts), strict=True))
        return [
            replace(step, counted=step.table, rows_before=before[step.table])
            if step.head and step.table in before
            else step
            for step in steps
        ]


def _tuples(rows: str) -> int:
    """Count the tuples of a VALUES list: parentheses that open at its level. Our SQL has none in its texts."""
    depth = found = 0
    for sign in rows:
        if sign == "(":
            found += depth == 0
            depth += 1
        elif sign == ")":
            depth -= 1
    return found


def _joined(steps: Sequence[Step]) -> list[Step]:
    """Put the rows of plain INSERTs into one table together, where no other statement on it comes between."""
    joined: list[Step] = []
    for step in steps:
        at = next((n for n in reversed(range(len(joined))) if joined[n].table == step.table), None)
        if at is not None and step.head and joined[at].head == step.head:
            joined[at] = replace(joined[at], rows=f"{joined[at].rows}, {step.rows}")
        else:
            joined.append(step)
    return joined


def _run(run: Callable[[str], int], text: str) -> int:
    """Run a statement, again where others wrote to its table at the same time: then nothing of it was done."""
    for _ in range(TRIES - 1):
        try:
            return run(text)
        except Conflict:
            continue
    return run(text)


def write_down(connection: Connection, journal: str, name: str, steps: Sequence[Step]) -> None:
    """Write the statements of a transaction in one commit."""
    marks = ", ".join(["(?, ?, ?, ?, ?)"] * len(steps))
    connection.execute(
        f"INSERT INTO {place(journal)} ({', '.join(COLUMNS)}) VALUES {marks}",
        [
            value
            for number, step in enumerate(steps)
            for value in (name, number, step.text, step.counted, step.rows_before)
        ],
    )


def forget(connection: Connection, journal: str, name: str) -> None:
    connection.execute(f"DELETE FROM {place(journal)} WHERE id = ?", (name,))


def finish(connection: Connection, journal: str, run: Callable[[str], int]) -> int:
    """Run what a transaction left that was cut after its commit; return how many there were. The lock must be held."""
    rows = connection.query(f"SELECT id, statement, counted, rows_before FROM {place(journal)} ORDER BY id, position")
    names = list(dict.fromkeys(str(row[0]) for row in rows))
    for name in names:
        for _, text, counted, before in (row for row in rows if row[0] == name):
            if counted and int(connection.query(f"SELECT count(*) FROM {counted}")[0][0]) != int(before):
                continue
            try:
                _run(run, str(text))
            except StatementError as error:
                raise StatementError(
                    f"a transaction that was cut cannot be finished: {error.message}",
                    sql=str(text),
                    sqlstate=error.sqlstate,
                    help="put back by hand what the statement needs, a column or a grant, and run it again: it is"
                    " finished before anything else is done",
                ) from None
        forget(connection, journal, name)
    return len(names)
