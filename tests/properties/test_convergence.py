"""The laws of plan and apply, for random desired states A then B, on both engines; diff(x, x) is empty."""

import json
import os
import random
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal as Number
from decimal import InvalidOperation
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engagectl import api, apply, planner
from engagectl.config.project import Project
from engagectl.diff import diff
from engagectl.errors import EngagectlError
from engagectl.journal.applied import read_feeds
from engagectl.journal.ownership import read_owned
from engagectl.model.change import DropColumn, DropTable, RebuildColumn, RenameColumn, RenameTable
from engagectl.model.column_type import Boolean, ColumnType, Date, Decimal, Float, Integer, Text, Timestamp
from engagectl.model.plan import Plan
from engagectl.model.schema import Column, State, Table, TableName
from engagectl.show.as_json import plan_json
from engagectl.warehouses.registry import warehouse
from tests.apply.wire import Cut, Wire
from tests.properties.states import Tree, states

IS_BIG = os.environ.get("HYPOTHESIS_PROFILE") == "big"
CASES = int(os.environ.get("ENGAGECTL_PROPERTY_CASES", "0"))
ROOT_KEYS = ("version", "project", "include", "default_target", "targets", "lifecycle", "warehouses")
VALUES: dict[str, Any] = {
    "boolean": True,
    "integer": 7,
    "float": 2.5,
    "decimal(18,2)": 12.25,
    "string": "12",
    "timestamp": "2024-07-01T02:30:00.5+02:00",
    "date": "2024-07-01",
    "json_text": {"k": [1]},
    "json": {"k": [1]},
}
Cell = tuple[str, str, str, str]
"""Schema, table, id of the row, column."""


def cases(few: int, many: int) -> settings:
    return settings(
        max_examples=CASES or (many if IS_BIG else few),
        deadline=None,
        derandomize=not (IS_BIG or CASES),
        database=None,
        suppress_health_check=list(HealthCheck),
    )


pairs = states().flatmap(lambda first: st.tuples(st.just(first), states(first)))
breaks = st.none() | st.tuples(st.integers(1, 90), st.booleans())


@dataclass
class Stage:
    """A folder with a database behind it, in which projects follow each other."""

    root: Path
    place: Tree

    def write(self, tree: Tree) -> None:
        for name, text in files(tree, self.place).items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)

    @property
    def project(self) -> Project:
        return api.open_project(self.root)

    def apply(self, *, wire: tuple[int, bool] | None = None) -> bool:
        """Apply; with a wire that breaks at a write, return whether it did."""
        with api.connected(self.project, command="test", read_only=False) as connections:
            breaks_at, is_lost = wire or (None, False)
            broken = Wire(connections["main"], breaks_at=breaks_at, is_lost=is_lost)
            try:
                apply.apply_plan(
                    self.project,
                    connections={"main": broken},  # type: ignore[dict-item]  # it passes on what it does not know
                    now=datetime.now(UTC),
                    confirm=lambda _: True,
                    reporter=lambda _: None,
                )
            except (EngagectlError, Cut):
                if not broken.is_broken:
                    raise
                return True
        return False

    def journal(self) -> object:
        with api.connected(self.project, command="test", read_only=True) as connections:
            (connection,) = connections.values()
            return read_feeds(connection, "engagectl"), read_owned(connection, "engagectl")

    def cells(self) -> dict[Cell, str]:
        """Return every cell that holds something, in one text for equal values of any two types."""
        found: dict[Cell, str] = {}
        with api.connected(self.project, command="test", read_only=True) as connections:
            (connection,) = connections.values()
            names = connection.query(
                "SELECT table_schema, table_name, column_name FROM information_schema.columns"
                " WHERE table_schema IN ('shop', 'blog') OR table_schema LIKE 'engage~_%' ESCAPE '~' ORDER BY 1, 2, 3"
            )
            for schema, table, column in names:
                rows = connection.query(
                    f'SELECT id, CAST("{column}" AS VARCHAR) FROM "{schema}"."{table}" WHERE "{column}" IS NOT NULL'
                )
                found.update({(schema, table, str(id_), column): plain(text) for id_, text in rows})
        return found


