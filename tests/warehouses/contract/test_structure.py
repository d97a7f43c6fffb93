"""Structure on every engine: what plan renders is what the catalog reads, and what others change is seen."""

from collections.abc import Sequence

import pytest

from engagectl import api
from engagectl.errors import RefusedError
from engagectl.model.change import ChangeSetting, SetComment
from engagectl.model.column_type import Decimal, Integer, Text, Timestamp
from engagectl.model.plan import Step
from engagectl.model.schema import TableName
from engagectl.render import table_sql
from engagectl.warehouses.contract import Warehouse
from tests.cli.inside import run
from tests.scenarios.house import House
from tests.warehouses.contract.conftest import Writing
from tests.warehouses.contract.engines import deviates

TRAITS = """
  b: {space: default, kind: sql, type: boolean}
  n: {space: default, kind: sql, type: integer}
  f: {space: default, kind: sql, type: float}
  d: {space: default, kind: sql, type: "decimal(18,2)"}
  w: {space: default, kind: sql, type: "decimal(38,0)"}
  t: {space: default, kind: sql, type: timestamp}
  day: {space: default, kind: sql, type: date}
  s: {space: default, kind: sql, type: string}
"""
SPACE = f"""
inputs:
  events: {{files: ["data/*.jsonl"]}}
spaces:
  default: {{slug: default, sources: {{main: {{input: events}}}}}}
traits:{TRAITS}
audiences:
  vip: {{space: default, kind: profile}}
connections:
  classic:
    space: default
    warehouses: [cdp]
    send:
      - {{traits: ["*"], as: [identify, track]}}
      - {{audiences: ["*"], as: [identify, track]}}
activations:
  log:
    audience: vip
    warehouses: [cdp]
    table: log
    mappings:
      - {{from: properties.tier, to: tier, type: string, max_chars: 32, description: "the plan's tier"}}
      - {{from: properties.order, to: order, type: json}}
      - {{from: properties.mrr, to: mrr, type: "decimal(10,2)"}}
"""


def _structure(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if not isinstance(step.change, ChangeSetting)]


def _make(house: House, writing: Writing) -> list[Step]:
    """Run the statements of a plan, and nothing else; return what the next plan would still do."""
    plan = house.plan()
    with writing() as connection:
        for step in plan.steps:
            for statement in step.statements:
                connection.execute(statement)
    return _structure(house.plan().steps)


def but_comments(on: str, steps: list[Step]) -> list[Step]:
    """Leave out what an emulator forgets, and see that it does forget it: else the deviation is one no more."""
    if not deviates(on, "column comments"):
        return steps
    assert [str(step.address) for step in steps if isinstance(step.change, SetComment)] == [
        "local/column.default.log.tier"
    ]
    return [step for step in steps if not isinstance(step.change, SetComment)]


def test_what_a_plan_makes_the_catalog_reads(on: str, house: House, writing: Writing, record: Warehouse) -> None:
    house.write(SPACE)
    assert but_comments(on, _make(house, writing)) == []
    with writing() as connection:
        state = record.catalog(connection, ["default", "engage_default"])
        log = state.find(TableName("default", "log"))
    assert log is not None
    assert log.by_name["tier"].type == record.settle(Text(32))
    assert log.by_name["mrr"].type == record.settle(Decimal(10, 2))
    assert log.by_name["received_at"].type == Timestamp()
    assert log.rows in (0, None)


def test_added_and_widened_columns(on: str, house: House, writing: Writing, record: Warehouse) -> None:
    digits = 12 if record.relate(Decimal(10, 2), Decimal(12, 2)) == "widen" else 10  # not every engine widens them
    house.write(SPACE)
    _make(house, writing)
    house.write(
        SPACE.replace("decimal(10,2)", f"decimal({digits},2)")
        .replace("max_chars: 32", "max_chars: 64")
        .replace("traits:", "traits:\n  more: {space: default, kind: sql, type: integer}", 1)
    )
    added = {str(step.address) for step in _structure(house.plan().steps)}
    assert "local/column.engage_default.users.more" in added
    assert ("local/column.default.log.mrr" in added) == (digits == 12)
    longer = record.relate(record.settle(Text(32)), record.settle(Text(64)))  # not every engine keeps a length
    assert ("local/column.default.log.tier" in added) == (longer == "widen")
    assert but_comments(on, _make(house, writing)) == []


