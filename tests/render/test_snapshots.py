"""One file per change per warehouse: the SQL that people review."""

import dataclasses

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from engagectl.errors import RefusedError
from engagectl.model.address import Address
from engagectl.model.change import (
    AddColumn,
    Change,
    ChangeSetting,
    CreateSchema,
    CreateTable,
    DropColumn,
    DropTable,
    DropView,
    RebuildColumn,
    RenameColumn,
    RenameTable,
    SetComment,
    SetLayout,
    SetView,
    WidenColumn,
)
from engagectl.model.column_type import Boolean, Date, Decimal, Float, Integer, Json, Text, Timestamp
from engagectl.model.schema import Column, Layout, Table, TableName, View
from engagectl.render import count_misfits, render
from engagectl.warehouses.registry import warehouse
from tests.warehouses.contract import redshift_refuses


class SqlFile(SingleFileSnapshotExtension):
    file_extension = "sql"
    _write_mode = WriteMode.TEXT


USERS = TableName("engage_default", "users")
VIP = TableName("default", "vip")


def typed(name: str, column_type: object, description: str | None = None) -> Column:
    return Column(name=name, type=column_type, description=description)  # type: ignore[arg-type]  # one short spelling


def widened(before: object, after: object) -> WidenColumn:
    return WidenColumn(table=VIP, before=typed("plan_tier", before), column=typed("plan_tier", after))


CHANGES: dict[str, Change] = {
    "create_schema": CreateSchema(schema="engage_default"),
    "create_table": CreateTable(
        table=Table(
            name=VIP,
            family="activation",
            description="VIP accounts",
            columns=(
                typed("id", Text()),
                typed("received_at", Timestamp()),
                typed("paid", Boolean()),
                typed("seats", Integer()),
                typed("score", Float()),
                typed("mrr", Decimal(18, 2), "monthly, in 'EUR'"),
                typed("since", Date()),
                typed("entity_context", Json()),
            ),
        )
    ),
    "create_users": CreateTable(
        table=Table(name=USERS, family="users", columns=(typed("id", Text()), typed("vip", Boolean())))
    ),
    "rename_table": RenameTable(before=TableName("default", "vips"), table=VIP),
    "rename_column": RenameColumn(table=VIP, before="tier", column="plan_tier"),
    "add_column": AddColumn(table=VIP, column=typed("plan_tier", Text(32), 'the "plan"')),
    "widen_text": widened(Text(64), Text(128)),
    "widen_decimal": widened(Decimal(10, 2), Decimal(18, 2)),
    "widen_integer_to_decimal": widened(Integer(), Decimal(38, 9)),
    "widen_float_to_text": widened(Float(), Text()),
    "widen_timestamp_to_text": widened(Timestamp(), Text()),
    "widen_date_to_timestamp": widened(Date(), Timestamp()),
    "rebuild_text_to_integer": RebuildColumn(
        table=VIP, before=typed("plan_tier", Text()), column=typed("plan_tier", Integer())
    ),
    "comment_column": SetComment(table=VIP, column="plan_tier", before=None, comment="it's \\ the tier"),
    "comment_table": SetComment(table=VIP, column="", before="x", comment=None),
    "drop_column": DropColumn(table=VIP, column="legacy", type=Text(), reason="DATA-812"),
    "drop_table": DropTable(table=VIP, reason="DATA-812"),
}


IN_PLACE = {
    "bigquery": ("widen_text", "widen_decimal", "widen_integer_to_decimal"),
    "databricks": ("widen_text", "widen_decimal", "widen_integer_to_decimal"),
    "redshift": ("widen_text", "rebuild_text_to_integer"),
    "snowflake": ("widen_text", "widen_decimal"),
}
REFUSED = {
    (engine_name, name)
    for engine_name, possible in IN_PLACE.items()
    for name, change in CHANGES.items()
    if (isinstance(change, RebuildColumn) and name not in possible)
    or (isinstance(change, WidenColumn) and name not in possible)
}
ENGINES = ("duckdb", "postgres", *IN_PLACE)


@pytest.mark.parametrize(
    ("engine_name", "name"),
    [(one, name) for one in ENGINES for name in CHANGES if (one, name) not in REFUSED],
)
def test_the_sql_of_each_change(name: str, engine_name: str, snapshot: SnapshotAssertion) -> None:
    statements = render(CHANGES[name], warehouse(engine_name))
    assert ";\n".join(statements) + "\n" == snapshot(extension_class=SqlFile)


_LAYOUT = Layout(sort=("user_id", "id"), partition="received_at", filter_required=True, expires_days=400)
LAYOUTS: dict[str, Change] = {
    "create_laid_out": CreateTable(
        table=Table(
            name=VIP,
            columns=(typed("id", Text()), typed("user_id", Text()), typed("received_at", Timestamp())),
            layout=_LAYOUT,
        )
    ),
    "set_layout": SetLayout(
        table=VIP, before=Layout(), layout=_LAYOUT, fields=("sort", "filter_required", "expires_days")
    ),
    "set_no_layout": SetLayout(table=VIP, before=_LAYOUT, layout=Layout(), fields=("sort",)),
}


_VIEW = View(table=VIP, days=60, by="received_at", newest="uuid_ts")
VIEWS: dict[str, Change] = {
    "set_view": SetView(name=TableName("default", "vip_view"), view=_VIEW, before=None, columns=("id",)),
    "drop_view": DropView(name=TableName("default", "vip_view")),
}


@pytest.mark.parametrize("name", VIEWS)
def test_the_sql_of_a_view(name: str, snapshot: SnapshotAssertion) -> None:
    statements = render(VIEWS[name], warehouse("bigquery"))
    assert ";\n".join(statements) + "\n" == snapshot(extension_class=SqlFile)


@pytest.mark.parametrize("engine_name", ["bigquery", "databricks", "snowflake"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_sql_of_a_layout(name: str, engine_name: str, snapshot: SnapshotAssertion) -> None:
    change = LAYOUTS[name]
    if isinstance(change, SetLayout) and engine_name != "bigquery":
        change = dataclasses.replace(change, fields=("sort",))
    statements = render(change, warehouse(engine_name))
    assert ";\n".join(statements) + "\n" == snapshot(extension_class=SqlFile)


@pytest.mark.parametrize("name", sorted(name for name in CHANGES if ("redshift", name) not in REFUSED))
def test_redshift_is_sent_nothing_that_its_manual_refuses(name: str) -> None:
    for statement in render(CHANGES[name], warehouse("redshift")):
        assert redshift_refuses.refusal(statement) is None, statement


@pytest.mark.parametrize(("engine_name", "name"), sorted(REFUSED))
def test_what_an_engine_cannot_do_is_not_rendered(name: str, engine_name: str) -> None:
    with pytest.raises(RefusedError, match=r"cannot turn default\.vip\.plan_tier"):
        render(CHANGES[name], warehouse(engine_name))


@pytest.mark.parametrize("engine_name", ["duckdb", "postgres", "redshift"])
def test_misfits_are_counted_by_one_select(engine_name: str, snapshot: SnapshotAssertion) -> None:
    change = CHANGES["rebuild_text_to_integer"]
    assert isinstance(change, RebuildColumn)
    assert count_misfits(change, warehouse(engine_name)) + "\n" == snapshot(extension_class=SqlFile)


def test_a_setting_is_no_statement() -> None:
    change = ChangeSetting(subject=Address("warehouse", "local"), setting="sync.every", before="1h", after="2h")
    assert render(change, warehouse("duckdb")) == ()
