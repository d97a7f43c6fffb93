"""--base and --select: what one pull request changes, whose it is, and nothing of anybody else."""

import subprocess
from pathlib import Path

import pytest

from engagectl import api
from engagectl.errors import UsageError
from engagectl.model.plan import Plan
from tests.scenarios.house import SPACE, House

GROWTH = """
owner: growth
activations:
  log: {audience: first_time_shopper, warehouses: [cdp], table: log}
"""
SALES = GROWTH.replace("growth", "sales").replace("log", "diary")


@pytest.fixture
def repository(tmp_path: Path) -> House:
    house = House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")
    house.write(SPACE)
    house.write(GROWTH, name="engage/growth.yaml")
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path)
    return house


def git(root: Path, *words: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "-C", root, *who, *words], check=True, capture_output=True)


def commit(root: Path) -> None:
    git(root, "add", "engage", "engagectl.yaml")
    git(root, "commit", "-q", "-m", "x")


def addresses(plan: Plan) -> set[str]:
    return {str(step.address).partition("/")[2] for step in plan.steps}


DIARY = {"schema.default", "table.default.diary", "activation.diary"}


def test_changed_selects_what_differs_from_a_revision(repository: House) -> None:
    repository.write(SALES, name="engage/sales.yaml")
    assert addresses(repository.plan(select=("changed:main",))) == DIARY
    assert "activation.log" in addresses(repository.plan())


def test_where_nothing_changed_nothing_is_selected(repository: House) -> None:
    assert repository.plan(select=("changed:main",)).steps == ()


def test_base_shows_the_change_alone_without_a_warehouse(repository: House) -> None:
    repository.write(SALES, name="engage/sales.yaml")
    plan = api.make_plan(repository.project, base="main")
    assert addresses(plan) == DIARY - {"schema.default"}
    assert not (repository.root / "acme.duckdb").exists()


def test_base_shows_what_is_retired_and_what_removed_drops(repository: House) -> None:
    (repository.root / "engage/growth.yaml").write_text("removed: [{address: local/table.default.log, reason: D-1}]\n")
    plan = api.make_plan(repository.project, base="main")
    assert addresses(plan) == {"activation.log", "table.default.log"}
    assert not plan.refused


def test_an_owner_gets_the_feeds_that_are_his(repository: House) -> None:
    repository.write(SALES, name="engage/sales.yaml")
    plan = repository.plan(select=("owner:sales",))
    assert addresses(plan) == DIARY
    assert [str(feed.address) for feed in plan.warehouses[0].feeds] == ["activation.diary"]


def test_a_part_of_a_feed_takes_it_whole(repository: House) -> None:
    repository.apply()
    repository.write(
        SPACE.replace(
            "traits:\n",
            "traits:\n  a: {space: default, kind: sql, type: string}\n  b: {space: default, kind: sql, type: string}\n",
            1,
        )
    )
    plan = repository.plan(select=("column.engage_default.users.a",))
    assert addresses(plan) == {"column.engage_default.users.a", "column.engage_default.users.b"}
    repository.apply(select=("column.engage_default.users.a",))
    left = addresses(repository.plan())
    assert left
    assert not any("users" in address for address in left)


def test_a_connection_takes_the_users_of_its_source_along(repository: House) -> None:
    chosen = addresses(repository.plan(select=("connection.classic",)))
    assert {"table.engage_default.users", "users.default.main", "table.engage_default.identifies"} <= chosen
    assert "activation.log" not in chosen


def test_what_is_no_address_is_refused(repository: House) -> None:
    with pytest.raises(UsageError):
        repository.plan(select=("nonsense",))
    with pytest.raises(UsageError):
        repository.plan(select=("changed:no-such-revision",))


def test_what_was_removed_since_a_revision_and_applied_is_no_wrong_name(repository: House) -> None:
    repository.write(SALES, name="engage/sales.yaml")
    commit(repository.root)
    repository.apply()
    (repository.root / "engage/sales.yaml").unlink()
    assert "activation.diary" in addresses(repository.plan(select=("changed:main",)))
    repository.apply()
    assert repository.plan(select=("changed:main",)).steps == ()
    assert repository.sync(select=("changed:main",)).feeds == {}
