"""fakesnow with one more statement: COPY INTO of the lines of files of an external stage, with their names and numbers.

Run by fakesnow's own Python, with fakesnow's own arguments. What the statement does here is the tests' reading of
Snowflake's manual: a file that is no UTF-8 is passed over whole, and a line ends with a line feed or with both signs.
"""

import gzip
import sys
from pathlib import Path
from urllib.parse import urlparse

import fakesnow.cli
import fakesnow.copy_into
import fakesnow.cursor
from sqlglot import exp

_copy_into = fakesnow.cursor.copy_into


def copy_into(duck_conn, database, schema, expr, table_stages, params=None):
    if "METADATA$FILENAME" not in expr.sql(dialect="snowflake").upper():
        return _copy_into(duck_conn, database, schema, expr, table_stages, params)
    target = expr.this.this if isinstance(expr.this, exp.Schema) else expr.this
    stage = fakesnow.copy_into._from_source(expr)[1:]
    root = fakesnow.copy_into.stage_url_from_var(stage, duck_conn, database, schema, table_stages, target)
    names = next(
        [one.name for one in param.find_all(exp.Literal)]
        for param in expr.args["params"]
        if param.this.name.upper() == "FILES"
    )
    told = []
    for name in names:
        lines = _lines(Path(urlparse(root).path) / name)
        if lines:
            rows = "SELECT ?, unnest(range(1, ?)), unnest(CAST(? AS VARCHAR[]))"
            duck_conn.execute(f"INSERT INTO {target.sql(dialect='duckdb')} {rows}", [name, len(lines) + 1, lines])
        told.append((name, "LOAD_FAILED" if lines is None else "LOADED", len(lines or ()), len(lines or ())))
    rows = exp.values(told, alias="t", columns=("file", "status", "rows_parsed", "rows_loaded"))
    sql = exp.select("*").from_(rows).sql(dialect="duckdb")
    duck_conn.execute(sql)
    return sql


def _lines(path):
    data = path.read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


if __name__ == "__main__":
    fakesnow.cursor.copy_into = copy_into
    sys.exit(fakesnow.cli.main(sys.argv[1:]))
