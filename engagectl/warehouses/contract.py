"""The seam: what a warehouse is to the rest of engagectl. Facts are data, behaviour is four small protocols."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar

from engagectl.model.change import Change, Hazard
from engagectl.model.column_type import ColumnType
from engagectl.model.schema import Layout, State, Table, TableName

if TYPE_CHECKING:
    import duckdb

    from engagectl.warehouses.landing import Landing

T = TypeVar("T")
BATCH_ROWS = 500
Relation = Literal["same", "holds", "widen", "rebuild"]
"""What a found type is to a wanted one: equal; different, but it holds every value (taken as it is); reachable with
every row kept and no consent; reachable only by casting each value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Hard limits, with their units. None means: none that matters. The source of each stands beside its value."""

    identifier_bytes: int | None
    columns: int
    decimal_precision: int
    decimal_scale: int
    text_chars: int | None = None
    text_bytes: int | None = None
    comment_chars: int | None = None  # of the comment on a column
    system_columns: frozenset[str] = frozenset()  # names that no column may have


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the engine can do, as plan and docs print it."""

    ddl_in_transaction: bool
    delivery: Literal["exactly once", "at-least-once with idempotent merge"]
    lock: str
    case: Literal["lower", "upper", "preserved"]
    rewrites: Callable[[ColumnType, ColumnType], bool]  # does widening from -> to rewrite the table?
    add_many_columns: bool  # can one ALTER TABLE add several columns?
    rebuilds: bool  # can a column get another type by casting its values?
    rebuilds_beside: bool = False  # and only so: by a new column, which takes the old one's place and its name
    writes: Literal["nothing", "structure", "rows"]  # what engagectl writes there yet: apply makes structure, sync rows
    tagged: bool  # does a session carry a Tag that others can see: application_name, query tag, labels?
    outside_transaction: tuple[type, ...] = ()  # kinds of change that no transaction takes, where it takes others
    layout_in_place: bool = True  # does a table take another layout and leave its rows as they are?
    layout_fixes: tuple[type, ...] = ()  # kinds of change that no column takes by which its table is laid out
    space_schema_only: bool = False  # do Segment's own Storage Actions write there, and only to the space's schema?
    table_options: tuple[tuple[str, str], ...] = ()  # how CREATE TABLE ends, of a table of the journal; "": of any
    comments_inline: bool = False  # do CREATE TABLE and ADD COLUMN bring descriptions along in themselves?


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds, or wants, the lock of a journal. `since` is RFC 3339 UTC."""

    command: str
    host: str = ""
    pid: int = 0
    user: str = ""
    since: str = ""

    def __str__(self) -> str:
        who = f"{self.command or 'a process'} (pid {self.pid}" + (f" on {self.host})" if self.host else ")")
        return who + (f", since {self.since}" if self.since else "")


class Connection(Protocol):
    """An open session, set to UTC and tagged. SQL of ours has `?` for each bound value, in every warehouse.

    Raises StatementError, TransientError or ConnectError; never a driver's own exception, never a bound value in text.
    """

    warehouse: str  # the YAML id
    read_only: bool
    version: str  # engine and version, for doctor
    queries: int  # asked so far, and the rows that came back: what a plan has cost
    rows_read: int
    text_bytes: int | None  # of the longest text that a column holds; None where none of ours is longer

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]: ...
    def query_as(self, make: Callable[..., T], sql: str, parameters: Sequence[object] = ()) -> list[T]:
        """Return `make(*row)` for each row, batch by batch: a large result is never held whole beside what it makes."""
        ...

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int: ...
    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None: ...
    def begin(self) -> None: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def lock(self, name: str, *, timeout_s: float, holder: Holder) -> None:
        """Take the journal's exclusive lock for the rest of the session. Raises LockHeld, naming the holder."""
        ...

    def recover(self) -> bool:
        """Open the session again if it was lost; tell whether it was. Its lock is gone then. Raises ConnectError."""
        ...

    def somebody_waits(self) -> bool:
        """Tell whether another session waits for the lock that this one holds."""
        ...

    def has_table(self, schema: str, table: str) -> bool:
        """Tell whether this session sees a table of ours now, whatever its catalog's views still say."""
        ...

    def columns_of(self, schema: str, table: str) -> tuple[str, ...]:
        """Return the columns of a table of ours, in lower case; nothing where it is not there."""
        ...

    def lock_holder(self, name: str) -> Holder | None:
        """Return who holds the journal's lock now, this session included; None when it is free."""
        ...

    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersFold:
    """One fold of `users`: `delta` is a staged relation, one row per user id, holding `id`, `received_at`, `timestamp`,
    for each trait its value under the column's name and its event time under `at:` and the times column's name.
    The greater event time wins, then the greater value: JSON as warehouses/documents.py orders it.
    """

    users: TableName
    times: TableName
    delta: str
    traits: tuple[tuple[str, str, ColumnType], ...]  # (column of users, column of times, stored type)
    null_erases: bool
    uuid_ts: str  # RFC 3339: the load stamp of rows that change


@dataclass(frozen=True, slots=True)
class Window:
    """Whose ids are looked up so many days back, and no longer. `mask` has the bit of one feed."""

    part: int
    mask: int
    days: int


def visible(windows: Sequence[Window]) -> str:
    """Return ` & ..` for each window: what is left of the bits of `s` for an id `i` of the chunk. Plain SQL."""
    return "".join(
        f" & CASE WHEN i.part = {window.part} AND s.day < i.day - {window.days}"
        f" THEN ~CAST({window.mask} AS BIGINT) ELSE CAST(-1 AS BIGINT) END"
        for window in windows
    )


