"""One fold of users: what changes is computed from what is stored, once, into `users_fold` of the journal; the two
MERGEs from there only copy, so it does not matter how often or in which order they are run.
"""

from dataclasses import dataclass, field

from engagectl.model.column_type import ColumnType, Json, Text, Timestamp
from engagectl.model.schema import TableName
from engagectl.warehouses.contract import UsersFold
from engagectl.warehouses.databricks.connect import DatabricksConnection
from engagectl.warehouses.databricks.dialect import literal, quoted
from engagectl.warehouses.documents import kept
from engagectl.warehouses.words import word

_CLOCK = ("received_at", "timestamp")


@dataclass
class Fold:
    """`delta` are the columns of the staged rows: first the id, then times, values, and the event time of each."""

    connection: DatabricksConnection
    journal: str
    fold: UsersFold
    delta: tuple[tuple[str, ColumnType], ...] = field(init=False)

    def __post_init__(self) -> None:
        self._users, self._times = _table(self.fold.users), _table(self.fold.times)
        self._stored = self.connection.columns(self._users)
        self._traits = [trait for trait in self.fold.traits if trait[0] in self._stored]
        self._clock = [name for name in _CLOCK if name in self._stored]
        self.delta = (
            ("id", Text()),
            ("received_at", Timestamp()),
            ("timestamp", Timestamp()),
            *((column, kind) for column, _, kind in self._traits),
            *((_at(at), Timestamp()) for _, at, _ in self._traits),
        )

    def merge(self, delta: str, number: int) -> int:
        """Compute the rows of a delta, and keep the MERGEs; return the rows that users gets."""
        source = (
            f"FROM {delta} AS d LEFT JOIN {self._users} AS o ON o.id = d.id LEFT JOIN {self._times} AS t ON t.id = d.id"
        )
        old = self._old()
        values = {name: f"greatest(d.{quoted(name)}, o.{quoted(name)})" for name in self._clock}
        if "user_id" in self._stored:
            values["user_id"] = "d.id"
        for column, at, kind in self._traits:
            values[column] = self._newest(column, at, kind, old[at], source)
        fresh = {at: f"greatest(d.{quoted(_at(at))}, {old[at]})" for _, at, _ in self._traits}
        kinds = {column: kind for column, _, kind in self._traits}
        changed = " OR ".join(
            f"NOT ({_as_text(sql, kinds.get(name))} <=> {_as_text(f'o.{quoted(name)}', kinds.get(name))})"
            for name, sql in values.items()
        )
        chosen = [f"{sql} AS v{n}" for n, sql in enumerate(values.values())]
        chosen += [f"{sql} AS a{n}" for n, sql in enumerate(fresh.values())]
        made = f"{word(self.journal)}.users_fold_{number}"
        select = f"SELECT d.id AS id, (o.id IS NULL OR {changed or 'FALSE'}) AS changed"
        select = f"{select}{''.join(f', {one}' for one in chosen)} {source}"
        if self.connection.is_rehearsal:
            ((rows,),) = self.connection.query(f"SELECT count(*) FROM ({select}) AS n WHERE changed")
            return int(rows)
        self.connection.execute(f"CREATE OR REPLACE TABLE {made} AS {select}")
        ((rows,),) = self.connection.query(f"SELECT count(*) FROM {made} WHERE changed")
        stamp = {"uuid_ts": f"TIMESTAMP{literal(self.fold.uuid_ts)}"} if "uuid_ts" in self._stored else {}
        self._keep(self._times, made, {at: f"n.a{n}" for n, at in enumerate(fresh)}, only="TRUE")
        self._keep(self._users, made, {name: f"n.v{n}" for n, name in enumerate(values)} | stamp, only="n.changed")
        return int(rows)

    def _old(self) -> dict[str, str]:
        """Return the event time of each stored value. A row that no fold has timed is as old as when it was received;
        where that is not known either, older than anything.
        """
        oldest = "CASE WHEN o.id IS NOT NULL THEN TIMESTAMP'0001-01-01 00:00:00' END"
        floor = f"coalesce(o.received_at, {oldest})" if "received_at" in self._stored else oldest
        return {at: f"coalesce(t.{quoted(at)}, CASE WHEN t.id IS NULL THEN {floor} END)" for _, at, _ in self._traits}

    def _newest(self, column: str, at: str, kind: ColumnType, old: str, source: str) -> str:
        """The greater event time wins, then the greater value; null never wins (or is the smallest of its instant)."""
        new, stored, happened = f"d.{quoted(column)}", f"o.{quoted(column)}", f"d.{quoted(_at(at))}"
        greater = (
            self._is_greater_document(new, stored, f"{source} WHERE {happened} = {old}")
            if isinstance(kind, Json)
            else f"{stored} IS NULL OR {new} > {stored}"
        )
        empty = f"{happened} IS NULL" if self.fold.null_erases else f"{new} IS NULL"
        never = "FALSE" if self.fold.null_erases else f"{stored} IS NULL"
        return (
            f"CASE WHEN {empty} THEN {stored} WHEN {never} OR {old} IS NULL OR {happened} > {old} THEN {new}"
            f" WHEN {happened} = {old} AND ({greater}) THEN {new} ELSE {stored} END"
        )

    def _is_greater_document(self, new: str, stored: str, tied: str) -> str:
        """Return the predicate "the new one of two JSON documents of one instant is the greater"."""
        new, stored = f"to_json({new})", f"to_json({stored})"
        pairs = self.connection.query(f"SELECT DISTINCT {new}, {stored} {tied} AND {new} <> {stored}")
        stay = kept([(str(one), str(other)) for one, other in pairs])
        if not stay:
            return f"{new} IS NOT NULL"
        listed = " OR ".join(f"({new} = {literal(one)} AND {stored} = {literal(other)})" for one, other in stay)
        return f"{new} IS NOT NULL AND NOT coalesce({listed}, FALSE)"

    def _keep(self, table: str, made: str, values: dict[str, str], *, only: str) -> None:
        sets = ", ".join(f"{quoted(name)} = {value}" for name, value in values.items())
        matched = f" WHEN MATCHED AND {only} THEN UPDATE SET {sets}" if sets else ""
        names = ", ".join(["id", *map(quoted, values)])
        self.connection.keep_data(
            f"MERGE INTO {table} AS o USING {made} AS n ON o.id = n.id{matched}"
            f" WHEN NOT MATCHED AND {only} THEN INSERT ({names}) VALUES ({', '.join(['n.id', *values.values()])})",
            table,
        )


def _as_text(expression: str, kind: ColumnType | None) -> str:
    """Give a document a form that can be compared: a VARIANT cannot."""
    return f"to_json({expression})" if isinstance(kind, Json) else expression


def _at(times_column: str) -> str:
    """Name an event time in the delta apart from the value: the times column may carry the trait's own name."""
    return f"at:{times_column}"


def _table(name: TableName) -> str:
    return f"{quoted(name.schema)}.{quoted(name.table)}"
