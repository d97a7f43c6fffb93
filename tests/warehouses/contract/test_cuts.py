"""A sync whose line is cut after any statement: nothing is stored twice or lost, and the next one converges."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from engagectl import api
from engagectl.sync import passes
from engagectl.sync.options import SyncOptions
from engagectl.warehouses.contract import Connection, Warehouse
from tests.scenarios.house import House, identify, track
from tests.warehouses.contract.test_sync import AUDIENCE, SPACE, balanced, rows

NEEDS = "cuts"
STEP = 12


class Pulled(BaseException):
    """Somebody pulled the plug: no error that the program knows."""


class Line:
    """A driver's connection of which only so many statements come through; then the session is gone."""

    def __init__(self, real: Any, left: int, *, rolls_back: bool) -> None:
        self._real, self._left, self.rolls_back = real, left, rolls_back

    @property
    def is_cut(self) -> bool:
        return self._left <= 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def cursor(self, *args: Any, **kwargs: Any) -> "Cursor":
        return Cursor(self._real.cursor(*args, **kwargs), self)

    def query(self, *args: Any, **kwargs: Any) -> Any:
        """Of a client that sends each statement by itself, as BigQuery's."""
        self.pass_one()
        return self._real.query(*args, **kwargs)

    def load_table_from_file(self, *args: Any, **kwargs: Any) -> Any:
        self.pass_one()
        return self._real.load_table_from_file(*args, **kwargs)

    def end(self) -> None:
        """End the session, as the server sees it: what was open is rolled back."""
        if not hasattr(self._real, "cursor"):
            self._real.query("CALL BQ.ABORT_SESSION()").result()
        elif self.rolls_back:  # fakesnow does it some time after the session was closed
            self._real.cursor().execute("ROLLBACK")
        self._real.close()

    def pass_one(self) -> None:
        if self._left <= 0:
            raise Pulled
        self._left -= 1


class Cursor:
    def __init__(self, real: Any, line: Line) -> None:
        self._real, self._line = real, line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        self._line.pass_one()
        return self._real.execute(*args, **kwargs)

    def executemany(self, sql: str, many: Sequence[Any]) -> Any:
        self._line.pass_one()
        return self._real.executemany(sql, many)


def _cut(connection: Connection, after: int) -> Line:
    of = "_handle" if hasattr(connection, "_handle") else "client"
    line = Line(getattr(connection, of), after, rolls_back=connection.version.startswith("Snowflake"))
    setattr(connection, of, line)
    return line


def _sync(house: House, *, after: int) -> bool:
    """Sync until so many statements are through; tell whether there were more."""
    line = None
    try:
        with api.connected(house.project, command="sync", read_only=False) as connections:
            line = _cut(connections["local"], after)
            try:
                passes.sync(
                    house.project,
                    connections=connections,
                    options=SyncOptions(lock_timeout_s=0),
                    clock=lambda: datetime.now(UTC),
                    progress=passes.Silent(),
                )
            finally:
                if line.is_cut:  # else the session gives its lease back at its end
                    line.end()
    except Pulled:
        pass
    api.unlock(house.project)  # a session that was ended gave nothing back
    return line is not None and line.is_cut


@pytest.mark.parametrize("first", range(3))
def test_cut_after_any_statement_the_next_sync_converges(first: int, house: House, record: Warehouse) -> None:
    house.write(SPACE)
    house.apply()
    after, sent = 1 + first * STEP // 3, 0
    while True:
        house.messages(
            identify(sent, {"visits": sent, "tier": ""}, user=f"u{sent % 3}", messageId=f"a{sent:03}"),
            identify(sent, {"visits": "none"}, user="u9", messageId=f"b{sent:03}"),
            track(sent, "Audience Entered", AUDIENCE, messageId=f"c{sent:03}"),
            name=f"data/{sent:03}.jsonl",
        )
        sent += 1
        if not _sync(house, after=after):
            break
        after += STEP
    assert sent > 3
    report = house.sync()
    assert not report.left_out
    everybody = [f"{kind}{n:03}" for kind in "ab" for n in range(sent)]
    assert [row[0] for row in rows(house, record, "engage_default.identifies", "id, user_id")] == everybody
    assert len(rows(house, record, "engage_default.audience_entered", "id, user_id")) == sent
    assert len(rows(house, record, "default.log", "received_at, tier")) == sent
    newest = {f"u{n % 3}": n for n in range(sent)}
    users = rows(house, record, "engage_default.users", "id, visits")
    assert {user: visits for user, visits in users if user != "u9"} == newest
    assert len([one for _, one in api.quarantine(house.project, limit=1000) if one.column == "visits"]) >= sent
    house.messages(identify(1, {"visits": 1}, messageId="last"), name="data/last.jsonl")
    assert balanced(house.sync())
