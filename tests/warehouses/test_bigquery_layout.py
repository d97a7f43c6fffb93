"""How BigQuery's tables are laid out: partitions, clustering, and what of both can be changed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engagectl import api
from engagectl.diff import diff
from engagectl.errors import RefusedError, TransientError
from engagectl.model.change import DropColumn, RenameColumn, SetLayout
from engagectl.model.column_type import Text, Timestamp
from engagectl.model.schema import Column, Layout, State, Table, TableName
from engagectl.planner.laid_out import judge_layout
from engagectl.render import render
from engagectl.warehouses.bigquery import clustering
from engagectl.warehouses.bigquery.catalog import catalog
from engagectl.warehouses.bigquery.connection import BigQueryConnection
from engagectl.warehouses.registry import warehouse
from tests.scenarios.house import House
from tests.warehouses.scripted import Answer, Scripted, opened, refused, serving

BIGQUERY = warehouse("bigquery")
NAME = TableName("engage_default", "identifies")
WAREHOUSE = "    type: bigquery\n    project: p\n"


def created(tmp_path: Path, layout: str = "") -> dict[str, str]:
    house = House(tmp_path, WAREHOUSE + layout)
    house.write()
    steps = api.make_plan(house.project, offline=True).steps
    return {step.address.name: step.statements[0].partition("\n)\n")[2] for step in steps if step.statements}


def test_events_are_partitioned_by_day_and_users_clustered_by_id(tmp_path: Path) -> None:
    made = created(tmp_path)
    assert made["engage_default.identifies"] == "PARTITION BY DATE(`received_at`)\nCLUSTER BY `user_id`"
    assert made["engage_default.users"] == "CLUSTER BY `id`"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ("partition_by: none, cluster_by: []", ""),
        ("cluster_by: [none_such, event]", "PARTITION BY DATE(`received_at`)"),
        ("partition_by: ingestion", "PARTITION BY _PARTITIONDATE\nCLUSTER BY `user_id`"),
        (
            "partition_by: timestamp, require_partition_filter: true, partition_expiration_days: 400",
            """PARTITION BY DATE(`timestamp`)
CLUSTER BY `user_id`
OPTIONS (
  description = NULL,
  require_partition_filter = TRUE,
  partition_expiration_days = 400
)""",
        ),
    ],
)
def test_new_tables_are_laid_out_as_the_yaml_says(events: str, expected: str, tmp_path: Path) -> None:
    made = created(tmp_path, f"    layout: {{events: {{{events}}}}}\n")
    assert made["engage_default.identifies"] == expected
    assert made["engage_default.users"] == "CLUSTER BY `id`"


@pytest.mark.parametrize("users", ["partition_by: id", "cluster_by: [score]"])
def test_a_column_of_the_wrong_type_lays_nothing_out(users: str, tmp_path: Path) -> None:
    house = House(tmp_path, WAREHOUSE + f"    layout: {{users: {{{users}}}}}\n")
    house.write(
        "inputs: {events: {files: [a.jsonl]}}\n"
        "spaces: {default: {slug: default, sources: {main: {input: events}}}}\n"
        "traits: {score: {space: default, kind: event, type: float}}\n"
        "connections: {classic: {space: default, warehouses: [cdp], send: [{traits: ['*'], as: [identify]}]}}\n"
    )
    with pytest.raises(RefusedError, match=r"engage_default\.users\.(id|score) is") as caught:
        api.make_plan(house.project, offline=True)
    assert caught.value.code == "EC415"


def table(layout: Layout | None) -> Table:
    columns = tuple(
        Column(name=name, type=kind) for name, kind in (("id", Text()), ("received_at", Timestamp()), ("tier", Text()))
    )
    return Table(name=NAME, columns=columns, layout=layout)


def changes(wanted: Layout | None, has: Layout | None) -> Any:
    return diff(
        State(schemas=(NAME.schema,), tables=(table(wanted),)),
        State(schemas=(NAME.schema,), tables=(table(has),)),
        relate=BIGQUERY.relate,
        retype="widen",
    )


HAS = Layout(partition="received_at", sort=("tier",), expires_days=30)


def test_what_the_yaml_does_not_say_is_left_as_it_is() -> None:
    assert changes(Layout(sort=("id",)), HAS).changes == ()
    assert changes(Layout(sort=("id",), said=("sort",)), None).changes == ()
    assert changes(Layout(sort=("tier",), partition="received_at", said=("sort", "partition")), HAS).changes == ()


def test_what_it_says_is_changed_and_rows_stay() -> None:
    wanted = Layout(
        sort=("id", "tier"),
        partition="received_at",
        filter_required=True,
        said=("sort", "filter_required", "expires_days"),
    )
    (change,) = changes(wanted, HAS).changes
    assert change.fields == ("sort", "filter_required", "expires_days")
    assert render(change, BIGQUERY) == (
        "ALTER TABLE `engage_default`.`identifies`\nCLUSTER BY `id`, `tier`",
        """ALTER TABLE `engage_default`.`identifies`
