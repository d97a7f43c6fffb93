"""Redshift alone: columns rebuilt beside themselves, and a user who lacks a right until it has what doctor names."""

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from engagectl import api
from engagectl.warehouses.contract import Role
from tests.scenarios.house import SPACE, House, identify, track
from tests.warehouses.contract import redshift_proxy
from tests.warehouses.contract.engines.redshift import is_live

NEEDS = "redshift" if not is_live() else "nothing that is live"


@pytest.fixture
def admin(house: House) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """An administrator's session, past the proxy."""
    house.write()
    house.apply()
    (emulator,) = redshift_proxy.RUNNING
    with psycopg.connect(
        emulator.server, dbname=house.project.spec.warehouses["local"].database, autocommit=True
    ) as it:
        yield it


@pytest.fixture
def user(admin: "psycopg.Connection[tuple[object, ...]]", house: House) -> Iterator[str]:
    """A user without a grant, as whom the house signs in from now on."""
    name = f"loader {secrets.token_hex(4)}"
    admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
    (emulator,) = redshift_proxy.RUNNING
    house.warehouse = house.warehouse.replace(f"user: {emulator.user}\n", f"user: {name}\n")
    house.write()
    yield name
    admin.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(name)))
    admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def _lacks(house: House, role: Role) -> list[str]:
    (visit,) = api.doctor(house.project, roles=(role,))
    (check,) = [one for one in visit.checks if one.name == f"{role} role"]
    return [line for line in check.fix.split("; ") if line]


def test_what_doctor_names_is_what_a_user_lacks(
    house: House, user: str, admin: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    for role in ("plan", "sync"):
        lacks = _lacks(house, role)
        assert f'GRANT USAGE ON SCHEMA "engage_default" TO "{user}"' in lacks or role == "sync"
        for grant in lacks:
            admin.execute(grant.encode())
        assert _lacks(house, role) == []
    house.messages(identify(1, {"first_time_shopper": True}))
    assert house.plan().steps == ()
    assert house.sync().exit_code == 0
    assert house.rows("engage_default.users", "id, first_time_shopper") == [("u123", True)]
    assert any(line.startswith("ALTER TABLE") for line in _lacks(house, "apply"))


def test_a_right_that_is_missing_half_way_leaves_one_feed_out_and_loses_nothing(
    house: House, user: str, admin: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    for grant in _lacks(house, "sync"):
        admin.execute(grant.encode())
    admin.execute(f'REVOKE INSERT ON engage_default.audience_entered FROM "{user}"'.encode())
    house.messages(
        identify(1, {"first_time_shopper": True}),
        {
            **identify(2, {}),
            "type": "track",
            "event": "Audience Entered",
            "properties": {"audience_key": "first_time_shopper", "first_time_shopper": True},
        },
    )
    report = house.sync()
    assert report.exit_code == 5
    ((reason, advice),) = [(one.reason, one.help) for one in report.left_out]
    assert "permission denied" in reason
    assert f'GRANT INSERT ON TABLE "engage_default"."audience_entered" TO "{user}"' in advice
    assert house.rows("engage_default.identifies", "id", order="1") == []
    (grant,) = _lacks(house, "sync")
    admin.execute(grant.encode())
    assert house.sync().exit_code == 0
    assert house.rows("engage_default.identifies", "id", order="1") == [("m1",)]
    assert house.rows("engage_default.audience_entered", "id", order="1") == [("m2",)]


@pytest.mark.parametrize(
    "length", [8, 16]
)  # a longer VARCHAR is in no transaction: then the rebuild has one of its own
def test_a_column_gets_another_type_by_one_beside_it(length: int, house: House) -> None:
    log = (
        "activations:\n  log:\n    audience: first_time_shopper\n    warehouses: [cdp]\n    table: log\n    mappings:\n"
        "      - {from: properties.n, to: n, type: string, description: a number}\n"
        "      - {from: properties.tier, to: tier, type: string, max_chars: 8}\n"
    )
    house.write(SPACE + log)
    called = {"audience_key": "first_time_shopper", "first_time_shopper": True}
    house.messages(*(track(n, "Audience Entered", {**called, "n": str(n)}) for n in (1, 22)))
    house.apply()
    house.sync()
    root = house.root / "engagectl.yaml"
    root.write_text(root.read_text() + "\nlifecycle: {type_changes: rebuild}\n")
    (house.root / "engage/space.yaml").write_text(
        SPACE
        + log.replace("to: n, type: string", "to: n, type: integer").replace("max_chars: 8", f"max_chars: {length}")
    )
    house.apply()
    assert house.rows("default.log", "id, n") == [("m1", 1), ("m22", 22)]
    assert house.plan().steps == ()
    assert house.drift().steps == ()
