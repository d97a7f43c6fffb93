"""What a sync did: counts per feed and per table, as values, as text and as JSON data."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from engagectl.model.address import Address
from engagectl.model.schema import TableName


@dataclass
class FeedCounts:
    """Messages: read = inserted + duplicate + filtered + quarantined. `cells` and `skewed` are counted apart."""

    feed: Address
    read: int = 0
    inserted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    cells: int = 0
    skewed: int = 0
    filtered: Counter[str] = field(default_factory=Counter)
    tables: Counter[TableName] = field(default_factory=Counter)

    @property
    def balanced(self) -> bool:
        return self.read == self.inserted + self.duplicate + self.filtered.total() + self.quarantined

    def tally(self, outcome: str, messages: int, skewed: int) -> None:
        """Count messages of one outcome, as sync/route.py names them."""
        self.read += messages
        self.skewed += skewed
        if outcome == "load":
            self.inserted += messages
        elif outcome == "duplicate":
            self.duplicate += messages
        elif outcome.startswith("f:"):
            self.filtered[outcome[2:]] += messages
        elif outcome.startswith("q:"):
            self.quarantined += messages

    def add(self, other: "FeedCounts") -> None:
        self.read += other.read
        self.inserted += other.inserted
        self.duplicate += other.duplicate
        self.quarantined += other.quarantined
        self.cells += other.cells
        self.skewed += other.skewed
        self.filtered += other.filtered
        self.tables += other.tables


@dataclass(frozen=True)
class LeftOut:
    """A feed or file that did not load, why, and what helps."""

    address: Address
    code: str
    reason: str
    help: str = ""


@dataclass(frozen=True)
class Failed:
    """A warehouse in which the sync could not go on."""

    warehouse: str
    code: str
    reason: str
    help: str = ""


@dataclass
class SyncReport:
    """`warnings` are sentences for people, `waiting` feeds that are not due yet; `unfinished` says what was left for
    the next sync. `exit_code` ends the command.
    """

    sync_id: str = ""
    dry_run: bool = False
    feeds: dict[Address, FeedCounts] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    waiting: list[Address] = field(default_factory=list)
    applies: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    chunks: int = 0
    undeclared: Counter[str] = field(default_factory=Counter)
    too_much_quarantined: bool = False
    interrupted: bool = False
    committed: bool = False

    @property
    def inserted(self) -> int:
        return sum(counts.inserted for counts in self.feeds.values())

    @property
    def quarantined(self) -> int:
        return sum(counts.quarantined for counts in self.feeds.values())

    @property
    def exit_code(self) -> int:
        if self.interrupted:
            return 130
        if self.left_out and not self.feeds and not self.waiting:
            return 4
        return 5 if self.left_out or self.failed or self.too_much_quarantined else 0

    def as_data(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "sync_id": self.sync_id,
            "dry_run": self.dry_run,
            "chunks": self.chunks,
            "feeds": [
                {
                    "feed": str(address),
                    "read": counts.read,
                    "inserted": counts.inserted,
                    "duplicate": counts.duplicate,
                    "filtered": dict(sorted(counts.filtered.items())),
                    "quarantined": counts.quarantined,
                    "cells": counts.cells,
                    "skewed": counts.skewed,
                    "tables": [{"table": str(name), "rows": rows} for name, rows in sorted(counts.tables.items())],
                }
                for address, counts in sorted(self.feeds.items())
            ],
            "left_out": [
                {"feed": str(item.address), "code": item.code, "reason": item.reason, "help": item.help}
                for item in self.left_out
            ],
            "failed": [
                {"warehouse": item.warehouse, "code": item.code, "reason": item.reason, "help": item.help}
                for item in self.failed
            ],
            "applies": self.applies,
            "notes": self.notes,
            "waiting": [str(address) for address in sorted(self.waiting)],
            "undeclared": dict(sorted(self.undeclared.items())),
            "unfinished": self.unfinished,
            "warnings": self.warnings,
        }

    def as_text(self) -> str:
        """Return the report for people: a line per feed and one per table, then what needs attention."""
        lines = [f"{name}: goes by {by}" for name, by in self.applies.items()]
        if self.dry_run:
            lines.append("Dry run: nothing was written.")
        for address, counts in sorted(self.feeds.items()):
            lines.append(
                f"{address}  read {counts.read:,}  inserted {counts.inserted:,}  duplicate {counts.duplicate:,}"
                f"  filtered {counts.filtered.total():,}  quarantined {counts.quarantined:,}"
            )
            lines += [f"    {name}  {rows:,} rows" for name, rows in sorted(counts.tables.items())]
            lines += [f"    filtered, {why.replace('_', ' ')}: {n:,}" for why, n in sorted(counts.filtered.items())]
            if counts.cells:
                lines.append(f"    {counts.cells:,} cells quarantined: engagectl quarantine list")
        if self.waiting and not self.feeds:
            lines.append("Nothing is due. When it is: engagectl status")
        for item in self.left_out:
            lines.append(f"left out: {item.address} ({item.code}): {item.reason}")
            if item.help:
                lines.append(f"    {item.help}")
        for failed in self.failed:
            lines.append(f"failed in {failed.warehouse} ({failed.code}): {failed.reason}")
            lines.append(
                "    what was committed stays; run the sync again" + (f"; {failed.help}" if failed.help else "")
            )
        if self.undeclared:
            keys = ", ".join(f"{key} ({count:,})" for key, count in sorted(self.undeclared.items())[:10])
            lines.append(f"undeclared, counted and not stored: {keys}")
        if self.too_much_quarantined:
            lines.append("more was quarantined than --max-quarantine allows: engagectl quarantine list")
        return "\n".join([*lines, *self.notes, *self.unfinished, *(f"warning: {text}" for text in self.warnings)])