def files(tree: Tree, place: Tree) -> dict[str, str]:
    """Return the texts of a project: its root file, and one with all of its resources."""
    root = {**tree, "warehouses": {"main": {**place, "selective_sync": tree.get("selective_sync", {})}}}
    resources = {key: value for key, value in tree.items() if key not in (*ROOT_KEYS, "selective_sync")}
    return {
        "engagectl.yaml": json.dumps({key: root[key] for key in ROOT_KEYS}),
        "engage/all.yaml": json.dumps(resources),
    }


def messages(tree: Tree) -> Iterator[Tree]:
    """Yield calls that fill every column of a project."""
    number = 0
    for space in tree["spaces"]:
        traits = {id_: VALUES[said["type"]] for id_, said in tree["traits"].items() if said["space"] == space}
        mappings = [
            one for group in ("activations", "tables") for said in tree.get(group, {}).values() for one in mapped(said)
        ]
        properties = {one["to"]: VALUES[one["type"]] for one in mappings}
        vip = f"vip_{space}"
        entered = [{"audience_key": key, key: True, **properties} for key in (vip, f"gold_{space}")]
        for person in (1, 2):
            for body in (
                {"type": "identify", "traits": traits | {vip: True}},
                *({"type": "track", "event": "Audience Entered", "properties": one} for one in entered),
                *({"type": "track", "event": "Trait Computed", "properties": {key: traits[key]}} for key in traits),
            ):
                number += 1
                at = f"2024-01-01T00:{number:02d}:00Z"
                yield {
                    "messageId": f"m{number}",
                    "userId": f"u{person}",
                    "receivedAt": at,
                    "timestamp": at,
                    "context": {"personas": {"space_id": f"spa_{space}"}},
                    **body,
                }


def mapped(said: Tree) -> Sequence[Tree]:
    found: Sequence[Tree] = said.get("mappings", ())
    return found


