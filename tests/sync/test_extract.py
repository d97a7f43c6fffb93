"""Paths of a JSON text: what one struct gives is what a pointer for each path gives, whatever the keys are."""

import duckdb

from engagectl.sync.sql.extract import Path, extract
from engagectl.sync.sql.quoting import literal, pointer

TEXTS = (
    '{"a":{"b":{"c":[1, 2.50,{"k":"s\\u00e9"}]},"B":1e3},"A":"other","":7,"x/y":true,"q\\"~z":{"w":0}}',
    '{"a":5,"x":null,"x/y":null}',
    '{"a":[1],"x":{"b":"\\u0000"}}',
    '"a"',
    "[]",
)
PATHS: tuple[Path, ...] = (
    ("a", "b"),
    ("a", "b", "c"),
    ("a", "B"),
    ("A",),
    ("A", "b"),
    ("a",),
    ("x",),
    ("x", "b"),
    ("",),
    ("x/y",),
    ('q"~z', "w"),
    ("missing", "deep", "er"),
    (),
)


def test_a_struct_gives_what_pointers_give() -> None:
    handle = duckdb.connect()
    for count in range(1, len(PATHS) + 1):
        struct, found = extract("t", PATHS[:count], struct="j")
        listed = ", ".join(found[path] for path in PATHS[:count])
        for text in TEXTS:
            got = handle.execute(
                f"SELECT {listed} FROM (SELECT t, {struct} AS j FROM (SELECT ? AS t))", [text]
            ).fetchall()
            pointed = ", ".join(f"CAST(json_extract(t, {literal(pointer(path))}) AS VARCHAR)" for path in PATHS[:count])
            want = handle.execute(f"SELECT {pointed} FROM (SELECT ? AS t)", [text]).fetchall()[0]
            assert got[0] == tuple(None if value == "null" else value for value in want), (text, count)


def test_keys_that_differ_in_case_do_not_meet() -> None:
    struct, found = extract("t", [("vip",), ("VIP",), ("Vip",)], struct="j")
    sql = f"SELECT {', '.join(found.values())} FROM (SELECT t, {struct} AS j FROM (SELECT ? AS t))"
    rows = duckdb.connect().execute(sql, ['{"Vip":3,"vip":1,"VIP":2}']).fetchall()
    assert dict(zip(found, rows[0], strict=True)) == {("vip",): "1", ("VIP",): "2", ("Vip",): "3"}
