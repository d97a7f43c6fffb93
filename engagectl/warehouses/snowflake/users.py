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

ID, VALUE = '"ec:id"', '"ec:v"'
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
        at = {name: n for n, (name, _) in enumerate(self.delta)}
        floor = read(f"d.c{len(at)}", Timestamp())
        users, times, key = self.table(self.fold.users), self.table(self.fold.times), self._user("id")
        user_id = read("d.c0", Text())
        source = (
            f"FROM {sent} AS d LEFT JOIN {users} AS u ON u.{key} = {user_id}"
            f" LEFT JOIN {times} AS t ON t.id = {user_id} WHERE d.{condition}"
        )
        new = {name: read(f"d.c{n}", kind) for (name, kind), n in zip(self.delta, at.values(), strict=True)}
        old = {
            at: f"CASE WHEN t.id IS NULL THEN {floor} ELSE t.{self.column(self.fold.times, at)} END"
            for _, at, _ in self.traits
        }
        values = self._values(new, old)
        changed = " OR ".join(
            f"{compared(sql, self.stored[name])} IS DISTINCT FROM"
            f" {compared(f'u.{self._user(name)}', self.stored[name])}"
            for name, sql in values.items()
        )
        columns = {self._user(name): sql for name, sql in values.items()}
        if "uuid_ts" in self.stored:
            columns[self._user("uuid_ts")] = f"CAST('{self.fold.uuid_ts}' AS TIMESTAMP_TZ)"
        clocks = {self.column(self.fold.times, at): greater(new[f"at:{at}"], before) for at, before in old.items()} or {
            "id": user_id
        }
        return (
            self._keep_floor(sent, condition, users, times, key, len(at)),
            _merge(users, key, columns, source, there=f"u.{key} IS NOT NULL", changed=changed or "FALSE"),
            _merge(times, "id", clocks, source, there="t.id IS NOT NULL", changed="TRUE"),
        )

    def _values(self, new: Mapping[str, str], old: Mapping[str, str]) -> dict[str, str]:
        """Return what each column of users becomes."""
        values = {
            name: greater(new[name], f"u.{self._user(name)}")
            for name in ("received_at", "timestamp")
            if name in self.stored
        }
        if "user_id" in self.stored:
            values["user_id"] = new["id"]
        for column, at, kind in self.traits:
            values[column] = newest(
                new[column],
                f"u.{self._user(column)}",
                new[f"at:{at}"],
                old[at],
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


def _merge(
    table: str, key: str, values: Mapping[str, str], source: str, *, there: str, changed: str
) -> tuple[str, str]:
    """Write the UPDATE of the rows that are there, where something changes, and the INSERT of the others."""
    named = {name: quoted(f"ec:{n}") for n, name in enumerate(values)}
    chosen = "".join(f", {sql} AS {named[name]}" for name, sql in values.items())
    rows = f"SELECT {read('d.c0', Text())} AS {ID}{chosen} {source}"
    sets = ", ".join(f"{name} = n.{at}" for name, at in named.items())
    names = dict.fromkeys([key, *named])
    taken = ", ".join(f"n.{named.get(name, ID)}" for name in names)
    return (
        f"UPDATE {table} SET {sets} FROM ({rows} AND {there} AND ({changed})) AS n WHERE {key} = n.{ID}",
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {taken} FROM ({rows} AND NOT ({there})) AS n",
    )
