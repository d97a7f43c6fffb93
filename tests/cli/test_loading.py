"""The progress of a sync: share, speed and time left of all that is to be read; no line where nobody looks."""

import io
import os
from pathlib import Path

import pytest

from engagectl.cli.loading import Loading
from engagectl.show.terminal import Terminal
from tests.scenarios.house import House, identify


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, screen: io.StringIO) -> list[str]:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr("sys.stderr", screen)
    now = iter(range(1000))
    progress = Loading(Terminal(), clock=lambda: float(next(now)))
    progress.expect(3, 4_000_000)
    progress.advance("a.jsonl", 1_000_000, 1_000_000)
    progress.passed("a.jsonl", 1_000_000)
    progress.advance("b.gz", 9_000_000, None)
    progress.passed("b.gz", 2_000_000)
    progress.advance("c.jsonl", 500_000, 1_000_000)
    return [line for line in screen.getvalue().split("\r\x1b[2K") if line]


def test_a_line_tells_share_speed_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    first, packed, last = shown(monkeypatch, Screen())
    assert first.startswith(" 25%  1.0 MB of 4.0 MB  ")
    assert packed.startswith(" 25%  1.0 MB of 4.0 MB  ")
    assert last.startswith(" 87%  3.5 MB of 4.0 MB  ")
    assert "/s  0:0" in last
    assert last.endswith("left  c.jsonl")


def test_no_line_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO()) == []


def test_a_sync_expects_what_is_not_read(tmp_path: Path) -> None:
    class Counted(Loading):
        said: tuple[int, int] = (-1, -1)

        def expect(self, files: int, size: int) -> None:
            self.said = (files, size)

    house = House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")
    house.write()
    house.messages(identify(1, {"first_time_shopper": True}))
    os.utime(tmp_path / "data" / "a.jsonl", (1e9, 1e9))
    house.apply()
    first, second = Counted(Terminal(quiet=True)), Counted(Terminal(quiet=True))
    house.sync(progress=first)
    assert first.said == (1, (tmp_path / "data" / "a.jsonl").stat().st_size)
    house.sync(progress=second)
    assert second.said == (0, 0)
