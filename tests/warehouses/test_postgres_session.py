"""The session of PostgreSQL: who waits, who holds, what an error tells, and what never leaves it."""

import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from engagectl.errors import ConnectError, LockHeld
from engagectl.warehouses.contract import Connection, Holder
from engagectl.warehouses.postgres.connect import NAME_BYTES, connection_parameters, with_percents
from engagectl.warehouses.registry import warehouse

pytestmark = pytest.mark.postgres
POSTGRES = warehouse("postgres")
CANARY = "S3CRET-canary"


def connect(
    secrets: Mapping[str, str],
    *,
    command: str = "apply",
    fields: Mapping[str, object] | None = None,
    target: str = "",
    commit: str = "",
) -> Connection:
    return POSTGRES.connect(
        SimpleNamespace(**(fields or {})),
        "pg",
        secrets=secrets,
        root=Path(),
        read_only=False,
        lock_timeout_s=0.3,
        command=command,
        target=target,
        commit=commit,
    )


def test_the_holder_sees_who_waits_and_is_named(postgres_dsn: str) -> None:
    failed: list[LockHeld] = []

    def wait(connection: Connection) -> None:
        try:
            connection.lock("engagectl", timeout_s=1.5, holder=Holder(command="apply", host="h2"))
        except LockHeld as error:
            failed.append(error)

    with connect({"dsn": postgres_dsn}, command="sync") as holder, connect({"dsn": postgres_dsn}) as waiter:
        holder.lock("engagectl", timeout_s=0, holder=Holder(command="sync", host="h1"))
        waiter.lock("another_journal", timeout_s=0, holder=Holder(command="apply"))
        thread = threading.Thread(target=wait, args=(waiter,))
        thread.start()
        seen = False
        while thread.is_alive() and not seen:
            seen = holder.somebody_waits()
            time.sleep(0.05)
        thread.join()
        assert seen
        assert not holder.somebody_waits()
    (error,) = failed
    assert "engagectl sync" in error.message
    assert "on h1" in error.message


def test_every_session_is_tagged(postgres_dsn: str) -> None:
    with connect({"dsn": postgres_dsn}, command="drift", target="prod", commit="0123456789abcdef") as connection:
        asked = "SELECT current_setting('application_name')"
        assert connection.query(asked) == [("engagectl drift target=prod commit=0123456789ab",)]
        connection.lock("j", timeout_s=0, holder=Holder(command="quarantine replay", host="runner-" + "7" * 60))
        ((name,),) = connection.query(asked)
        assert name.startswith(f"engagectl quarantine replay pid={os.getpid()} target=prod host=runner-7")
        assert len(name) <= NAME_BYTES
        holder = connection.lock_holder("j")
    assert holder is not None
    assert (holder.command, holder.pid) == ("engagectl quarantine replay", os.getpid())


@pytest.mark.parametrize(
    ("secrets", "fields"),
    [
        ({"dsn": f"postgresql://u:{CANARY}@127.0.0.1:1/db"}, {}),
        ({"dsn": f"no such thing {CANARY}"}, {}),
        ({"password": CANARY}, {"host": "127.0.0.1", "port": 1, "database": "db", "user": "u"}),
        ({"password": CANARY}, {"host": "/nowhere", "database": "db", "user": "u"}),
    ],
)
def test_a_failed_connection_tells_no_secret(secrets: dict[str, str], fields: dict[str, object]) -> None:
    with pytest.raises(ConnectError) as caught:
        connect(secrets, fields=fields)
    assert CANARY not in caught.value.message + " ".join(caught.value.help)
    assert caught.value.__cause__ is None


def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConnectError) as caught:
        connect({"dsn": "postgresql://127.0.0.1:1/db"})
    assert (caught.value.code, caught.value.exit_code) == ("EC502", 1)
    assert caught.value.help == ("pip install 'engagectl[postgres]'",)


def test_a_server_elsewhere_must_show_its_certificate() -> None:
    assert connection_parameters(SimpleNamespace(host="db.example.com"), {})["sslmode"] == "verify-full"
    assert "sslmode" not in connection_parameters(SimpleNamespace(host="localhost"), {})
    assert (
        connection_parameters(SimpleNamespace(), {"dsn": "postgresql://db.example.com/x?sslmode=require"})["sslmode"]
        == "require"
    )


def test_marks_in_texts_names_and_comments_are_not_parameters() -> None:
    assert with_percents("""SELECT '?', "?", $$?$$, $a$?$a$, ? /* ? */ -- ?\n, 7 % 2""") == (
        """SELECT '?', "?", $$?$$, $a$?$a$, %s /* ? */ -- ?\n, 7 %% 2"""
    )


def test_doctor_has_a_line_for_each_thing(postgres_dsn: str) -> None:
    with connect({"dsn": postgres_dsn}) as connection:
        checks = POSTGRES.doctor(connection, "engagectl")
        connection.execute("CREATE SCHEMA engagectl")
        again = POSTGRES.doctor(connection, "engagectl")
    assert [check.name for check in checks] == ["version", "time zone", "encoding", "journal"]
    assert all(check.ok for check in (*checks, *again))
    assert "not there yet" in checks[-1].detail
    assert "is there" in again[-1].detail