class Loader(Protocol):
    """Moves staged relations into the warehouse, inside the transaction that its connection has open.

    `stage` is the DuckDB connection where chunks are staged as TEMP tables: the warehouse's own on DuckDB, an
    in-memory one elsewhere.
    """

    stage: "duckdb.DuckDBPyConnection"

    def ready(self, columns: int) -> None:
        """Be able to take rows of so many columns in the transaction that begins next: where DDL would commit it."""
        ...

    def insert(
        self, table: TableName, columns: Sequence[tuple[str, ColumnType]], select: str, nulls: Collection[str] = ()
    ) -> int:
        """Append the rows of a SELECT over the stage; return how many. Its columns are in the given order and types;
        those of `nulls` are NULL in every row, which a loader may make use of.
        """
        ...

    def insert_new(self, table: TableName, columns: Sequence[tuple[str, ColumnType]], select: str, *, key: str) -> int:
        """Append those rows of a SELECT over the stage whose `key` no stored row has; return how many."""
        ...

    def fill(self, table: TableName, column: tuple[str, ColumnType], select: str) -> int:
        """Put values of a SELECT over the stage (id, value) into the rows of those ids where the column is NULL."""
        ...

    def remember(self, ids: str, known: str, windows: Sequence[Window] = ()) -> int:
        """Store message ids in the journal's `seen`; return how many were known.

        `ids` is a staged relation (part SMALLINT, hash UUID, day INTEGER, mask BIGINT; one row per part and hash; the
        day, of receipt, may be NULL). The TEMP relation `known` (part, hash, mask) is created with the bits that were
        stored before; for the feeds of a window, not longer before than it says.
        """
        ...

    def know(self, tables: Sequence[TableName], part: int, mask: int) -> int:
        """Store the ids of the rows of tables (MD5 of their `id`) as seen by the feeds of a mask; return how many."""
        ...

    def expire(self, window: Window) -> int:
        """Forget the ids that are out of a window and of no feed but its own; return how many."""
        ...

    def fold_users(self, fold: UsersFold) -> int:
        """Merge a fold into users and its times (SYNC.md decision 4); return the rows written to users."""
        ...

    def carry_out(self) -> None:
        """Have the engine do what it was given in this transaction, where that waits for the commit."""
        ...

    def forget(self) -> None:
        """Drop what a rolled back chunk left in the stage."""
        ...


Role = Literal["plan", "apply", "sync"]
ROLES: tuple[Role, ...] = ("plan", "apply", "sync")


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a project touches in a warehouse: its tables, those of them whose rows sync updates, and for which roles to
    look.
    """

    tables: tuple[TableName, ...] = ()
    merged: frozenset[TableName] = frozenset()
    roles: tuple[Role, ...] = ()


NO_NEEDS = Needs()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of `doctor`: what was looked at, whether it is well, and the fix when it is not."""

    name: str
    ok: bool
    detail: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Newest:
    """A FROM item: the rows that a table stored last, without reading the others; `whole` when it is all of them."""

    sql: str
    whole: bool


def not_clustered(table: Table) -> tuple[str, ...]:
    """Return no columns: the engine keeps rows as they come."""
    del table
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Warehouse:
    """A warehouse: facts, and its parts. `spec` is its part of the YAML (config.warehouse), resolved at connect().

    `connect(spec, id, secrets, root, read_only, lock_timeout_s, command, target, commit, memory_mb)` opens a session,
    tagged with command, target and commit; `catalog(connection, schemas)` reads those schemas whole in one or two
    queries (a schema that is not there is simply absent from the State);
    `settle(type)` is the type as this warehouse stores it (settling twice changes nothing);
    `relate(found, wanted)` compares two settled types; `type_sql(type)` writes one; `cast_sql(expression, before,
    after)` converts a value in its one text form (CLI.md 6), `misfit_sql(expression, before, after)` tests for a value
    that would not convert; `hazards(change, state)` are those only this engine has.
    """

    name: str
    title: str
    dialect: str
    limits: Limits
    capabilities: Capabilities
    connect: Callable[..., Connection]
    catalog: Callable[[Connection, Sequence[str] | None], State]
    settle: Callable[[ColumnType], ColumnType]
    relate: Callable[[ColumnType, ColumnType], Relation]
    type_sql: Callable[[ColumnType], str]
    cast_sql: Callable[[str, ColumnType, ColumnType], str]
    misfit_sql: Callable[[str, ColumnType, ColumnType], str]
    hazards: Callable[[Change, State], tuple[Hazard, ...]]
    loader: Callable[..., Loader]
    doctor: Callable[..., tuple[Check, ...]]
    grants: Callable[[str, str, str], str]  # (database, journal, sql or terraform) -> what an administrator runs
    native_type: Callable[[str], ColumnType]  # the catalog's text -> the neutral type, Native when there is none
    newest: Callable[..., Newest]  # (connection, table, its name as SQL, rows=N): what a bounded look may read
    unlock: Callable[[Connection, str], None] | None  # free a lock that outlives its session; None where none does
    role: Callable[[Connection], str]  # who the session is to the engine, "" where it knows no roles
    scrub: Callable[
        ..., tuple[str, ...]
    ]  # (connection, tables, journal): forget deleted rows; what may still hold them
    endpoint: Callable[[Any, Mapping[str, str]], str]  # the database it resolves to, as text: two equal ones are EC413
    layouts: Callable[[Connection, Sequence[TableName]], Mapping[TableName, Layout]] | None = (
        None  # of tables that are there, a statement each; None where the catalog tells them, or nothing does
    )
    # (connection, loader, sources): what loads objects without the client; None where objects pass through it
    landing: "Callable[..., Landing] | None" = None
    clustered: Callable[[Table], tuple[str, ...]] = (
        not_clustered  # by which columns a new table keeps its rows together
    )
