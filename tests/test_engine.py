"""DuckDB reads our bytes without the package in front of it, and with it."""

import subprocess
import sys

ASKED = """
import sys
from engagectl.engine import duckdb, read_arrow
from engagectl.sync.inputs.arrow import as_relation
from engagectl.sync.inputs.lines import chunk_of
read_arrow()
handle = duckdb.connect(":memory:")
handle.register("lines", as_relation(chunk_of([b"a", b"bc"])))
sql = "SELECT rtrim(line, chr(10)) FROM lines WHERE line_no IN (1, 2) AND line >= 'b' AND (line IS NULL OR line <> 'a')"
print(handle.execute(sql).fetchall(), "duckdb" in sys.modules)
import duckdb
print(handle.execute(sql).fetchall(), duckdb.sql("SELECT 1").fetchall())
"""


def test_arrow_streams_are_read_without_the_package_and_with_it() -> None:
    said = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["[('bc',)] False", "[('bc',)] [(1,)]"]
