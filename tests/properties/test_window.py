"""The law of `dedupe_window`: a message is a duplicate when one of its id, read before it, was stored within the days
before it, or later. How the input is cut into chunks is no matter.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties.field import CASES, DUCKDB, POSTGRES, Field, field_of, law
from tests.scenarios.house import SPACE, House, identify

pytestmark = pytest.mark.property
DAYS = 3
YAML = SPACE + f"    dedupe_window: {DAYS}d\n"
Sent = list[tuple[int, int]]
"""(id, day of received_at), in the order of the file."""
sent = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 16)), min_size=1, max_size=10)


def stored(messages: Sent) -> Sent:
    """Return the messages that are rows in the end, one by one and slowly."""
    rows: Sent = []
    for number, day in messages:
        if not any(of == number and then >= day - DAYS for of, then in rows):
            rows.append((number, day))
    return sorted(rows)


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


def _is_kept(field: Field, messages: Sent, messages_a_chunk: int) -> None:
    field.empty()
    lines = [
        json.dumps(identify(number, {"first_time_shopper": True}, receivedAt=f"2024-01-{day:02d}T00:00:00Z")).encode()
        for number, day in messages
    ]
    field.write("a.jsonl", lines)
    report = field.sync(chunk_bytes=messages_a_chunk * len(lines[0] + b"\n"))
    assert all(counts.balanced for counts in report.feeds.values())
    rows = field.connection.query("SELECT id, EXTRACT(day FROM received_at) FROM engage_default.identifies")
    assert sorted((int(id_[1:]), int(day)) for id_, day in rows) == stored(messages)


a_chunk = st.sampled_from((1, 2, 3, 5, 100))
few = settings(law, max_examples=max(1, CASES // 2))


@few
@given(messages=sent, messages_a_chunk=a_chunk)
def test_an_id_counts_as_long_as_its_window_on_duckdb(on_duckdb: Field, messages: Sent, messages_a_chunk: int) -> None:
    _is_kept(on_duckdb, messages, messages_a_chunk)


@pytest.mark.postgres
@few
@given(messages=sent, messages_a_chunk=a_chunk)
def test_an_id_counts_as_long_as_its_window_on_postgres(
    on_postgres: Field, messages: Sent, messages_a_chunk: int
) -> None:
    _is_kept(on_postgres, messages, messages_a_chunk)
