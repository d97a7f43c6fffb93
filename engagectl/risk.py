"""Changes and the applied state -> findings: what deserves a second look, and what policy refuses. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engagectl.desired.build import Desired
from engagectl.desired.plain import plain_values
from engagectl.diff import Clash, Difference
from engagectl.errors import Severity
from engagectl.journal.applied import AppliedFeed
from engagectl.journal.ownership import Owned
from engagectl.model.address import Address, column_address, table_address
from engagectl.model.change import AddColumn, Change, ChangeSetting, CreateTable, DropColumn, DropTable
from engagectl.model.column_type import type_text
from engagectl.model.feed import Feed, Standard, StandardField
from engagectl.model.origin import NOWHERE, Origin
from engagectl.model.schema import State, TableName

_ALWAYS: frozenset[StandardField] = frozenset(("id", "received_at", "uuid_ts"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A finding before its place is looked up."""

    code: str
    severity: Severity
    message: str
    address: Address
    origin: Origin = NOWHERE
    help: tuple[str, ...] = ()
    refuses: bool = False


def refusal(code: str, message: str, address: Address, origin: Origin, *help: str) -> Judged:
    return Judged(code=code, severity="error", message=message, address=address, origin=origin, help=help, refuses=True)


def judge(
    desired: Desired,
    actual: State,
    difference: Difference,
    *,
    full_clashes: Iterable[Clash] = (),
    rebuilds: bool = True,
) -> Iterator[Judged]:
    """Yield what the structure asks: type changes that policy refuses, or that a warehouse which never `rebuilds` a
    column cannot make; NOT NULL columns, views, rename hints.
    """
    for one in difference.refused:
        yield refusal(
            "EC602",
            f"{one.table}.{one.found.name} is {type_text(one.found.type)}, the YAML says {type_text(one.wanted.type)}",
            column_address(one.table.schema, one.table.table, one.found.name, warehouse=desired.warehouse),
            one.wanted.origin,
            "lifecycle.type_changes decides: widen keeps every row, rebuild casts each value"
            if rebuilds
            else "here a text can be made longer and a decimal wider, no more: declare a new column beside it",
            "or accept the type that is there with `native:`",
        )
    for clash in full_clashes:
        yield refusal(
            "EC604",
            f"{clash.old} and {clash.new} are both there; the rename hint cannot choose",
            table_address(clash.table.schema, clash.table.table, warehouse=desired.warehouse),
            clash.wanted.origin,
            "move what the old one holds and drop it under `removed:`, or take the hint away",
        )
    always = _always_filled(desired.feeds)
    for table in desired.state.tables:
        there = actual.find(table.name)
        if there is None:
            continue
        address = table_address(table.name.schema, table.name.table, warehouse=desired.warehouse)
        if there.kind == "view":
            yield refusal("EC608", f"{table.name} is a view; engagectl loads tables", address, table.origin)
        for column in there.columns:
            wanted = table.find(column.name)
            if not column.required or (table.name, column.name) in always or (wanted is None and column.has_default):
                continue
            why = "has no default, and nothing fills it" if wanted is None else "not every message has a value for it"
            yield refusal(
                "EC606",
                f"{table.name}.{column.name} is NOT NULL, and {why}",
                address,
                table.origin,
                "drop the constraint, or map a required value to it"
                + (", or give the column a default" if wanted is None else ""),
            )


def _always_filled(feeds: Iterable[Feed]) -> frozenset[tuple[TableName, str]]:
    """Return the columns that hold a value in every row that their feeds write; each writer of a table has to."""
    filled: dict[tuple[TableName, str], bool] = {}
    for feed in feeds:
        for table in feed.tables:
            for column in table.columns:
                has_value = column.required or (
                    isinstance(column.value, Standard)
                    and (column.value.field in _ALWAYS or (table.role == "users" and column.value.field == "user_id"))
                )
                key = (table.name, column.name)
                filled[key] = filled.get(key, True) and has_value and column.fed
    return frozenset(key for key, is_filled in filled.items() if is_filled)


def judge_hints(changes: Iterable[Change], *, warehouse: str) -> Iterator[Judged]:
    """Yield an info line for each rename hint that found neither its old name nor its new one."""
    for change in changes:
        match change:
            case AddColumn(table=name, column=column) if column.renamed_from:
                address = column_address(name.schema, name.table, column.name, warehouse=warehouse)
                old, origin = column.renamed_from, column.origin
            case CreateTable(table=table) if table.renamed_from:
                address = table_address(table.name.schema, table.name.table, warehouse=warehouse)
                old, origin = table.renamed_from, table.origin
            case _:
                continue
        yield Judged(
            code="EC614",
            severity="info",
            message=f"{address.name} is created: there is no {' or '.join(old)} to rename",
            address=address,
            origin=origin,
        )


