"""Sync, status, history and drift in a terminal of 80 and of 120 columns: no line is longer, and no name is cut."""

from collections import Counter

import pytest
from syrupy.assertion import SnapshotAssertion

from engagectl.journal.history import HistoryEntry
from engagectl.model.address import Address
from engagectl.model.schema import TableName
from engagectl.model.status import FeedStatus, StatusReport, WarehouseStatus
from engagectl.show.as_drift import drift_text
from engagectl.show.as_history import history_text
from engagectl.show.as_status import status_text
from engagectl.show.terminal import fold
from engagectl.sync.report import FeedCounts, LeftOut, SyncReport
from tests.show.test_text import PLAN, TextFile

FEED = Address("activation", "customers_who_bought_twice", "warehouse")
STATUS = StatusReport(
    warehouses=(
        WarehouseStatus(
            warehouse="warehouse",
            apply_id="a1",
            applied_at="2026-01-05T09:00:00Z",
            not_applied=("column.default.vip.tier",),
            not_known="",
            running="",
            stopped=("sync s7 of 2026-01-05T10:00:00Z",),
            quarantine={"not_json": 3, "too_large": 1},
            storable=(),
            undeclared=(),
        ),
    ),
    feeds=(
        FeedStatus(
            warehouse="warehouse",
            feed="activation.customers_who_bought_twice",
            state="live",
            schedule="every 15m",
            last_sync="2026-01-05T10:00:00.000000Z",
            outcome="Success",
            notice="",
            last_success="2026-01-05T10:00:00.000000Z",
            next_due="2026-01-05T10:15:00Z",
            in_blackout=True,
            waits=(),
            received_to=None,
            lag_s=7200,
            unread_files=2,
            unread_bytes=1_250_000,
            quarantine={},
        ),
    ),
)
HISTORY = HistoryEntry(
    kind="sync",
    id="01963a00-0000-7000-8000-000000000001",
    target="prod",
    status="Partial",
    started_at="2026-01-05T10:00:00.000000Z",
    duration_s=61.2,
    notices="activation.customers_who_bought_twice was left out",
    rows=(("default.vip", 1200),),
)
COUNTS = FeedCounts(
    feed=FEED,
    read=1_200_000,
    inserted=1_100_000,
    duplicate=50_000,
    quarantined=10,
    filtered=Counter(other_audience=49_990),
    tables=Counter({TableName("default", "customers_who_bought_twice"): 1_100_000}),
)
SYNC = SyncReport(
    feeds={FEED: COUNTS},
    left_out=[
        LeftOut(Address("connection", "classic", "warehouse"), "EC702", "table x.users is missing", "engagectl plan")
    ],
    undeclared=Counter({f"trait a_key_that_nobody_declared_{number}": number for number in range(1, 5)}),
)
TEXTS = {
    "sync": SYNC.as_text(),
    "status": status_text(STATUS),
    "history": history_text([("warehouse", HISTORY)]),
    "drift": drift_text(PLAN, colour=False),
}


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", TEXTS)
def test_a_result_in_a_terminal(name: str, width: int, snapshot: SnapshotAssertion) -> None:
    text = fold(TEXTS[name], width)
    assert max(map(len, text.splitlines())) <= width
    assert text.split() == TEXTS[name].split()
    assert text == snapshot(extension_class=TextFile)


def test_colours_take_no_room_and_a_long_name_stays_whole() -> None:
    assert fold("\x1b[31mab\x1b[0m cd", 5) == "\x1b[31mab\x1b[0m cd"
    assert fold(f"  a {'n' * 90} b", 80) == f"  a\n      {'n' * 90}\n      b"
