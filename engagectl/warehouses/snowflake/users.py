"""The fold of users as statements: what was sent meets what is stored, by the event time of each value. Pure.

An UPDATE and an INSERT each, users first. What a row of users without times counts as, its received_at, is therefore
kept beside the rows that were sent before that moves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engagectl.model.column_type import ColumnType, Text, Timestamp
from engagectl.model.schema import TableName
from engagectl.warehouses.contract import UsersFold
from engagectl.warehouses.snowflake.values import OLDEST, compared, greater, newest, read, written
from engagectl.warehouses.words import quoted

ID, VALUE, _USER, _TIMES = '"ec:id"', '"ec:v"', '"ec:user"', '"ec:times"'
"""Columns of what is joined to a table, under names that none of its own has: an UPDATE takes no alias for it."""


@dataclass(frozen=True, kw_only=True)
class UsersSql:
    """One fold. `stored` are the columns of users that are there, `sent` is where the rows of `delta` lie: a table of
    columns c0, c1, .. and the condition that they fulfil there. `table` and `column` write names.
    """

    fold: UsersFold
    stored: Mapping[str, ColumnType]
    table: Callable[[TableName], str]
    column: Callable[[TableName, str], str]

    @property
    def traits(self) -> list[tuple[str, str, ColumnType]]:
        return [trait for trait in self.fold.traits if trait[0] in self.stored]

    @property
    def delta(self) -> list[tuple[str, ColumnType]]:
        """The columns to send, in their order, but for the last: it is sent empty, and keeps the floor."""
        found: list[tuple[str, ColumnType]] = [("id", Text()), ("received_at", Timestamp()), ("timestamp", Timestamp())]
        for column, at, kind in self.traits:
            found += [(column, kind), (f"at:{at}", Timestamp())]
        return found

    def statements(self, sent: str, condition: str) -> tuple[str, tuple[str, str], tuple[str, str]]:
        """Return what keeps the floors, then UPDATE and INSERT of users, then of its times."""
        users, times, key = self.table(self.fold.users), self.table(self.fold.times), self._user("id")
        floor = len(self.delta)
        held = ", ".join(f"{sql} AS {name}" for name, sql in self._held(f"d.c{floor}").items())
        rows = (
            f"SELECT {read('d.c0', Text())} AS {ID}, u.{key} AS {_USER}, t.id AS {_TIMES}, {held} FROM {sent} AS d"
            f" LEFT JOIN {users} AS u ON u.{key} = {read('d.c0', Text())}"
            f" LEFT JOIN {times} AS t ON t.id = {read('d.c0', Text())} WHERE d.{condition}"
        )
        values = self._values()
        changed = " OR ".join(
            f"{compared(sql, self.stored[name])} IS DISTINCT FROM {compared(self._old(name), self.stored[name])}"
            for name, sql in values.items()
        )
        columns = {self._user(name): sql for name, sql in values.items()}
        if "uuid_ts" in self.stored:
            columns[self._user("uuid_ts")] = f"CAST('{self.fold.uuid_ts.removesuffix('Z')}+00:00' AS TIMESTAMP_TZ)"
        clocks = {
            self.column(self.fold.times, at): greater(self._at(column), self._before(column))
            for column, at, _ in self.traits
        }
        return (
            self._keep_floor(sent, condition, users, times, key, floor),
            _merge(users, key, columns, rows, there=_USER, changed=changed or "FALSE"),
            _merge(times, "id", clocks or {"id": ID}, rows, there=_TIMES, changed="TRUE"),
        )

    def _held(self, floor: str) -> dict[str, str]:
        """Return what the statements compare: of each column what was sent and what is stored, and their times."""
        sent = {name: read(f"d.c{n}", kind) for n, (name, kind) in enumerate(self.delta)}
        found: dict[str, str] = {}
        for name in ("received_at", "timestamp", "user_id"):
            if name in self.stored:
                found |= {
                    self._new(name): sent["id" if name == "user_id" else name],
                    self._old(name): f"u.{self._user(name)}",
                }
        for column, at, _ in self.traits:
            time = f"t.{self.column(self.fold.times, at)}"
            found |= {
                self._new(column): sent[column],
                self._old(column): f"u.{self._user(column)}",
                self._at(column): sent[f"at:{at}"],
                self._before(column): f"CASE WHEN t.id IS NULL THEN {read(floor, Timestamp())} ELSE {time} END",
            }
        return found or {'"ec:none"': "NULL"}

    def _values(self) -> dict[str, str]:
        """Return what each column of users becomes."""
        values = {
            name: greater(self._new(name), self._old(name))
            for name in ("received_at", "timestamp")
            if name in self.stored
        }
        if "user_id" in self.stored:
            values["user_id"] = self._new("user_id")
        for column, _, kind in self.traits:
            values[column] = newest(
                self._new(column),
                self._old(column),
                self._at(column),
                self._before(column),
                kind,
                null_erases=self.fold.null_erases,
            )
        return values

    def _keep_floor(self, sent: str, condition: str, users: str, times: str, key: str, number: int) -> str:
        received = f"u.{self._user('received_at')}" if "received_at" in self.stored else "CAST(NULL AS TIMESTAMP_TZ)"
        return (
            f"UPDATE {sent} SET c{number} = n.{VALUE} FROM (SELECT u.{key} AS {ID},"
            f" COALESCE({written(received)}, '{OLDEST}') AS {VALUE} FROM {users} AS u"
            f" LEFT JOIN {times} AS t ON t.id = u.{key} WHERE t.id IS NULL) AS n"
            f" WHERE {condition} AND {read('c0', Text())} = n.{ID}"
        )

    def _user(self, name: str) -> str:
        return self.column(self.fold.users, name)

    def _new(self, name: str) -> str:
        return self._named("new", name)

    def _old(self, name: str) -> str:
        return self._named("old", name)

    def _at(self, name: str) -> str:
        return self._named("at", name)

    def _before(self, name: str) -> str:
        return self._named("before", name)

    def _named(self, what: str, column: str) -> str:
        """Name what the statements compare by the place of a column of users: its own name may be as long as can be."""
        return quoted(f"{what}:{list(self.stored).index(column)}")


def _merge(table: str, key: str, values: Mapping[str, str], rows: str, *, there: str, changed: str) -> tuple[str, str]:
    """Write the UPDATE of the rows that are there, where something changes, and the INSERT of the others."""
    named = {name: quoted(f"ec:{n}") for n, name in enumerate(values)}
    chosen = "".join(f", {sql} AS {named[name]}" for name, sql in values.items())
    sets = ", ".join(f"{name} = n.{at}" for name, at in named.items())
    names = dict.fromkeys([key, *named])
    taken = ", ".join(f"n.{named.get(name, ID)}" for name in names)
    chosen = f"SELECT {ID}{chosen} FROM ({rows}) AS h WHERE {there}"
    return (
        f"UPDATE {table} SET {sets} FROM ({chosen} IS NOT NULL AND ({changed})) AS n WHERE {key} = n.{ID}",
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {taken} FROM ({chosen} IS NULL) AS n",
    )
