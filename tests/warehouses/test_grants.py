"""With the grants that `doctor --grants sql` prints, three roles of PostgreSQL do their work and no more."""

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from engagectl import api
from engagectl.errors import EngagectlError
from engagectl.warehouses.contract import Role
from engagectl.warehouses.postgres.grants import grants
from tests.scenarios.house import SPACE, House, identify

pytestmark = pytest.mark.postgres
NAMES: tuple[Role, ...] = ("plan", "apply", "sync")


@pytest.fixture
def roles(postgres_dsn: str) -> Iterator[Mapping[Role, str]]:
    """Three roles of our own that can log in."""
    tail = secrets.token_hex(4)
    found: dict[Role, str] = {name: f"e {name} {tail}" for name in NAMES}
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        for role in found.values():
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'canary'").format(sql.Identifier(role)))
        yield found
        for role in found.values():
            admin.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(role)))
        for role in found.values():
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.fixture
def house(roles: Mapping[Role, str], tmp_path: Path) -> House:
    return House(tmp_path, "    type: postgres\n    dsn: {$env: ENGAGECTL_SCENARIO_DSN}\n")


def granted(dsn: str, roles: Mapping[Role, str]) -> None:
    database = str(conninfo_to_dict(dsn)["dbname"])
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(grants(database, "engagectl", "sql", roles).encode())


def become(monkeypatch: pytest.MonkeyPatch, dsn: str, role: str) -> None:
    monkeypatch.setenv("ENGAGECTL_SCENARIO_DSN", make_conninfo(dsn, user=role, password="canary"))


def lacks(house: House, role: Role) -> str:
    ((visit),) = api.doctor(house.project, roles=(role,))
    (check,) = [check for check in visit.checks if check.name == f"{role} role"]
    assert check.ok is (check.fix == "")
    return check.fix


def test_each_role_does_its_work_with_the_grants_and_no_more(
    house: House, roles: Mapping[Role, str], postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    granted(postgres_dsn, roles)
    house.write()
    house.messages(identify(1, {"first_time_shopper": True}))
    become(monkeypatch, postgres_dsn, roles["apply"])
    assert lacks(house, "apply") == ""
    house.apply()
    become(monkeypatch, postgres_dsn, roles["sync"])
    assert lacks(house, "sync") == ""
    assert house.sync().exit_code == 0
    become(monkeypatch, postgres_dsn, roles["plan"])
    assert lacks(house, "plan") == ""
    assert house.plan().steps == ()
    assert house.rows("engage_default.users", "id", order="1") == [("u123",)]
    assert [feed.outcome for feed in api.status(house.project).feeds] == ["Success", "Success"]
    with pytest.raises(EngagectlError):
        house.sync()
    assert "GRANT SELECT" not in lacks(house, "sync")
    become(monkeypatch, postgres_dsn, roles["apply"])
    house.write(SPACE.replace("traits:\n", "traits:\n  revenue: {space: default, kind: event, type: float}\n", 1))
    house.apply()
    become(monkeypatch, postgres_dsn, roles["sync"])
    assert house.sync().exit_code == 0


def test_what_a_user_lacks_is_named_with_the_grant_that_gives_it(
    house: House, roles: Mapping[Role, str], postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.write()
    become(monkeypatch, postgres_dsn, roles["apply"])
    assert lacks(house, "apply").startswith("GRANT CREATE ON DATABASE")
    monkeypatch.setenv("ENGAGECTL_SCENARIO_DSN", postgres_dsn)
    house.apply()
    for role in NAMES:
        become(monkeypatch, postgres_dsn, roles[role])
        fix = lacks(house, role)
        assert 'ON SCHEMA "engage_default"' in fix
        with psycopg.connect(postgres_dsn, autocommit=True) as admin:
            admin.execute(fix.encode())
        assert lacks(house, role) == ""
    become(monkeypatch, postgres_dsn, roles["plan"])
    assert house.plan().steps == ()


def test_a_grant_taken_away_is_named_by_sync_and_by_apply(
    house: House, roles: Mapping[Role, str], postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    granted(postgres_dsn, roles)
    house.write()
    house.messages(identify(1, {"first_time_shopper": True}))
    become(monkeypatch, postgres_dsn, roles["apply"])
    house.apply()
    revoke = f'REVOKE INSERT ON engage_default.identifies FROM "{roles["sync"]}"'
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute(revoke.encode())
        admin.execute(f'ALTER TABLE engage_default.users OWNER TO "{roles["plan"]}"'.encode())
    become(monkeypatch, postgres_dsn, roles["sync"])
    ((feed, advice), *_) = [(one.address.kind, one.help) for one in house.sync().left_out]
    assert feed == "connection"
    assert f'GRANT INSERT ON TABLE "engage_default"."identifies" TO "{roles["sync"]}"' in advice
    become(monkeypatch, postgres_dsn, roles["apply"])
    house.write(SPACE.replace("traits:\n", "traits:\n  revenue: {space: default, kind: event, type: float}\n", 1))
    with pytest.raises(EngagectlError, match="must be owner of table users") as caught:
        house.apply()
    assert caught.value.help[0] == f'GRANT "{roles["plan"]}" TO "{roles["apply"]}"'


def test_terraform_says_the_same_for_its_provider() -> None:
    text = grants('my "db"', "engagectl", "terraform")
    assert 'resource "postgresql_default_privileges" "engagectl_sync_tables" {' in text
    assert 'privileges  = ["SELECT", "INSERT", "UPDATE", "DELETE"]' in text
    assert 'database = "my \\"db\\""' in text
