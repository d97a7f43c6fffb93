"""What `status` tells of each warehouse and feed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """A file whose end belongs to a run that has not ended; `since` is when the first of that data was received."""

    file: str
    bytes: int
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """Times are RFC 3339 UTC. `state` is live, retired or excluded; `schedule` in words; `next_due` is a time, `now`,
    `when a run ends` or `never`, "" for a feed that does not read. `unread_bytes` are as stored. `lag_s` is the age of
    the newest message that was read. `not_readable` says why what is unread could not be told, "" where it could.
    """

    warehouse: str
    feed: str
    state: str
    schedule: str
    last_sync: str | None
    outcome: str
    notice: str
    last_success: str | None
    next_due: str
    in_blackout: bool
    waits: tuple[Waits, ...]
    received_to: str | None
    lag_s: int | None
    unread_files: int
    unread_bytes: int
    quarantine: Mapping[str, int]
    not_readable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storable:
    """Quarantined values of a key that has a column now."""

    feed: str
    key: str
    entries: int
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UndeclaredKey:
    feed: str
    kind: str
    key: str
    types: str
    messages: int
    last_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseStatus:
    """`apply_id` is the newest apply of the project's feeds, "" before the first. `not_applied` are the addresses that
    plan would change, `not_known` why that could not be told. `stopped` are applies and syncs that did not end.
    """

    warehouse: str
    apply_id: str
    applied_at: str
    not_applied: tuple[str, ...]
    not_known: str
    running: str
    stopped: tuple[str, ...]
    quarantine: Mapping[str, int]
    storable: tuple[Storable, ...]
    undeclared: tuple[UndeclaredKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    warehouses: tuple[WarehouseStatus, ...]
    feeds: tuple[FeedStatus, ...]

    def as_data(self) -> dict[str, Any]:
        return asdict(self)
