"""What `inspect` makes of files is YAML that validates, applies, and loads every message of what it declares."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from engagectl import api
from engagectl.cli.starter import make_drafted
from engagectl.errors import RefusedError
from engagectl.inspect.values import Values
from engagectl.sync.inputs.files import list_files
from engagectl.sync.inputs.first import first_lines
from tests.cli.inside import run
from tests.scenarios.conftest import house
from tests.scenarios.house import ROOT, House, identify, track

__all__ = ["house"]
SAMPLES = {
    "quickstart": "quickstart/data/engage/events.jsonl",
    "full": "full/data/engage/2026-01-05.jsonl.gz",
}


def drafted(house: House, sample: Path | str) -> None:
    """Write the project that `init --from` would write, on the warehouse of the house."""
    draft = api.draft_yaml([sample], root=house.root)
    (house.root / "engage").mkdir(exist_ok=True)
    (house.root / "engagectl.yaml").write_text(ROOT + house.warehouse + draft.inputs_text)
    (house.root / "engage" / "space.yaml").write_text(draft.resources_text)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_message_of_the_examples_loads(house: House, name: str) -> None:
    sample = Path(str(resources.files("engagectl"))) / "templates" / SAMPLES[name]
    drafted(house, sample)
    assert not [one for one in api.validate(house.root) if one.severity == "error"]
    house.apply()
    assert house.plan().steps == ()
    report = house.sync()
    (file,) = list_files([str(sample)], root=house.root)
    sent = set()
    for line in first_lines(file):
        try:
            sent.add(json.loads(line)["messageId"])
        except ValueError:
            continue  # the sample holds a broken line on purpose
    tables = {table for counts in report.feeds.values() for table in counts.tables if table.table != "users"}
    loaded = {row[0] for table in tables for row in house.rows(str(table), "id", order="1")}
    kept = {row[0] for row in house.query("SELECT message_id FROM engagectl.quarantine")}
    assert sent <= loaded | kept
    assert len(sent - loaded) <= 3, "what the sample breaks on purpose"


def test_init_writes_what_inspect_shows(tmp_path: Path) -> None:
    data = tmp_path / "made" / "data"
    data.mkdir(parents=True)
    messages = [
        identify(1, {"vip": True}, context={"personas": {"computation_class": "audience", "computation_key": "vip"}}),
        track(2, "Joined Gold", {"audience_key": "gold", "gold": True}),
        track(3, "Left Gold", {"audience_key": "gold", "gold": False}),
        identify(4, {"Score": 1.5, "plan": "pro", "seen": "2024-01-01T00:00:00Z", "shirt": {"size": 2}}),
    ]
    (data / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in messages))
    done = run("init", "--from", str(data / "*.jsonl"), str(tmp_path / "made"))
    assert done.code == 0, done.err
    assert "trait score is a guess" in done.out
    written = (tmp_path / "made" / "engage" / "space.yaml").read_text()
    assert written in run("inspect", str(data / "a.jsonl")).out
    assert "files: [data/*.jsonl]" in (tmp_path / "made" / "engagectl.yaml").read_text()
    assert "audience_exited: [Left Gold]" in written
    assert run("-C", str(tmp_path / "made"), "apply", "--yes", "--then-sync").code == 0
    project = api.open_project(tmp_path / "made")
    with api.connected(project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        (row,) = connection.query(
            "SELECT score, plan, seen::text, shirt FROM engage_default.identifies WHERE id = 'm4'"
        )
        tables = connection.query("SELECT count(*) FROM engage_default.left_gold")
    assert (float(row[0]), row[1], row[2][:10], json.loads(row[3])) == (1.5, "pro", "2024-01-01", {"size": 2})
    assert tables == [(1,)]


def test_spaces_keys_and_shapes_that_need_words_of_their_own(house: House) -> None:
    def of(space: str, key: str, kind: str = "audience") -> dict[str, Any]:
        return {"personas": {"computation_class": kind, "computation_key": key, "space_id": space}}

    house.messages(
        identify(1, {"Big Spender!": True}, context=of("spa_1", "Big Spender!")),
        identify(2, {"Big Spender!": True}, context=of("spa_2", "Big Spender!")),
        identify(3, {"email": "a@b.c", "user_id": 7}, context=of("spa_1", "user_id", "trait")),
        track(4, "Journey Step Entered", {}, context=of("spa_1", "j1__step_abc", "journey_step")),
        name="data/b.jsonl",
    )
    drafted(house, str(house.root / "data" / "*.jsonl"))
    assert not [one for one in api.validate(house.root) if one.severity == "error"]
    house.apply()
    house.sync()
    assert house.rows("engage_spa_1.identifies", "id, big_spender") == [("m1", True)]
    assert house.rows("engage_spa_2.identifies", "id, big_spender") == [("m2", True)]
    assert house.rows("spa_1.j1", "id, event_name") == [("m4", "Journey Step Entered")]


def test_lines_that_are_no_messages_are_refused_with_their_keys(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"customer": 1, "attributes": {"a": 2}}\n')
    with pytest.raises(RefusedError, match="their keys are customer, attributes"):
        api.draft_yaml([tmp_path / "a.jsonl"])
    assert "customer" in run("inspect", str(tmp_path / "a.jsonl")).out


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ("true false", "boolean"),
        ("1 20 -3", "integer"),
        ("1 2.5", "decimal(18,2)"),
        ("0.12345 1", "decimal(38,9)"),
        ("1e-30", "float"),
        ("1" * 25, "decimal(38,0)"),
        ("1" * 45, "string"),
        ('"a" 1', "string"),
        ('"2024-01-01T00:00:00Z"', "timestamp"),
        ('"2024-01-01T00:00:00Z" "x"', "string"),
        ('{"a":1} [1]', "json"),
        ('{"a":1} "x"', "string"),
    ],
)
def test_a_type_holds_all_that_was_seen(values: str, wanted: str) -> None:
    from decimal import Decimal

    seen = Values()
    for text in values.split():
        seen.add(json.loads(text, parse_float=Decimal), "key")
    assert seen.column_type == wanted


def test_a_drafted_project_is_written_once(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(track(1, "Joined", {"audience_key": "vip", "vip": True})) + "\n")
    draft = api.draft_yaml([tmp_path / "a.jsonl"])
    made, _ = make_drafted(tmp_path / "p", draft, warehouse="postgres")
    assert [str(name) for name in made] == ["engagectl.yaml", "engage/space.yaml"]
    assert make_drafted(tmp_path / "p", draft)[0] == ()
