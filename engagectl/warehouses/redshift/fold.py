"""The SQL of one fold of `users` (SYNC.md decision 4): what each value becomes, and what is written. Pure text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from engagectl.model.column_type import ColumnType, Json, JsonText, Native, Text, Timestamp
from engagectl.model.names import fit
from engagectl.warehouses.contract import UsersFold
from engagectl.warehouses.documents import kept
from engagectl.warehouses.redshift.column_types import LIMITS, native_type

Trait = tuple[str, str, ColumnType]
"""Column of users, column of times, and the type of the first."""


def same(one: str, other: str) -> str:
    """Return the predicate "two texts are one": `=` alone leaves blanks at their end out ("Character types")."""
    return f"{one} = {other} AND OCTET_LENGTH({one}) = OCTET_LENGTH({other})"


def documents_that_stay(pairs: Iterable[Sequence[object]]) -> list[tuple[str, str]]:
    return kept((str(new), str(old)) for new, old in pairs)


@dataclass(frozen=True, kw_only=True)
class Fold:
    """`stored` are the columns of users with their types as the catalog has them; `users` and `times` names in SQL."""

    of: UsersFold
    stored: Mapping[str, str]
    users: str
    times: str

    @cached_property
    def traits(self) -> tuple[Trait, ...]:
        return tuple(trait for trait in self.of.traits if trait[0] in self.stored)

    @property
    def documents(self) -> tuple[Trait, ...]:
        return tuple(trait for trait in self.traits if isinstance(trait[2], Json))

    @cached_property
    def shape(self) -> dict[str, ColumnType]:
        """Return the columns of the delta, in Redshift; `staged` are their names in the stage."""
        shape: dict[str, ColumnType] = {"id": Text(), "received_at": Timestamp(), "timestamp": Timestamp()}
        shape |= {column: kind for column, _, kind in self.traits}
        return shape | {_at(at): Timestamp() for _, at, _ in self.traits}

    @property
    def staged(self) -> tuple[str, ...]:
        columns = tuple(column for column, _, _ in self.traits)
        return ("id", "received_at", "timestamp", *columns, *(f"at:{at}" for _, at, _ in self.traits))

    def select(self, delta: str, stay: Mapping[str, str]) -> str:
        """Return one row per user: its new values and times, whether it is there, has times, and changes."""
        values = {name: f"GREATEST(d.{_ident(name)}, o.{_ident(name)})" for name in self._clock}
        if "user_id" in self.stored:
            values["user_id"] = "d.id"
        joins = ""
        for n, (column, at, kind) in enumerate(self.traits):
            greater = _is_greater(_ident(column), kind)
            if isinstance(kind, Json):
                greater = f"d.{_ident(column)} IS NOT NULL"
                if stay.get(column):
                    new, old = (f"JSON_SERIALIZE({side}.{_ident(column)})" for side in "do")
                    joins += (
                        f" LEFT JOIN {stay[column]} AS s{n} ON {same(f's{n}.new', new)} AND {same(f's{n}.old', old)}"
                    )
                    greater += f" AND s{n}.new IS NULL"
            values[column] = _newest(
                _ident(column), f"d.{_ident(_at(at))}", self._old(at), greater, null_erases=self.of.null_erases
            )
        fresh = {_at(at): f"GREATEST(d.{_ident(_at(at))}, {self._old(at)})" for _, at, _ in self.traits}
        chosen = [f"{sql} AS {_ident(name)}" for name, sql in (values | fresh).items()]
        was = [f"o.{_ident(name)} AS {_ident(_was(name))}" for name in values]
        inner = ", ".join(["d.id", "t.id IS NOT NULL AS timed", "o.id IS NOT NULL AS there", *chosen, *was])
        differ = [_differ(name, native_type(self.stored[name])) for name in values]
        changed = " OR ".join(["NOT there", *differ])
        outer = ", ".join(["id", "timed", "there", *map(_ident, values), *map(_ident, fresh)])
        source = f"(SELECT {inner} {self._from(delta)}{joins}) AS made"
        return f"SELECT {outer}, COALESCE({changed}, FALSE) AS changed FROM {source}"

    def ties(self, delta: str, column: str, at: str) -> str:
        """Return the pairs of documents, new and stored, that stand against each other at one instant."""
        new, old = (f"JSON_SERIALIZE({side}.{_ident(column)})" for side in "do")
        tied = f"d.{_ident(_at(at))} = {self._old(at)} AND {new} <> {old}"
        return f"SELECT DISTINCT {new}, {old} {self._from(delta)} WHERE {tied}"

    def write_times(self, made: str) -> tuple[str, ...]:
        pairs = [(_ident(at), f"n.{_ident(_at(at))}") for _, at, _ in self.traits]
        return tuple(_write(self.times, made, pairs, there="timed", only="TRUE"))

    def write_users(self, made: str) -> tuple[str, ...]:
        names = [*self._clock, *(["user_id"] if "user_id" in self.stored else []), *(trait[0] for trait in self.traits)]
        pairs = [(_ident(name), f"n.{_ident(name)}") for name in names]
        if "uuid_ts" in self.stored:
            pairs.append(("uuid_ts", f"CAST('{self.of.uuid_ts}' AS TIMESTAMPTZ)"))
        return tuple(_write(self.users, made, pairs, there="there", only="n.changed"))

    @property
    def _clock(self) -> list[str]:
        return [name for name in ("received_at", "timestamp") if name in self.stored]

    def _from(self, delta: str) -> str:
        return (
            f"FROM {delta} AS d LEFT JOIN {self.users} AS o ON {same('o.id', 'd.id')}"
            f" LEFT JOIN {self.times} AS t ON {same('t.id', 'd.id')}"
        )

    def _old(self, at: str) -> str:
        """Return when the stored value happened; where no times were kept, when its row was received."""
        floor = "CASE WHEN t.id IS NULL THEN o.received_at END" if "received_at" in self.stored else "NULL"
        return f"COALESCE(t.{_ident(at)}, {floor})"


def _write(table: str, made: str, pairs: Sequence[tuple[str, str]], *, there: str, only: str) -> Iterable[str]:
    """Update the rows that are there and append the others; columns that are not named keep what they hold."""
    if pairs:
        sets = ", ".join(f"{name} = {value}" for name, value in pairs)
        yield f"UPDATE {table} AS o SET {sets} FROM {made} AS n WHERE {same('o.id', 'n.id')} AND n.{there} AND {only}"
    named = [("id", "n.id"), *pairs]
    yield (
        f"INSERT INTO {table} ({', '.join(name for name, _ in named)}) SELECT {', '.join(value for _, value in named)}"
        f" FROM {made} AS n WHERE NOT n.{there} AND {only}"
    )


def _is_greater(name: str, kind: ColumnType) -> str:
    """Return the predicate "the new value is the greater of its instant"; text is compared by its bytes."""
    greater = f"d.{name} > o.{name}"
    if isinstance(kind, Text | JsonText | Native):
        return f"({greater} OR (d.{name} = o.{name} AND OCTET_LENGTH(d.{name}) > OCTET_LENGTH(o.{name})))"
    return greater


def _newest(column: str, at: str, old: str, is_greater: str, *, null_erases: bool) -> str:
    """The greater event time wins, ties by the greater value; null never wins (or is the smallest of its instant)."""
    new_value, old_value = f"d.{column}", f"o.{column}"
    empty = f"{at} IS NULL" if null_erases else f"{new_value} IS NULL"
    never = "FALSE" if null_erases else f"{old_value} IS NULL"
    return (
        f"CASE WHEN {empty} THEN {old_value} WHEN {never} OR {old} IS NULL OR {at} > {old} THEN {new_value}"
        f" WHEN {at} = {old} AND ({old_value} IS NULL OR {is_greater}) THEN {new_value} ELSE {old_value} END"
    )


def _differ(name: str, kind: ColumnType) -> str:
    """Return the predicate "a value is another than before"; Redshift knows no IS DISTINCT FROM."""
    new, old = _ident(name), _ident(_was(name))
    emptied = f"(({new} IS NULL) <> ({old} IS NULL))"
    if isinstance(kind, Json):
        new, old = f"JSON_SERIALIZE({new})", f"JSON_SERIALIZE({old})"
    longer = f" OR OCTET_LENGTH({new}) <> OCTET_LENGTH({old})" if isinstance(kind, Text | Json) else ""
    return f"{emptied} OR {new} <> {old}{longer}"


def _at(times_column: str) -> str:
    """Name an event time in the delta apart from the value: the times column may carry the trait's own name."""
    return _named("at", times_column)


def _was(name: str) -> str:
    return _named("was", name)


def _named(what: str, name: str) -> str:
    """Return a name that Redshift does not cut: two that differ in their last bytes would be one."""
    return fit(f"{what}:{name}", f"{what}:{name}", identifier_bytes=LIMITS.identifier_bytes)


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
