"""The views beside BigQuery's tables: what is read of one, and what a plan does for it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engagectl import api
from engagectl.errors import RefusedError
from engagectl.model.change import AddColumn, DropColumn, DropTable, DropView, RenameColumn, RenameTable, SetView
from engagectl.model.column_type import Text
from engagectl.model.schema import Column, State, Table, TableName, View, view_name
from engagectl.planner.views import judge_views, view_changes
from engagectl.render import render
from engagectl.warehouses.bigquery import views
from engagectl.warehouses.bigquery.catalog import catalog
from engagectl.warehouses.registry import warehouse
from tests.scenarios.house import House
from tests.warehouses.scripted import Scripted, opened, serving

BIGQUERY = warehouse("bigquery")
NAME = TableName("s", "t")
VIEW = View(table=NAME, days=60, by="received_at", newest="uuid_ts")


def query_of(view: View) -> str:
    (sql,) = render(SetView(name=view_name(view.table), view=view, before=None, columns=()), BIGQUERY)
    return sql.partition("\nAS ")[2]


@pytest.mark.parametrize("by", ["received_at", "_PARTITIONTIME", "a`b\\c"])
def test_a_view_that_was_made_is_read_back_as_it_is(by: str) -> None:
    view = replace(VIEW, by=by)
    query = query_of(view)
    assert views.read(view_name(NAME), query, {"engagectl": "view"}) == view
    assert (
        views.read(view_name(NAME), query.replace("FROM `s`", "FROM `my-project`.`s`"), {"engagectl": "view"}) == view
    )


def test_one_that_somebody_edited_is_not_what_is_wanted_and_one_of_others_is_none() -> None:
    query = query_of(VIEW)
    for other in (
        query.replace("60", "90"),
        query.replace("`id`", "`user_id`"),
        query.replace("`t`", "`other`"),
        "",
        None,
    ):
        assert views.read(view_name(NAME), other, {"engagectl": "view"}) not in (None, VIEW)
    assert views.read(view_name(NAME), query, {}) is None
    assert views.read(view_name(NAME), query, None) is None


def table(name: TableName, *columns: str, **more: object) -> Table:
    made = Table(name=name, columns=tuple(Column(name=one, type=Text()) for one in columns))
    return replace(made, **more)  # type: ignore[arg-type]  # view and kind


HERE = table(NAME, "id", "a")
VIEW_HERE = table(view_name(NAME), "id", "a", kind="view", view=VIEW)
WANTED = State(tables=(replace(HERE, view=VIEW),))
BOTH = State(tables=(HERE, VIEW_HERE))


def test_a_view_follows_the_columns_of_its_table() -> None:
    assert list(view_changes(WANTED, BOTH, ())) == []
    add = AddColumn(table=NAME, column=Column(name="b", type=Text()))
    (made,) = view_changes(WANTED, BOTH, (add,))
    assert made == SetView(name=view_name(NAME), view=VIEW, before=VIEW, columns=("id", "a", "b"))
    for change in (
        DropColumn(table=NAME, column="a", type=Text(), reason="x"),
        RenameColumn(table=NAME, before="a", column="c"),
    ):
        assert [type(one) for one in view_changes(WANTED, BOTH, (change,))] == [SetView]
    late = State(tables=(table(NAME, "id", "a", "added_by_sync"), VIEW_HERE))
    assert [type(one) for one in view_changes(WANTED, late, ())] == [SetView]


def test_a_view_goes_with_its_table_and_with_its_name() -> None:
    drop = DropTable(table=NAME, reason="x")
    assert list(view_changes(State(), BOTH, (drop,))) == [DropView(name=view_name(NAME))]
    new = TableName("s", "new")
    wanted = State(tables=(replace(HERE, name=new, view=replace(VIEW, table=new)),))
    made, gone = view_changes(wanted, BOTH, (RenameTable(before=NAME, table=new),))
    assert (made.name, made.columns) == (view_name(new), ("id", "a"))  # type: ignore[union-attr]  # the one of new
    assert gone == DropView(name=view_name(NAME))


def test_what_others_made_is_never_replaced_nor_dropped() -> None:
    theirs = State(tables=(HERE, replace(VIEW_HERE, view=None)))
    assert list(view_changes(WANTED, theirs, ())) == []
    assert list(view_changes(State(), theirs, (DropTable(table=NAME, reason="x"),))) == []
    assert [one.code for one in judge_views(WANTED, theirs, warehouse="bq")] == ["EC623"]


@pytest.fixture
def script() -> Iterator[Scripted]:
    with serving() as made:
        yield made


def test_the_catalog_tells_which_view_is_ours(script: Scripted) -> None:
    reference = {"projectId": "p", "datasetId": "s", "tableId": "t_view"}
    view = {
        "tableReference": reference,
        "type": "VIEW",
        "labels": {"engagectl": "view"},
        "view": {"query": query_of(VIEW), "useLegacySql": False},
        "schema": {"fields": [{"name": "id", "type": "STRING"}, {"name": "a", "type": "STRING"}]},
    }
    script.paths = {"/tables/t_view": [(200, view)], "/tables": [(200, {"tables": [view]})]}
    with opened(script, read_only=True) as connection:
        (found,) = catalog(connection, ["s"]).tables
    assert (found.view, found.kind) == (VIEW, "view")


def test_a_table_of_the_views_name_is_refused(tmp_path: Path) -> None:

    house = House(tmp_path, "    type: bigquery\n    project: p\n    views: {}\n")
    house.write(
        "inputs: {events: {files: [a.jsonl]}}\n"
        "spaces: {default: {slug: default, sources: {main: {input: events}}}}\n"
        "audiences: {vip: {space: default, kind: linked, entity: account}}\n"
        "activations:\n"
        "  one: {audience: vip, warehouses: [cdp], table: vip}\n"
        "  two: {audience: vip, warehouses: [cdp], table: vip_view}\n"
    )
    with pytest.raises(
        RefusedError, match=r"vip_view is declared as a table, and is the view of default\.vip"
    ) as caught:
        api.make_plan(house.project, offline=True)
    assert caught.value.code == "EC305"
