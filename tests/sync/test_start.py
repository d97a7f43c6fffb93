"""What a sync imports when nothing waits for an apply: no plan, no templates, nothing of other warehouses."""

import subprocess
import sys
from pathlib import Path

from tests.scenarios.house import House, identify

ASKED = """
import sys
from engagectl.cli.entry import main
code = main(["sync"])
ours = ["engagectl." + room for room in ("planner", "render", "diff", "sync.landing.lots")]
left_out = [*ours, "jinja2", "sqlglot", "duckdb", "psycopg", "fsspec"]
print(code, [name for name in left_out if name in sys.modules], file=sys.stderr)
"""


def test_a_sync_imports_nothing_that_plans(tmp_path: Path) -> None:
    house = House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")
    house.write()
    house.apply()
    house.sync()
    house.messages(identify(1, {"first_time_shopper": True}))
    done = subprocess.run([sys.executable, "-c", ASKED], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "0 []"
