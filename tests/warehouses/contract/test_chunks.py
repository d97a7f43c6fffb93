"""A file of several chunks: each goes on where the one before has ended, and nothing is there twice."""

from tests.scenarios.house import House, identify
from tests.warehouses.contract.test_cut_commits import SYNCED

NEEDS = "bigquery databricks"


def test_a_file_of_several_chunks_is_loaded_once(house: House) -> None:
    house.write(SYNCED)
    house.messages(*(identify(n, {"visits": n}, user=f"u{n % 5}") for n in range(40)))
    house.apply()
    report = house.sync(chunk_bytes=(house.root / "data/a.jsonl").stat().st_size // 3 + 1)
    assert report.exit_code == 0, report.as_text()
    assert report.chunks > 2
    assert house.query("SELECT count(*), count(DISTINCT id) FROM engage_default.identifies") == [(40, 40)]
    assert house.query("SELECT count(*), max(visits), min(visits) FROM engage_default.users") == [(5, 39, 35)]
    again = house.sync(reread=True)
    assert [counts.inserted for address, counts in again.feeds.items() if address.kind == "connection"] == [0]
