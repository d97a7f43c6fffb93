"""The law of `on_undeclared: add_column`: whatever chunk brings a key, the tables are those of a sync that knew all
the columns from the start. Types follow from the chunk that was first; what does not fit them later is quarantined.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagectl import api
from engagectl.journal.applied import read_feeds
from tests.conftest import with_database
from tests.properties.field import CASES, DUCKDB, POSTGRES, law
from tests.properties.messages import Raw, written
from tests.reference.play import play
from tests.reference.tables import differences, kept
from tests.scenarios.house import SPACE, House, identify, track

pytestmark = pytest.mark.property
YAML = SPACE + "    on_undeclared: add_column\n    context_columns: all\n"
KEYS = ("a", "A b", "aB", "a_b", "日本", "a.b", "A", "select", "k" * 70, 'q"x', "b")
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(("", "x", "12", "Größe")),
    st.sampled_from(("1", "2.5", "1e30", "0.1234567891")).map(Raw),
)
values = st.one_of(
    scalars,
    scalars,
    st.lists(scalars, max_size=2),
    st.dictionaries(st.sampled_from(("b", "c")), scalars, max_size=2),
)
bodies = st.dictionaries(st.sampled_from(KEYS), values, max_size=4)
CONTEXT = {"page": {"url": "https://e.x", "n": 1}, "personas": {"computation_key": "first_time_shopper"}}
Sent = list[tuple[str, int, dict[str, Any], bool]]
"""(call, user, undeclared keys, whether a context comes with it)"""
sent = st.lists(
    st.tuples(st.sampled_from(("identify", "identify", "track")), st.integers(1, 2), bodies, st.booleans()),
    min_size=2,
    max_size=7,
)
Fresh = Callable[[], House]


@pytest.fixture(scope="module")
def on_duckdb() -> Iterator[Fresh]:
    """Gives the applied project anew for each case: a copy of its file."""
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder), DUCKDB)
        house.write(YAML)
        house.apply()
        shutil.copy(house.root / "acme.duckdb", house.root / "applied")

        def fresh() -> House:
            shutil.copy(house.root / "applied", house.root / "acme.duckdb")
            return house

        yield fresh


@pytest.fixture(scope="module")
def on_postgres(postgres_server: str, postgres_database: str) -> Iterator[Fresh]:
    """Gives the applied project anew for each case: a copy of its database."""
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(postgres_server, autocommit=True) as admin,
    ):
        patch.setenv("ENGAGECTL_PROPERTY_DSN", postgres_database)
        house = House(Path(folder), POSTGRES)
        house.write(YAML)
        house.apply()
        template, made = postgres_database.partition("?")[0].rpartition("/")[2], []

        def fresh() -> House:
            made.append(f"{template}_{secrets.token_hex(3)}")
            admin.execute(f'CREATE DATABASE "{made[-1]}" TEMPLATE "{template}"')
            os.environ["ENGAGECTL_PROPERTY_DSN"] = with_database(postgres_server, made[-1])
            return house

        yield fresh
        for name in made:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _lines(messages: Sent) -> list[bytes]:
    found = []
    for number, (call, user, body, has_context) in enumerate(messages):
        traits = {"first_time_shopper": True, **body}
        if call == "track":
            message = track(number, "Audience Entered", {}, user=f"u{user}")
            traits["audience_key"] = "first_time_shopper"
        else:
            message = identify(number, {}, user=f"u{user}")
        message["traits" if call == "identify" else "properties"] = traits
        found.append(written(message | ({"context": CONTEXT} if has_context else {})).encode())
    return found


def _hold(house: House, lines: list[bytes]) -> None:
    """Check the tables and the quarantine against the reference, which knows the applied state as it is now."""
    with api.connected(house.project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        feeds = tuple(one.feed for one in read_feeds(connection, "engagectl"))
        expected = play(feeds, lines)
        assert differences(connection, feeds, expected) == []
        assert kept(connection) == expected.kept


def _is_as_if_known(fresh: Fresh, messages: Sent, first: int, chunk_bytes: int) -> None:
    house, lines = fresh(), _lines(messages)
    path = house.root / "data/a.jsonl"
    path.parent.mkdir(exist_ok=True)
    for upto in (first, len(lines)):
        path.write_bytes(b"".join(line + b"\n" for line in lines[:upto]))
        report = house.sync(chunk_bytes=chunk_bytes)
        assert not report.left_out
    _hold(house, lines)
    assert house.drift().steps == ()
    again = house.sync(reread=True)
    assert {counts.inserted for address, counts in again.feeds.items() if address.kind == "connection"} == {0}
    _hold(house, lines)


few = settings(law, max_examples=max(1, CASES // 3))
chunk_sizes = st.sampled_from((300, 1000, 64 << 20))
firsts = st.integers(0, 4)


@few
@given(messages=sent, first=firsts, chunk_bytes=chunk_sizes)
def test_added_columns_are_as_if_known_on_duckdb(
    on_duckdb: Fresh, messages: Sent, first: int, chunk_bytes: int
) -> None:
    _is_as_if_known(on_duckdb, messages, first, chunk_bytes)


@pytest.mark.postgres
@few
@given(messages=sent, first=firsts, chunk_bytes=chunk_sizes)
def test_added_columns_are_as_if_known_on_postgres(
    on_postgres: Fresh, messages: Sent, first: int, chunk_bytes: int
) -> None:
    _is_as_if_known(on_postgres, messages, first, chunk_bytes)
