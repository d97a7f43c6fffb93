"""A schema that Segment manages: plan and drift tell every difference with the words to act on, and write nothing."""

from engagectl.model.plan import Plan
from tests.cli.inside import run
from tests.inspect.conftest import Loading
from tests.scenarios.house import House

SPACE = """
spaces:
  default: {managed_by: segment, sources: {main: {}}}
traits:
  revenue: {space: default, kind: sql, type: "decimal(38,9)"}
  plan: {space: default, kind: sql, type: string}
audiences:
  vip: {space: default, kind: linked}
connections:
  classic:
    space: default
    warehouses: [cdp]
    standard_columns: as_found
    columns:
      revenue: {native: {local: NUMBER}}
      trait_computed.revenue: {native: {local: NUMBER}}
    send:
      - {traits: [revenue], as: [identify, track]}
      - {traits: [plan], as: [identify]}
      - {audiences: [vip], as: [identify, track]}
"""


def _written(house: House, engine_name: str) -> str:
    yaml = SPACE.replace("NUMBER", "numeric" if engine_name == "postgres" else "double")
    house.write(yaml)
    return yaml


def _told(plan: Plan) -> list[str]:
    return [one.message for one in plan.all_findings if one.code == "EC609"]


def test_what_the_yaml_says_and_segment_made_is_no_finding(house: House, loading: Loading) -> None:
    with loading() as segment:
        segment.fill()
    _written(house, segment.engine.name)
    for found in (house.plan(), house.drift()):
        assert found.steps == ()
        assert _told(found) == []
        unmanaged = [one.address.name for one in found.warehouses[0].noted if one.kind == "unmanaged"]
        assert unmanaged == ["engage_default.product_viewed", "engage_default.users.never"]


def test_each_difference_says_what_to_do(house: House, loading: Loading) -> None:
    with loading() as segment:
        segment.fill()
        segment.session.execute("ALTER TABLE engage_default.identifies DROP COLUMN plan")
        segment.session.execute("DROP TABLE engage_default.audience_exited")
        segment.session.execute("ALTER TABLE engage_default.users ALTER COLUMN plan TYPE timestamptz USING now()")
    _written(house, segment.engine.name)
    for found in (house.plan(), house.drift()):
        assert found.steps == ()
        findings = {one.address.name: one for one in found.all_findings if one.code == "EC609"}
        assert sorted(findings) == [
            "engage_default.audience_exited",
            "engage_default.identifies.plan",
            "engage_default.users.plan",
        ]
        types = findings["engage_default.users.plan"]
        assert "is timestamp, the YAML says string" in types.message
        assert "engage_default.users.plan.timestamp.varchar" in types.help[0]
        assert "trait.plan" in findings["engage_default.identifies.plan"].help[0]


def test_drift_answers_2_for_a_difference_and_plan_does_not(house: House, loading: Loading) -> None:
    with loading() as segment:
        segment.fill()
        segment.session.execute("DROP TABLE engage_default.audience_exited")
    _written(house, segment.engine.name)
    project = ("-C", str(house.root))
    assert run(*project, "drift").code == 0
    done = run(*project, "drift", "--detailed-exitcode")
    assert done.code == 2
    assert "there is no table engage_default.audience_exited" in done.out
    assert run(*project, "plan", "--detailed-exitcode").code == 0


def test_an_event_that_is_not_sent_has_no_table(house: House, loading: Loading) -> None:
    with loading() as segment:
        segment.fill()
        segment.session.execute("DROP TABLE engage_default.audience_exited")
    yaml = _written(house, segment.engine.name)
    house.write(
        yaml.replace(
            "audiences: [vip], as: [identify, track]", "audiences: [vip], as: [identify, track], EVENTS"
        ).replace("EVENTS", "event_names: {audience_exited: []}")
    )
    assert _told(house.plan()) == []


def test_a_schema_that_is_missing_is_one_finding(house: House, loading: Loading) -> None:
    _written(house, "duckdb")
    found = _told(house.plan())
    assert found == ["there is no schema engage_default; Segment manages it"]
