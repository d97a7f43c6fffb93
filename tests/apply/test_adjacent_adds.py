"""New columns of one table are steps of their own and, where an ALTER TABLE can add several, one statement."""

from datetime import UTC, datetime

from engagectl import api, apply
from engagectl.model.change import AddColumn
from tests.apply.wire import Wire
from tests.scenarios.house import SPACE, House, identify

MORE = SPACE.replace(
    "traits:\n",
    "traits:\n"
    "  tier: {space: default, kind: sql, type: string, description: the tier}\n"
    "  score: {space: default, kind: ml, type: float}\n"
    "  seats: {space: default, kind: sql, type: integer}\n",
    1,
)


def test_adjacent_new_columns_are_added_together_where_the_warehouse_can(house: House) -> None:
    house.write(SPACE)
    house.apply()
    house.messages(identify(1, {"total_revenue_180_days": 5}))
    house.sync()
    house.write(MORE)
    with api.connected(house.project, command="test", read_only=False) as connections:
        wire = Wire(connections["local"])
        report = apply.apply_plan(
            house.project,
            connections={"local": wire},  # type: ignore[dict-item]  # it passes on what it does not know
            now=datetime.now(UTC),
            confirm=lambda _: True,
            reporter=lambda _: None,
        )
    adds = [step for step, outcome in report.steps if isinstance(step.change, AddColumn) and outcome == "done"]
    tables = {step.change.table for step in adds if isinstance(step.change, AddColumn)}
    alters = [sql for sql in wire.statements if sql.startswith('ALTER TABLE "engage_default"')]
    assert (len(adds), len(tables)) == (9, 3)
    if "postgres" in house.warehouse:
        assert len(alters) == 3
        assert all(sql.count("ADD COLUMN") == 3 for sql in alters)
    else:
        assert len(alters) == 9
        assert all(sql.count("ADD COLUMN") == 1 for sql in alters)
    assert sum(sql.startswith("COMMENT ON COLUMN") for sql in wire.statements) == 3
    told = api.happened(house.project, report.apply_id)[0]
    assert {one.address for one in told.steps} >= {str(step.address) for step in adds}
    assert house.plan().steps == ()
    assert house.rows("engage_default.users", "id, total_revenue_180_days, tier, score, seats") == [
        ("u123", 5, None, None, None)
    ]
