"""For random desired states A then B: apply(plan) then plan is empty, on both engines; diff(x, x) is empty."""

import json
import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engagectl import api
from engagectl.diff import diff
from engagectl.model.column_type import Boolean, ColumnType, Date, Decimal, Float, Integer, Text, Timestamp
from engagectl.model.schema import Column, State, Table, TableName
from engagectl.warehouses.registry import warehouse

ROOT = """version: 1
project: acme
include: ["engage/*.yaml"]
default_target: dev
targets: {{dev: {{warehouses: {{cdp: main}}}}}}
warehouses: {{main: {warehouse}}}
lifecycle: {{type_changes: rebuild}}
"""
TYPES = ("boolean", "integer", "float", "decimal(18,2)", "string", "timestamp", "date", "json_text", "json")


@st.composite
def spaces(draw: st.DrawFn) -> str:
    traits = draw(st.dictionaries(st.sampled_from(("a1", "b2", "c3")), st.sampled_from(TYPES), min_size=1))
    mappings = draw(st.dictionaries(st.sampled_from(("x1", "y2")), st.sampled_from(TYPES)))
    calls = draw(st.sampled_from(("[identify]", "[track]", "[identify, track]")))
    mobile = draw(st.sampled_from(("true", "false")))
    lines = [
        'inputs: {events: {files: ["data/*.jsonl"]}}',
        "spaces: {default: {slug: default, sources: {main: {input: events}}}}",
        "audiences: {vip: {space: default, kind: profile}}",
        "traits:",
        *(f'  {name}: {{space: default, kind: sql, type: "{type_}"}}' for name, type_ in traits.items()),
        "connections:",
        "  classic:",
        "    space: default",
        "    warehouses: [cdp]",
        f'    send: [{{traits: ["*"], audiences: [vip], as: {calls}, mobile_ids: {mobile}}}]',
        "activations:",
        "  log:",
        "    audience: vip",
        "    warehouses: [cdp]",
        "    table: log",
    ]
    if mappings:
        lines += ["    mappings:"]
        lines += [f'      - {{from: properties.{to}, to: {to}, type: "{type_}"}}' for to, type_ in mappings.items()]
    return "\n".join(lines) + "\n"


def _converges(root: Path, warehouse_yaml: str, yaml: str) -> bool:
    (root / "engage").mkdir(exist_ok=True)
    (root / "engagectl.yaml").write_text(ROOT.format(warehouse=warehouse_yaml))
    (root / "engage/space.yaml").write_text(yaml)
    project = api.open_project(root)
    if api.make_plan(project).refused:
        return False
    api.apply_plan(project, confirm=lambda _: True, reporter=lambda _: None)
    assert api.make_plan(project).steps == ()
    assert api.drift(project).steps == ()
    return True


CASES = 300 if os.environ.get("HYPOTHESIS_PROFILE") == "big" else 8
MESSAGES = "".join(
    json.dumps(
        {
            "messageId": f"m{number}",
            "type": "identify",
            "userId": f"u{number % 3}",
            "receivedAt": f"2024-01-0{number}T00:00:00Z",
            "timestamp": f"2024-01-0{number}T00:00:00Z",
            "traits": {"a1": value, "b2": value, "c3": value, "vip": number % 2 == 0},
        }
    )
    + "\n"
    for number, value in enumerate((1, True, "x", 2.5, "2024-01-01T00:00:00Z", {"k": [1]}), start=1)
)


def _cells(root: Path) -> dict[tuple[str, str, str], str]:
    """Return every cell of identifies and users in text form, by table, row and column."""
    found = {}
    with api.connected(api.open_project(root), command="test", read_only=True) as connections:
        connection = connections["main"]
        for table in ("identifies", "users"):
            names = connection.query(
                "SELECT column_name FROM information_schema.columns"
                " WHERE table_schema = 'engage_default' AND table_name = ?",
                (table,),
            )
            for (name,) in names:
                rows = connection.query(
                    f'SELECT id, CAST("{name}" AS VARCHAR) FROM engage_default.{table} WHERE "{name}" IS NOT NULL'
                )
                found.update({(table, str(row), name): str(value) for row, value in rows})
    return found