def plain(text: str) -> str:
    """Return one text for equal values, whatever the type that holds them: 7 and 7.00, true and 1, one time."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, bool):
        return str(int(value))
    try:
        return str(Number(str(value)).normalize())
    except InvalidOperation:
        pass
    if re.match(r"\d{4}-\d\d-\d\d", str(value)):
        time = datetime.fromisoformat(str(value))
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return str(value)


def moved(plan: Plan, before: Mapping[Cell, str]) -> tuple[dict[Cell, str], set[Cell]]:
    """Return where each cell is after the plan, without what it drops; and which of them it casts."""
    changes = [step.change for step in plan.steps]
    tables = {one.before: one.table for one in changes if isinstance(one, RenameTable)}
    columns = {(one.table, one.before): one.column for one in changes if isinstance(one, RenameColumn)}
    gone = {(one.table, one.column) for one in changes if isinstance(one, DropColumn)}
    gone_tables = {one.table for one in changes if isinstance(one, DropTable)}
    cast = {(one.table, one.column.name) for one in changes if isinstance(one, RebuildColumn)}
    expected: dict[Cell, str] = {}
    casts: set[Cell] = set()
    for (schema, name, id_, column), value in before.items():
        table = tables.get(TableName(schema, name), TableName(schema, name))
        now = columns.get((table, column), column)
        if table in gone_tables or (table, now) in gone:
            continue
        cell = (table.schema, table.table, id_, now)
        expected[cell] = value
        if (table, now) in cast:
            casts.add(cell)
    return expected, casts


def check(stage: Stage, first: Tree, second: Tree, wire: tuple[int, bool] | None) -> None:
    """A, its rows, then B, cut by the wire: in the end all is as B says, and nothing that was there is lost."""
    stage.write(first)
    assert not api.make_plan(stage.project).refused
    stage.apply()
    settled(stage)
    (stage.root / "data").mkdir(exist_ok=True)
    lines = "".join(json.dumps(message) + "\n" for message in messages(first))
    (stage.root / "data/a.jsonl").write_text(lines)
    api.sync(stage.project)
    before = stage.cells()
    assert before or "selective_sync" in first

    stage.write(second)
    plan = api.make_plan(stage.project)
    assume(not plan.refused)
    dropped = {str(step.address) for step in plan.steps if "DATA_LOSS" in step.hazards}
    assert dropped <= {one["address"] for one in second.get("removed", ())}
    if wire is not None and stage.apply(wire=wire):
        assert stage.cells() == before
        assert api.make_plan(stage.project).fingerprint == plan.fingerprint
    stage.apply()
    settled(stage)
    once = stage.journal()
    stage.apply()
    assert stage.journal() == once

    after = stage.cells()
    expected, casts = moved(plan, before)
    assert set(expected) <= set(after)
    assert {cell: after[cell] for cell in expected if cell not in casts} == {
        cell: value for cell, value in expected.items() if cell not in casts
    }


def settled(stage: Stage) -> None:
    assert api.make_plan(stage.project).steps == ()
    assert api.drift(stage.project).steps == ()


@cases(3, 400)
@given(pair=pairs, wire=breaks)
def test_from_any_state_to_any_other_on_duckdb(pair: tuple[Tree, Tree], wire: tuple[int, bool] | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(Stage(Path(folder), {"type": "duckdb", "path": "./db.duckdb"}), *pair, wire)


@cases(3, 200)
@given(pair=pairs, wire=breaks)
def test_from_any_state_to_any_other_on_postgres(
    postgres_database: str, pair: tuple[Tree, Tree], wire: tuple[int, bool] | None
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        environment.setenv("CONVERGENCE_DSN", postgres_database)
        with psycopg.connect(postgres_database, autocommit=True) as admin:
            schemas = admin.execute(
                "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
            ).fetchall()
            for (name,) in schemas:
                admin.execute(f'DROP SCHEMA "{name}" CASCADE')  # type: ignore[arg-type]  # a name of ours
        check(Stage(Path(folder), {"type": "postgres", "dsn": {"$env": "CONVERGENCE_DSN"}}), *pair, wire)


@cases(10, 400)
@given(pair=pairs, chance=st.randoms(use_true_random=False))
def test_shuffled_yaml_gives_an_equal_plan(pair: tuple[Tree, Tree], chance: random.Random) -> None:
    """Files, documents, and the keys at every level of them in any order: the same bytes but for times and places."""
    place = {"type": "duckdb", "path": "./db.duckdb"}
    with tempfile.TemporaryDirectory() as folder:
        plans = []
        for number, write in enumerate((files, lambda tree, place: shuffled(tree, place, chance))):
            first, second = (
                _project(Path(folder) / f"{number}{which}", write(tree, place))
                for which, tree in zip("ab", pair, strict=True)
            )
            for base in (None, first):
                plan = planner.make_plan(
                    second,
                    connections=None,
                    now=datetime(2026, 1, 1, tzinfo=UTC),
                    mode="base" if base is not None else "offline",
                    base=base,
                )
                plans.append(json.dumps(_without_places(plan_json(plan))))
        assert plans[:2] == plans[2:]


def _project(root: Path, texts: Mapping[str, str]) -> Project:
    (root / "engage").mkdir(parents=True)
    for name, text in texts.items():
        (root / name).write_text(text)
    return api.open_project(root)


def _without_places(value: Any) -> Any:
    """Leave out where things are written; the digest of the YAML is one of its bytes."""
    if isinstance(value, dict):
        return {key: _without_places(one) for key, one in value.items() if key not in ("source", "config_digest")}
    return [_without_places(one) for one in value] if isinstance(value, list) else value


def shuffled(tree: Tree, place: Tree, chance: random.Random) -> dict[str, str]:
    """Return the same project with its keys in another order, its resources in documents of one entry, in two files."""
    together = files(tree, place)
    root, resources = (json.loads(text) for text in together.values())
    documents = [
        {key: {id_: entry}} for key, said in resources.items() if isinstance(said, dict) for id_, entry in said.items()
    ] + [{key: said} for key, said in resources.items() if not isinstance(said, dict)]
    documents = [turned(one, chance) for one in chance.sample(documents, len(documents))]
    cut = chance.randint(1, len(documents) - 1)
    return {
        "engagectl.yaml": json.dumps(turned(root, chance)),
        "engage/z.yaml": "\n---\n".join(json.dumps(one) for one in documents[:cut]),
        "engage/a.yaml": "\n---\n".join(json.dumps(one) for one in documents[cut:]),
    }


def turned(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        return {key: turned(value[key], chance) for key in chance.sample(list(value), len(value))}
    return [turned(one, chance) for one in value] if isinstance(value, list) else value


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
