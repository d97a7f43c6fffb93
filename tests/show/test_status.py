"""Status, as people read it."""

from engagectl.model.status import StatusReport, UndeclaredKey, WarehouseStatus
from engagectl.show.as_status import status_text


def _key(kind: str, key: str, types: str) -> UndeclaredKey:
    return UndeclaredKey(feed="connection.c", kind=kind, key=key, types=types, messages=3, last_at="")


def test_what_has_no_type_is_told_without_one() -> None:
    warehouse = WarehouseStatus(
        warehouse="local",
        apply_id="a1",
        applied_at="2026-01-05T09:00:00Z",
        not_applied=(),
        not_known="",
        running="",
        stopped=(),
        quarantine={},
        storable=(),
        undeclared=(_key("trait", "plan", "text"), _key("event", "Step Entered", "")),
    )
    text = status_text(StatusReport(warehouses=(warehouse,), feeds=()))
    assert text.endswith("undeclared, counted and not stored: trait plan (text, 3), event Step Entered (3)")
