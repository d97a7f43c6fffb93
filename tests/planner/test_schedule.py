"""When a warehouse is loaded is a setting: planned, approved, recorded, and followed from then on."""

import pytest

from engagectl import api
from engagectl.errors import NothingApplied
from engagectl.model.change import ChangeSetting
from engagectl.show.as_drift import drift_markdown, drift_text
from engagectl.show.as_html import plan_html
from engagectl.show.as_json import plan_json
from engagectl.show.as_markdown import plan_markdown
from engagectl.show.as_text import plan_text
from tests.scenarios.house import SPACE, House, identify

HOURLY, OFTEN, CRON = (
    f"    sync: {{{said}}}\n" for said in ("every: 1h", "every: 15m", 'cron: "0 6 * * *", timezone: Europe/Berlin')
)


def schedules(house: House) -> set[str]:
    return {feed.schedule for feed in api.status(house.project).feeds}


def test_a_new_frequency_is_a_plan_of_settings_alone_with_ec309_once(house: House) -> None:
    house.write(SPACE, settings=HOURLY)
    house.apply()
    assert schedules(house) == {"every 1h"}
    house.write(SPACE, settings=OFTEN)
    plan = house.plan()
    changed = {step.change.setting for step in plan.steps if isinstance(step.change, ChangeSetting)}
    assert len(changed) == 1
    assert all(isinstance(step.change, ChangeSetting) and step.statements == () for step in plan.steps)
    (said,) = [finding for finding in plan.all_findings if finding.code == "EC309"]
    assert (said.severity, said.refuses, str(said.address)) == ("info", False, "warehouse.local")
    assert said.message == "sync.every 1h -> 15m: only what engagectl loads follows it"
    assert said.help == ("in Segment this setting is the whole warehouse's: Profiles Sync and Connections too",)
    house.apply()
    assert house.plan().steps == ()
    assert house.drift().steps == ()
    assert schedules(house) == {"every 15m"}


def test_what_is_not_applied_is_not_followed(house: House) -> None:
    house.write(SPACE, settings=HOURLY)
    house.apply()
    house.write(SPACE, settings=OFTEN)
    report = api.status(house.project)
    assert {feed.schedule for feed in report.feeds} == {"every 1h"}
    assert report.warehouses[0].not_applied != ()


def test_from_a_frequency_to_cron_and_back(house: House) -> None:
    house.write(SPACE, settings=HOURLY)
    house.apply()
    house.write(SPACE, settings=CRON)
    assert [finding.code for finding in house.plan().all_findings].count("EC309") == 1
    house.apply()
    (cron,) = schedules(house)
    assert "0 6 * * *" in cron
    assert "Europe/Berlin" in cron
    assert house.plan().steps == ()
    house.write(SPACE, settings=HOURLY)
    house.apply()
    assert schedules(house) == {"every 1h"}


def test_a_first_apply_changes_no_frequency(house: House) -> None:
    house.write(SPACE, settings=OFTEN)
    assert "EC309" not in {finding.code for finding in house.plan().all_findings}


def test_a_plan_tells_how_many_queries_it_cost(house: House) -> None:
    house.write(SPACE)
    house.apply()
    plan = house.plan()
    queries = plan.warehouses[0].queries
    assert 0 < queries <= 12
    rows = plan.warehouses[0].rows_read
    assert rows > queries
    assert f" · {queries} queries, {rows} rows read)" in plan_text(plan, colour=False, width=80)
    assert f"`local` {queries} queries, {rows} rows read" in plan_markdown(plan).splitlines()[-1]
    assert f" · {queries} queries, {rows} rows read</small>" in plan_html(plan)
    drift = house.drift()
    (part,) = drift.warehouses
    assert 0 < part.queries <= 14
    assert f" · {part.queries} queries, {part.rows_read} rows read)" in drift_text(drift, colour=False)
    assert f"`local` {part.queries} queries, {part.rows_read} rows read" in drift_markdown(drift).splitlines()[-1]
    assert plan_json(plan)["warehouses"][0]["queries"] == queries
    offline = api.make_plan(house.project, offline=True)
    assert "quer" not in plan_text(offline, colour=False, width=80).splitlines()[2]
    assert plan_json(offline)["warehouses"][0]["queries"] == 0


def test_a_target_that_has_applied_nothing_syncs_nothing(house: House) -> None:
    house.write(SPACE)
    house.apply()
    house.messages(identify(1, {"first_time_shopper": True}))
    root = house.root / "engagectl.yaml"
    dev = "  dev: {warehouses: {cdp: local}}"
    root.write_text(root.read_text().replace(dev, dev + "\n  prod: {warehouses: {cdp: local}}"))
    text = root.read_text()
    root.write_text(text.replace("default_target: dev", "default_target: prod"))
    with pytest.raises(NothingApplied, match="target 'prod'") as caught:
        house.sync()
    assert caught.value.exit_code == 4
    with pytest.raises(NothingApplied):
        house.drift()
    root.write_text(text)
    assert house.sync().exit_code == 0
    assert house.rows("engage_default.users", "id", order="1") == [("u123",)]
