"""Chunks of any size give the same lines, at their true offsets; DuckDB reads exactly those lines."""

import gzip
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagectl.sync.inputs import InputFile, as_relation, chunks, identity, list_files, verify

LINES = st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=30)


@settings(max_examples=40, deadline=None)
@given(lines=LINES, size=st.integers(1, 200))
def test_any_chunk_size_gives_the_same_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], size: int
) -> None:
    path = tmp_path_factory.mktemp("in") / "a.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    found, at, line = [], 0, 0
    for chunk in chunks(InputFile(key="a", path=path), chunk_bytes=size):
        assert (chunk.offset, chunk.line) == (at, line)
        found += [chunk.buffer[chunk.offsets[n] : chunk.offsets[n + 1] - 1] for n in range(chunk.lines)]
        at, line = chunk.end, line + chunk.lines
    assert found == lines


@settings(max_examples=40, deadline=None)
@given(lines=LINES, size=st.integers(1, 200), limit=st.integers(8, 60), data=st.data())
def test_a_chunk_ends_at_each_stop(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], size: int, limit: int, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("in") / "a.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    ends = [0]
    for line in lines:
        ends.append(ends[-1] + len(line) + 1)
    stops = data.draw(st.lists(st.sampled_from(ends), max_size=4))
    file = InputFile(key="a", path=path)
    found = list(chunks(file, chunk_bytes=size, line_bytes_max=limit, stops=stops))
    assert [chunk.begin for chunk in found] == [0, *(chunk.end for chunk in found)][: len(found)]
    assert not [stop for stop in stops for chunk in found if chunk.begin < stop < chunk.end]
    assert sum(chunk.lines + len(chunk.overlong) for chunk in found) == len(lines)


def test_a_last_line_without_a_break_can_be_a_stop(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"one\ntwo")
    file = list_files(["a.jsonl"], root=tmp_path)[0]
    assert [(chunk.end, chunk.lines) for chunk in chunks(file, complete=True)] == [(7, 2)]
    (tmp_path / "a.jsonl").write_bytes(b"one\ntwo\nthree\n")
    assert [chunk.buffer for chunk in chunks(file, stops=[7])] == [b"one\ntwo\n", b"\nthree\n"]


def test_an_unfinished_line_waits(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"one\ntw")
    file = list_files(["a.jsonl"], root=tmp_path)[0]
    assert [chunk.end for chunk in chunks(file)] == [4]
    assert [chunk.lines for chunk in chunks(file, complete=True)] == [2]


def test_gzip_counts_uncompressed_bytes_and_resumes(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"one\ntwo\nthree\n"))
    file = list_files(["*.gz"], root=tmp_path)[0]
    assert file.format == "gzip"
    assert [chunk.buffer for chunk in chunks(file, offset=4, line=1)] == [b"two\nthree\n"]


def test_an_overlong_line_is_passed_over_and_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"x" * 5000 + b"\nok\n")
    file = list_files(["a.jsonl"], root=tmp_path)[0]
    found = list(chunks(file, chunk_bytes=100, line_bytes_max=1000))
    assert [(o.line, o.offset, o.length) for chunk in found for o in chunk.overlong] == [(0, 0, 5001)]
    assert [(chunk.offset, chunk.line, chunk.buffer) for chunk in found] == [(5001, 1, b"ok\n")]


def test_bad_bytes_and_long_numbers_are_found_by_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"a":1}\n\xff\n{"a":12345678901234567.89}\n{"a":1234567890123456789}\n')
    (chunk,) = chunks(list_files(["a.jsonl"], root=tmp_path)[0])
    assert chunk.not_utf8 == (1,)
    assert chunk.long_numbers == (2,)


def test_duckdb_reads_the_lines_of_the_chunk(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes('{"a":1}\n\néé\n'.encode())
    (chunk,) = chunks(list_files(["a.jsonl"], root=tmp_path)[0])
    connection = duckdb.connect()
    for _ in range(200):
        connection.register("lines", as_relation(chunk))
        rows = connection.execute("SELECT line_no, rtrim(line, chr(10)) FROM lines ORDER BY 1").fetchall()
        connection.unregister("lines")
    connection.close()
    assert rows == [(0, '{"a":1}'), (1, ""), (2, "éé")]


def test_a_file_is_known_again_or_not(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\ntwo\n")
    file = list_files(["a.jsonl"], root=tmp_path)[0]
    known = identity(file, 8)
    with path.open("ab") as more:
        more.write(b"three\n")
    assert verify(file, 8, known) == "same"
    path.write_bytes(b"ONE\ntwo\nthree\n")
    assert verify(file, 8, known) == "rewritten"
    path.write_bytes(b"o")
    assert verify(file, 8, known) == "shorter"