SET OPTIONS (
  require_partition_filter = TRUE,
  partition_expiration_days = NULL
)""",
    )
    (none,) = render(SetLayout(table=NAME, before=HAS, layout=Layout(), fields=("sort",)), BIGQUERY)
    assert none.endswith("CLUSTER BY NONE")


def test_other_partitions_are_refused_before_anything_is_sent() -> None:
    found = changes(Layout(partition="ingestion", said=("partition",)), HAS)
    assert found.changes == ()
    (one,) = judge_layout(found.changes, found.parted, State(), BIGQUERY, warehouse="bq")
    assert (one.code, one.refuses) == ("EC622", True)
    assert "is partitioned by received_at, the YAML says by ingestion" in one.message


@pytest.mark.parametrize(
    ("column", "how"), [("received_at", "partitioned"), ("tier", "clustered"), ("id", "")], ids=str
)
@pytest.mark.parametrize("is_drop", [True, False])
def test_a_column_of_the_layout_stays(column: str, how: str, is_drop: bool) -> None:
    change: DropColumn | RenameColumn = (
        DropColumn(table=NAME, column=column, type=Text(), reason="x")
        if is_drop
        else RenameColumn(table=NAME, before=column, column="new")
    )
    actual = State(tables=(table(HAS),))
    found = list(judge_layout((change,), (), actual, BIGQUERY, warehouse="bq"))
    assert [f"is {how} by it" in one.message for one in found] == ([True] if how else [])
    unclustered = SetLayout(table=NAME, before=HAS, layout=Layout(partition="received_at"), fields=("sort",))
    found = list(judge_layout((unclustered, change), (), actual, BIGQUERY, warehouse="bq"))
    assert len(found) == (how == "partitioned" or (how == "clustered" and not is_drop))


@pytest.fixture
def script() -> Iterator[Scripted]:
    with serving() as made:
        yield made


def told(**more: Any) -> Answer:
    reference = {"projectId": "p", "datasetId": NAME.schema, "tableId": NAME.table}
    fields = [{"name": "Received_At", "type": "TIMESTAMP"}, {"name": "user_id", "type": "STRING"}]
    return 200, {
        "tableReference": reference,
        "type": "TABLE",
        "etag": "e1",
        "schema": {"fields": fields},
        **more,
    }


@pytest.mark.parametrize(
    ("resource", "layout"),
    [
        ({}, Layout()),
        (
            {"timePartitioning": {"type": "DAY"}, "requirePartitionFilter": True},
            Layout(partition="ingestion", filter_required=True),
        ),
        (
            {
                "timePartitioning": {"type": "HOUR", "field": "Received_At", "expirationMs": "172800000"},
                "clustering": {"fields": ["user_id"]},
            },
            Layout(partition="received_at", unit="hour", sort=("user_id",), expires_days=2),
        ),
        (
            {"rangePartitioning": {"field": "n", "range": {"start": "0", "end": "10", "interval": "1"}}},
            Layout(partition="n", unit="range"),
        ),
    ],
)
def test_the_catalog_tells_how_a_table_is_laid_out(script: Scripted, resource: dict[str, Any], layout: Layout) -> None:
    script.paths = {"/tables/identifies": [told(**resource)], "/tables": [(200, {"tables": [told()[1]]})]}
    with opened(script, read_only=True) as connection:
        (found,) = catalog(connection, [NAME.schema]).tables
    assert found.layout == layout


CLUSTER = "ALTER TABLE `engage_default`.`identifies`\nCLUSTER BY `user_id`"
TO_BE = {"clustering": {"fields": ["user_id"]}}


def clustered(script: Scripted, *answers: Answer) -> BigQueryConnection:
    script.paths = {"/tables/identifies": list(answers)}
    return opened(script)


def test_clustering_is_patched_with_the_etag_of_the_table(script: Scripted) -> None:
    with clustered(script, told(), told(**TO_BE)) as connection:
        connection.execute(CLUSTER)
    ((_, _, body),) = [one for one in script.asked if one[0] == "PATCH"]
    assert body == TO_BE
    assert script.etags == ["e1"]


def test_a_table_that_changed_meanwhile_is_one_line_and_can_be_tried_again(script: Scripted) -> None:
    changed = refused(412, "conditionNotMet", "Precondition check failed.")
    with clustered(script, told(), changed, told(etag="e2")) as connection:
        with pytest.raises(TransientError, match="somebody else has changed the table") as caught:
            connection.execute(CLUSTER)
        assert caught.value.help == ("run it again",)
        script.paths["/tables/identifies"] = [told(etag="e2"), told(**TO_BE)]
        connection.execute(CLUSTER)
    assert script.etags == ["e1", "e2"]


def test_a_patch_whose_answer_was_lost_is_done(script: Scripted) -> None:
    changed = refused(412, "conditionNotMet", "Precondition check failed.")
    with clustered(script, told(), changed, told(**TO_BE, etag="e2")) as connection:
        connection.execute(CLUSTER)


def test_odd_names_are_read_back_from_the_statement() -> None:
    odd = TableName("s`\\", "t\nCLUSTER BY `x`")
    change = SetLayout(table=odd, before=Layout(), layout=Layout(sort=("a`, `b", "c\\")), fields=("sort",))
    (sql,) = render(change, BIGQUERY)
    assert clustering.asked(sql) == (odd, ("a`, `b", "c\\"))
    assert clustering.asked("ALTER TABLE `s`.`t`\nSET OPTIONS (description = 'CLUSTER BY `x`')") is None