@settings(max_examples=CASES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(first=spaces(), second=spaces())
def test_apply_then_plan_is_empty_on_duckdb(first: str, second: str) -> None:
    """From any A to any B: what can be applied converges, applying again does nothing, and no row is lost."""
    with tempfile.TemporaryDirectory() as folder:
        root, place = Path(folder), "{type: duckdb, path: ./db.duckdb}"
        assert _converges(root, place, first)
        (root / "data").mkdir()
        (root / "data/a.jsonl").write_text(MESSAGES)
        api.sync(api.open_project(root))
        before = _cells(root)
        if not _converges(root, place, second):
            return
        again = api.apply_plan(api.open_project(root), confirm=lambda _: True)
        assert again.steps == ()
        after = _cells(root)
        assert {key[:2] for key in before} <= {key[:2] for key in after}
        assert set(before) <= set(after)
        plain = {key for key in before if key[2] in ("id", "user_id", "received_at", "timestamp", "vip")}
        assert {key: after[key] for key in plain} == {key: before[key] for key in plain}


@settings(max_examples=CASES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(yaml=spaces(), chance=st.randoms(use_true_random=False))
def test_shuffled_yaml_gives_an_equal_plan(yaml: str, chance: random.Random) -> None:
    """Keys, and the documents that hold them, in any order: the same bytes but for the places they are written at."""
    blocks = _blocks(yaml)
    shuffled = chance.sample(blocks, len(blocks))
    with tempfile.TemporaryDirectory() as folder:
        plans = []
        for number, text in enumerate(("".join(blocks), "---\n".join(shuffled))):
            root = Path(folder) / str(number)
            (root / "engage").mkdir(parents=True)
            (root / "engagectl.yaml").write_text(ROOT.format(warehouse="{type: duckdb, path: ./db.duckdb}"))
            (root / "engage/space.yaml").write_text(text)
            plan = api.make_plan(api.open_project(root), offline=True)
            plans.append((plan.fingerprint, [(step.id, step.statements) for step in plan.steps]))
        assert plans[0] == plans[1]


def _blocks(yaml: str) -> list[str]:
    """Return the top-level keys of the YAML, each with what it holds."""
    found: list[str] = []
    for line in yaml.splitlines(keepends=True):
        if line[0] != " ":
            found.append(line)
        else:
            found[-1] += line
    return found


COLUMN_TYPES: tuple[ColumnType, ...] = (Boolean(), Integer(), Float(), Decimal(9, 2), Text(), Timestamp(), Date())
columns = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(COLUMN_TYPES), min_size=1)


@given(content=st.dictionaries(st.sampled_from(("t1", "t2")), columns), name=st.sampled_from(("duckdb", "postgres")))
def test_a_state_does_not_differ_from_itself(content: dict[str, dict[str, ColumnType]], name: str) -> None:
    tables = tuple(
        Table(name=TableName("s", table), columns=tuple(Column(name=c, type=t) for c, t in inside.items()))
        for table, inside in content.items()
    )
    state = State(schemas=("s",), tables=tables)
    assert diff(state, state, relate=warehouse(name).relate, retype="rebuild").changes == ()


def test_apply_then_plan_is_empty_on_postgres(
    tmp_path: Path, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVERGENCE_DSN", postgres_dsn)
    place = "{type: postgres, dsn: {$env: CONVERGENCE_DSN}}"
    traits = "".join(f'  t{n}: {{space: default, kind: sql, type: "{type_}"}}\n' for n, type_ in enumerate(TYPES))
    yaml = (
        'inputs: {events: {files: ["data/*.jsonl"]}}\n'
        "spaces: {default: {slug: default, sources: {main: {input: events}}}}\n"
        f"traits:\n{traits}"
        'connections: {classic: {space: default, warehouses: [cdp], send: [{traits: ["*"], as: [identify, track]}]}}\n'
    )
    assert _converges(tmp_path, place, yaml)
    assert _converges(tmp_path, place, yaml.replace("decimal(18,2)", "decimal(20,4)").replace("  t1:", "  t1b:"))