def test_renamed_tables_and_columns(on: str, house: House, writing: Writing) -> None:
    house.write(SPACE.replace("max_chars: 32, ", ""))
    _make(house, writing)
    house.write(
        SPACE.replace("max_chars: 32, ", "")
        .replace("table: log", "table: diary\n    table_renamed_from: log")
        .replace("to: mrr,", "to: revenue, renamed_from: mrr,")
    )
    left = _make(house, writing)
    assert [step for step in left if not isinstance(step.change, SetComment)] == []


def test_a_type_that_cannot_be_changed_in_place_is_refused(house: House, writing: Writing, record: Warehouse) -> None:
    house.write(SPACE)
    _make(house, writing)
    house.write(
        SPACE.replace("n: {space: default, kind: sql, type: integer}", "n: {space: default, kind: sql, type: string}")
    )
    refused = [one.address.name for one in house.plan().all_findings if one.code == "EC602"]
    takes = record.relate(record.settle(Integer()), record.settle(Text())) == "widen"
    wanted = [] if takes else ["engage_default.identifies.n", "engage_default.users.n"]
    assert [name for name in refused if "trait_computed" not in name] == wanted


def test_what_others_change_is_seen(house: House, writing: Writing, record: Warehouse) -> None:
    house.write(SPACE)
    _make(house, writing)
    house.write(SPACE.replace("{slug: default, ", "{slug: default, managed_by: segment, "))
    assert [one for one in house.drift().all_findings if one.code == "EC609"] == []
    log = table_sql(record, TableName("default", "log"))
    with writing() as connection:
        connection.execute(f"ALTER TABLE {log} DROP COLUMN mrr")
        connection.execute(f"ALTER TABLE {log} ADD COLUMN stray INTEGER")
    drift = house.drift()
    assert [one.address.name for one in drift.all_findings if one.code == "EC609"] == ["default.log.mrr"]
    assert "default.log.stray" in [one.address.name for one in drift.warehouses[0].noted if one.kind == "unmanaged"]


def test_odd_names_of_others_are_read_and_never_taken_for_ours(
    on: str, house: House, writing: Writing, record: Warehouse
) -> None:
    odd = ['a"b', "a;b--", "Both Cases", "é", "select"]
    house.write(SPACE)
    _make(house, writing)
    log = table_sql(record, TableName("default", "log"))
    with writing() as connection:
        before = record.catalog(connection, ["default"]).by_name[TableName("default", "log")]
        for name in odd:
            connection.execute(f"ALTER TABLE {log} ADD COLUMN " + '"' + name.replace('"', '""') + '" INTEGER')
        table = record.catalog(connection, ["default"]).find(TableName("default", "log"))
    assert table is not None
    assert len({column.name for column in table.columns} - {column.name for column in before.columns}) == len(odd)
    assert but_comments(on, _structure(house.plan().steps)) == []


def test_the_sql_of_a_project_needs_no_connection(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write(SPACE)
    for name in ("HOUSE_DSN", "HOUSE_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    statements = api.sql(house.project, "table.default.log")
    assert any("CREATE TABLE" in statement for statement in statements)


def test_what_engagectl_does_not_do_there_yet_is_one_refusal(house: House, record: Warehouse) -> None:
    house.write(SPACE)
    if record.capabilities.writes == "rows":
        house.apply()
        house.sync()
        return
    with pytest.raises(RefusedError, match=f"does not sync into {record.title} yet") as caught:
        house.sync()
    assert (caught.value.code, caught.value.exit_code) == ("EC503", 4)
    done = run("-C", str(house.root), "sync")
    assert done.code == 4
    assert "Traceback" not in done.err
