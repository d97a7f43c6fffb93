"""The values of the flags of `sync`: read as said, or refused with what would be right."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from engagectl.sync.options import Silent
from tests.cli.inside import run
from tests.scenarios.house import SPACE, House, identify

ONE = identify(1, {"first_time_shopper": True})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    house = House(tmp_path_factory.mktemp("flags"), "    type: duckdb\n    path: ./acme.duckdb\n")
    house.write(SPACE)
    house.apply()
    return house.root


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "2026-01-31"), "--since goes with --reread"),
        (("--reread", "--since", "yesterday"), "--since must be a date such as 2026-01-31"),
        (("--max-time", "soon"), "--max-time is"),
        (("--max-quarantine", "-1"), "--max-quarantine must be a number such as 100, or a share such as 0.5%"),
        (("--max-quarantine", "nan%"), "--max-quarantine must be a number"),
        (("--input", "data/a.jsonl"), "--input takes - or ID=-"),
        (("--input", "nope=-"), "names no input of the YAML"),
        (("--memory", "high"), "--memory"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_be_right(project: Path, words: tuple[str, ...], said: str) -> None:
    done = run("-C", str(project), "sync", *words)
    assert (done.code, said in done.err) == (64, True), done.err


@pytest.mark.parametrize(
    "words",
    [
        ("--max-time", "45m"),
        ("--max-quarantine", "100"),
        ("--max-quarantine", "0.5%"),
        ("--memory", "low"),
        ("--reread", "--since", "2026-01-31"),
        ("--dry-run",),
    ],
)
def test_a_right_value_runs(project: Path, words: tuple[str, ...]) -> None:
    assert run("-C", str(project), "sync", *words).code == 0


def test_since_rereads_the_files_of_that_day_and_later_ones(tmp_path: Path) -> None:
    house = House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")
    old, new = identify(1, {"later": "x"}), identify(2, {"later": "y"})
    house.write(SPACE)
    for name, message in (("data/2026-01-05.jsonl", old), ("data/2026-01-06.jsonl", new)):
        house.messages(message, name=name)
    house.apply()
    house.sync()
    house.write(SPACE.replace("\naudiences:", "\n  later: {space: default, kind: sql, type: string}\naudiences:"))
    house.apply()
    assert run("-C", str(tmp_path), "sync", "--reread", "--since", "2026-01-06").code == 0
    assert house.rows("engage_default.identifies", "id, later") == [("m2", "y")]


@pytest.mark.parametrize(("name", "packed"), [("a.gz", gzip.compress), ("a.zst", zstandard.compress)])
def test_an_archive_that_is_cut_off_is_named_and_loads_when_it_is_whole(
    name: str, packed: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    house = House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")
    house.write(SPACE.replace("*.jsonl", "*"))
    house.apply()
    whole = packed(json.dumps(ONE).encode() + b"\n")
    path = tmp_path / "data" / name
    path.parent.mkdir()
    path.write_bytes(whole[:-12])
    done = run("-C", str(tmp_path), "sync")
    assert done.code in (1, 5), done.all
    assert f"data/{name}" in done.all
    assert "Traceback" not in done.all
    path.write_bytes(whole)
    assert run("-C", str(tmp_path), "sync").code == 0
    assert house.rows("engage_default.identifies", "id", order="1") == [("m1",)]


def test_a_file_that_vanishes_after_it_was_listed_costs_the_others_nothing(tmp_path: Path) -> None:
    class Remover(Silent):
        def advance(self, file: str, done: int, total: int | None) -> None:  # noqa: ARG002  of the protocol
            (tmp_path / "data/b.jsonl").unlink(missing_ok=True)

    house = House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")
    house.write(SPACE)
    house.apply()
    for number, name in enumerate("abc", start=1):
        house.messages(identify(number, {"first_time_shopper": True}), name=f"data/{name}.jsonl")
    report = house.sync(progress=Remover(), chunk_bytes=1)
    assert house.rows("engage_default.identifies", "id", order="1") == [("m1",), ("m3",)]
    assert report.exit_code == 5
    assert "(EC721): data/b.jsonl is not there any more" in report.as_text()
    assert house.sync().exit_code == 0