def judge_owners(desired: Desired, owned: Iterable[Owned], *, project: str, target: str) -> Iterator[Judged]:
    """Yield EC603 for each declared table that another project owns or another target applied."""
    tables = desired.state.by_name
    for row in owned:
        table = tables.get(TableName(row.schema, row.table))
        if row.column or table is None:
            continue
        if row.project != project:
            whose = f"project {row.project}"
        elif row.target != target and row.state == "declared":
            whose = f"target {row.target or '(none)'}"
        else:
            continue
        yield refusal(
            "EC603",
            f"{table.name} belongs to {whose}",
            table_address(row.schema, row.table, warehouse=desired.warehouse),
            table.origin,
            "carry everything over: engagectl apply --take-over",
        )


def judge_feeds(feeds: Iterable[Feed], prior: Mapping[tuple[str, str], Feed]) -> Iterator[Judged]:
    """Yield EC604 for what a feed cannot become."""
    for feed in feeds:
        before = prior_of(feed, prior)
        for what in _moved(before, feed) if before is not None else ():
            yield refusal(
                "EC604",
                f"{feed.address} cannot change its {what}: its rows and offsets belong to the old one",
                feed.address,
                feed.origin,
                "give the new thing a new id, and remove the old one",
            )


def judge_targets(feeds: Iterable[Feed], applied: Iterable[AppliedFeed], *, target: str) -> Iterator[Judged]:
    """Yield EC603 for each feed that another target applied last."""
    theirs = {
        (one.feed.kind, one.feed.id): one.target for one in applied if one.retired_at is None and one.target != target
    }
    for feed in feeds:
        whose = next(
            (theirs[feed.kind, id_] for id_ in (feed.id, *feed.ids_before) if (feed.kind, id_) in theirs), None
        )
        if whose is not None:
            yield refusal(
                "EC603",
                f"{feed.address} was applied by target {whose or '(none)'}",
                feed.address,
                feed.origin,
                "carry everything over: engagectl apply --take-over",
            )


def judge_frequency(changes: Iterable[Change], *, warehouse: str) -> Iterator[Judged]:
    """Yield EC309 once, when the frequency of a warehouse changes that may have other writers."""
    for change in changes:
        match change:
            case ChangeSetting(setting="sync.every" | "sync.cron" as name, before=str(), after=after):
                yield Judged(
                    code="EC309",
                    severity="info",
                    message=f"{name} {change.before} -> {after or '(unset)'}: only what engagectl loads follows it",
                    address=Address("warehouse", warehouse),
                    origin=change.origin,
                    help=("in Segment this setting is the whole warehouse's: Profiles Sync and Connections too",),
                )
                return
            case _:
                pass


def judge_plain(desired: Desired, patterns: Sequence[str]) -> Iterator[Judged]:
    """Yield EC322 for each column that would hold in plain text what `pii.refuse_plain` refuses."""
    for one in plain_values(desired, patterns):
        yield refusal(
            "EC322",
            f"{one.table}.{one.column} would hold {one.pattern} in plain text",
            column_address(one.table.schema, one.table.table, one.column, warehouse=desired.warehouse),
            one.origin,
            "hash it: transform: [trim, lower, {hmac_sha256: KEY}], in its mapping or in the connection's `columns`",
            "or leave it out: selective_sync.exclude, context_columns, or the mapping itself",
        )


def judge_drops(changes: Iterable[Change], *, warehouse: str) -> Iterator[Judged]:
    """Yield a warning for each drop."""
    for change in changes:
        match change:
            case DropTable(table=name):
                address = table_address(name.schema, name.table, warehouse=warehouse)
                what = str(name)
            case DropColumn(table=name, column=column):
                address = column_address(name.schema, name.table, column, warehouse=warehouse)
                what = f"{name}.{column}"
            case _:
                continue
        yield Judged(
            code="EC601",
            severity="warning",
            message=f"{what} will be dropped with what it holds ({change.reason})",
            address=address,
            origin=change.origin,
        )


def prior_of(feed: Feed, prior: Mapping[tuple[str, str], Feed]) -> Feed | None:
    """Return the feed as it was applied, under its id or the old ids of a rename hint."""
    found = (prior.get((feed.kind, name)) for name in (feed.id, *feed.ids_before))
    return next((one for one in found if one is not None), None)


def _moved(before: Feed, feed: Feed) -> Iterator[str]:
    if before.space != feed.space:
        yield "space"
    if before.source != feed.source and feed.kind == "connection":
        yield "source"
    if before.space_id is not None and before.space_id != feed.space_id:
        yield "space_id"
    if feed.kind == "activation":
        was, is_now = before.subject, feed.subject
        if was is not None and is_now is not None and (was.kind, was.id) != (is_now.kind, is_now.id):
            yield "audience or journey"
    else:
        schemas = {table.name.schema for table in before.tables}
        if schemas and schemas.isdisjoint({table.name.schema for table in feed.tables}):
            yield "schema"
