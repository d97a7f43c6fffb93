"""The law of `type: json` in users: which of two documents of one instant stands there is no matter of their order."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.properties.field import CASES, DUCKDB, POSTGRES, Field, field_of, law
from tests.properties.messages import Raw, written
from tests.reference.play import play
from tests.scenarios.house import House, identify

pytestmark = pytest.mark.property
YAML = """
inputs:
  events: {files: ["data/*.jsonl"]}
spaces:
  default: {slug: default, sources: {main: {input: events}, mail: {input: events, schema: engage_mail}}}
traits:
  blob: {space: default, kind: sql, type: json}
  other: {space: default, kind: sql, type: json}
connections:
  classic: {space: default, warehouses: [cdp], send: [{traits: ["*"], as: [identify]}]}
  mail:
    {space: default, source: mail, warehouses: [cdp], null_erases: true, send: [{traits: ["*"], as: [identify]}]}
"""
OBJECTS = (
    {"b": 1, "a": 2},
    {"a": 9, "c": 0},
    {"c": 0, "a": 10},
    {"aa": 1},
    {"z": {"z": 1, "y": 2}, "a": 9},
    [{"z": 1, "y": 2}],
    [{"y": 3, "a": 1}],
)
OTHERS = (
    [Raw("1e-7")],
    [Raw("0.0000002")],
    [Raw("1e22")],
    [Raw("-0")],
    [Raw("12345678901234567.890")],
    ["\u0001", "\u001f\u007f", "日本\U0001f600", '"/\\'],
    "text",
    True,
    None,
)
values = st.one_of(st.sampled_from(OBJECTS), st.sampled_from(OBJECTS), st.sampled_from(OTHERS))
Sent = list[tuple[str, int, dict[str, object]]]
sent = st.lists(
    st.tuples(
        st.sampled_from(("u1", "u1", "u1", "u2")),
        st.sampled_from((1, 1, 1, 2)),
        st.dictionaries(st.sampled_from(("blob", "other")), values, min_size=1),
    ),
    min_size=3,
    max_size=6,
)


RIVALS: Sent = [("u1", 1, {"blob": OBJECTS[0]}), ("u1", 1, {"blob": OBJECTS[1], "other": OBJECTS[2]})]
few = settings(law, max_examples=max(1, CASES // 3))


@pytest.fixture(scope="module")
def on_duckdb() -> Iterator[Field]:
    with tempfile.TemporaryDirectory() as folder, field_of(House(Path(folder), DUCKDB), YAML) as found:
        yield found


@pytest.fixture(scope="module")
def on_postgres(postgres_database: str) -> Iterator[Field]:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENGAGECTL_PROPERTY_DSN", postgres_database)
        with field_of(House(Path(folder), POSTGRES), YAML) as found:
            yield found


def _is_the_reference(field: Field, messages: Sent, chunk_bytes: int) -> None:
    field.empty()
    lines = []
    for number, (user, minute, traits) in enumerate(messages):
        message = identify(minute, {}, user=user, messageId=f"m{number}")
        lines.append(json.dumps(message).replace('"traits": {}', f'"traits": {written(traits)}').encode())
    field.write("a.jsonl", lines)
    field.sync(chunk_bytes=chunk_bytes, fold_rows=0)
    expected = play(field.feeds, lines)
    assert field.differences(expected) == []


@few
@example(messages=RIVALS, chunk_bytes=1)
@example(messages=RIVALS[::-1], chunk_bytes=1 << 20)
@given(messages=sent, chunk_bytes=st.sampled_from((1, 1 << 20)))
def test_of_two_documents_of_one_instant_the_same_wins_on_duckdb(
    on_duckdb: Field, messages: Sent, chunk_bytes: int
) -> None:
    _is_the_reference(on_duckdb, messages, chunk_bytes)


@pytest.mark.postgres
@few
@example(messages=RIVALS, chunk_bytes=1)
@example(messages=RIVALS[::-1], chunk_bytes=1 << 20)
@given(messages=sent, chunk_bytes=st.sampled_from((1, 1 << 20)))
def test_of_two_documents_of_one_instant_the_same_wins_on_postgres(
    on_postgres: Field, messages: Sent, chunk_bytes: int
) -> None:
    _is_the_reference(on_postgres, messages, chunk_bytes)
