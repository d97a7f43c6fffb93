"""200 activations of nine teams: each changes its own file, shares a table by one line, and plans its own part."""

import shutil
import time
from pathlib import Path

import pytest

from engagectl import api
from engagectl.model.change import AddColumn, ChangeSetting
from engagectl.model.plan import Plan
from tests.scenarios.house import House

DUCKDB = "    type: duckdb\n    path: ./acme.duckdb\n"
TEAMS = [f"team_{number}" for number in range(9)]
SPACE = """
owner: data-platform
inputs:
  events: {files: ["data/*.jsonl"]}
spaces:
  default: {slug: default, sources: {main: {input: events}}}
tables:
  membership:
    space: default
    writers: [WRITERS]
    mappings:
      - {from: entity.account.id, to: account_id, type: string}
connections:
  classic:
    space: default
    warehouses: [cdp]
    send: [{audiences: ["*"], as: [identify]}]
"""


def team(number: int, *, more: str = "") -> str:
    """Return the file of a team: about 22 audiences with an activation each, the first into the shared table."""
    ids = range(number, 200, len(TEAMS))
    audiences = "".join(f"  aud_{one}: {{space: default, kind: linked, entity: account}}\n" for one in ids)
    activations = "".join(
        f"  act_{one}: {{audience: aud_{one}, warehouses: [cdp], "
        + (f"into: membership, emitter_id: e{one}}}\n" if one == number else f"table: log_{one}}}\n")
        for one in ids
    )
    return f"owner: {TEAMS[number]}\naudiences:\n{audiences}{more}activations:\n{activations}"


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("many")
    house = House(root, DUCKDB)
    house.write(SPACE.replace("WRITERS", ", ".join(TEAMS)))
    for number in range(len(TEAMS)):
        (root / f"engage/{TEAMS[number]}.yaml").write_text(team(number))
    house.apply()
    return root


@pytest.fixture
def many(applied: Path, tmp_path: Path) -> House:
    shutil.copytree(applied, tmp_path, dirs_exist_ok=True)
    return House(tmp_path, DUCKDB)


def changed(plan: Plan) -> list[str]:
    return [
        f"{step.address.kind}.{step.address.name}" for step in plan.steps if not isinstance(step.change, ChangeSetting)
    ]


def test_an_audience_is_added_in_one_teams_file(many: House) -> None:
    (many.root / "engage/team_3.yaml").write_text(team(3, more="  newcomers: {space: default, kind: profile}\n"))
    plan = many.plan()
    assert changed(plan) == [
        "column.engage_default.identifies.newcomers",
        "column.engage_default.users.newcomers",
    ]
    added = [step for step in plan.steps if isinstance(step.change, AddColumn)]
    assert {step.owner for step in added} == {"team_3"}


def test_a_shared_column_is_one_line(many: House) -> None:
    path = many.root / "engage/space.yaml"
    text = path.read_text().replace(
        "type: string}\n", "type: string}\n      - {from: entity.account.tier, to: tier, type: string}\n", 1
    )
    path.write_text(text)
    plan = many.plan()
    assert changed(plan) == ["column.default.membership.tier"]
    told = {str(step.address) for step in plan.steps if isinstance(step.change, ChangeSetting)}
    assert len(told) == len(TEAMS)


def test_a_team_plans_and_applies_its_own_part(many: House) -> None:
    for number in (3, 4):
        more = f"  new_{number}: {{space: default, kind: profile}}\n"
        extra = f"  extra_{number}: {{audience: new_{number}, warehouses: [cdp], table: extra_{number}}}\n"
        text = team(number, more=more) + extra
        (many.root / f"engage/team_{number}.yaml").write_text(text)
    began = time.process_time()
    plan = many.plan(select=("owner:team_3",))
    assert time.process_time() - began < 2  # CPU seconds; a process of its own needs about 0.4 more to start
    assert "table.default.extra_3" in changed(plan)
    assert "table.default.extra_4" not in changed(plan)  # classic columns come whole: a feed is the smallest thing
    many.apply(select=("owner:team_3",))
    left = changed(many.plan())
    assert "table.default.extra_4" in left
    assert "table.default.extra_3" not in left
    assert api.drift(many.project).steps == ()
