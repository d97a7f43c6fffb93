"""`disown`: what is no longer declared can be given up; `import --undeclared`: what sync met gets its YAML."""

from engagectl import api
from tests.cli.inside import run
from tests.scenarios.house import SPACE, House, identify


def test_what_is_declared_is_refused_and_what_is_retained_is_given_up(house: House) -> None:
    house.write(SPACE)
    house.messages(identify(1, {"total_revenue_180_days": 1.5}))
    house.apply()
    project = ("-C", str(house.root))
    address = "column.engage_default.users.first_time_shopper"
    assert run(*project, "disown", address).code == 4
    house.write(
        SPACE.replace("  first_time_shopper: {space: default, kind: profile}\n", "").replace("audiences:\n", "", 1)
    )
    house.apply()
    assert "retained" in {one.kind for part in house.plan().warehouses for one in part.noted}
    done = run(*project, "disown", address)
    assert done.code == 0, done.err
    assert "local/column.engage_default.users.first_time_shopper" in done.out
    kinds = {one.address.name: one.kind for part in house.plan().warehouses for one in part.noted}
    assert kinds["engage_default.users.first_time_shopper"] == "unmanaged"
    assert house.rows("engage_default.users", "first_time_shopper", order="1") == []
    assert run(*project, "disown", address).code == 4
    assert run(*project, "disown", "trait.x").code == 64


def test_what_sync_met_undeclared_becomes_yaml(house: House) -> None:
    house.write(SPACE)
    house.messages(identify(1, {"total_revenue_180_days": 1.5, "Shoe Size": 42, "city": "Oslo"}))
    house.apply()
    house.sync()
    done = run("-C", str(house.root), "import", "--undeclared", "--write")
    assert done.code == 0, done.err
    traits = house.project.spec.traits
    assert (traits["shoe_size"].type, traits["city"].type) == ("decimal(38,9)", "string")
    assert api.import_yaml(house.project, undeclared=True)[0].resources == ()
    assert house.apply() is not None
    assert house.plan().steps == ()
