"""`compare`: two loaders of one history, equal or not, to the row and the column."""

import pytest

from engagectl.inspect.compare import compare
from engagectl.warehouses.contract import Connection, Warehouse
from tests.cli.inside import run
from tests.inspect.conftest import Loading
from tests.inspect.segment import Segment
from tests.scenarios.house import House

COLUMNS = {"id": "text", "received_at": "time", "uuid_ts": "time", "vip": "boolean", "revenue": "number"}


def _two(segment: Segment) -> None:
    segment.table("engage_a.identifies", COLUMNS)
    segment.table("engage_b.identifies", {**COLUMNS, "received_at": "naive"})
    for schema in ("engage_a", "engage_b"):
        for number in range(4):
            segment.row(
                f"{schema}.identifies",
                id=f"m{number}",
                received_at=f"2024-01-02 00:00:0{number}" + ("+00" if schema == "engage_a" else ""),
                vip="true",
                revenue=str(number),
            )


def test_one_history_in_other_types_is_equal(segment: Segment, engine: Warehouse, session: Connection) -> None:
    _two(segment)
    found = compare(session, engine, "engage_a", "engage_b")
    assert not found.differs
    assert found.tables[0].rows == (4, 4)


def test_missing_extra_and_unequal_rows_are_counted(segment: Segment, engine: Warehouse, session: Connection) -> None:
    _two(segment)
    session.execute("DELETE FROM engage_b.identifies WHERE id = 'm0'")
    session.execute("UPDATE engage_b.identifies SET vip = NULL WHERE id = 'm1'")
    session.execute("UPDATE engage_b.identifies SET vip = NULL, revenue = 9 WHERE id = 'm2'")
    segment.row("engage_b.identifies", id="m9", vip="true")
    segment.table("engage_a.tracks", {"id": "text"})
    found = compare(session, engine, "engage_a", "engage_b")
    (one,) = found.tables
    assert (one.missing, one.extra, one.unequal) == (1, 1, 2)
    assert dict(one.columns) == {"vip": 2, "revenue": 1}
    assert found.missing == ("tracks",)
    assert found.differs


def test_rows_of_one_key_and_without_a_key_are_paired(segment: Segment, engine: Warehouse, session: Connection) -> None:
    for schema, order in (("engage_a", "xyy"), ("engage_b", "yxy")):
        segment.table(f"{schema}.t", {"id": "text", "v": "text"})
        for value in order:
            segment.row(f"{schema}.t", id="same", v=value)
        segment.row(f"{schema}.t", id=None, v="none")
    assert not compare(session, engine, "engage_a", "engage_b").differs
    session.execute("DELETE FROM engage_b.t WHERE id IS NULL")
    assert compare(session, engine, "engage_a", "engage_b").tables[0].missing == 1


def test_a_table_without_the_key_is_named_and_counts_as_different(
    segment: Segment, engine: Warehouse, session: Connection
) -> None:
    segment.table("engage_a.t", {"v": "text"})
    segment.table("engage_b.t", {"v": "text"})
    found = compare(session, engine, "engage_a", "engage_b")
    assert found.tables[0].unkeyed
    assert found.differs


@pytest.mark.parametrize("changed", [False, True])
def test_the_exit_code_tells(house: House, loading: Loading, changed: bool) -> None:
    with loading() as segment:
        _two(segment)
        if changed:
            segment.session.execute("UPDATE engage_b.identifies SET revenue = 9 WHERE id = 'm2'")
    words = ("-C", str(house.root), "compare", "engage_a", "engage_b", "--key", "id")
    assert run(*words).code == 0
    done = run(*words, "--detailed-exitcode")
    assert done.code == (2 if changed else 0)
    assert ("revenue in 1 rows" in done.out) is changed
    assert run("-C", str(house.root), "compare", "engage_a", "nowhere").code == 64
