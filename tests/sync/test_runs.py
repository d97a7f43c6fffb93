"""How far a file is complete for a feed that waits for the end of a run."""

import gzip
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engagectl.journal.checkpoints import Searched
from engagectl.model.feed import Declared, Feed, Schedule
from engagectl.sync.inputs import InputFile, chunks, list_files
from engagectl.sync.inputs.complete import is_closed, run_ends
from engagectl.sync.runs import FileState, Search, file_state
from engagectl.sync.until import Until

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MESSAGE = json.dumps({"type": "track", "messageId": "m", "properties": {"said": "run_completed"}}) + "\n"


def end_of(key: str) -> str:
    return json.dumps({"type": "run_completed", "computation_key": key, "run_id": "r"}) + "\n"


def written(root: Path, text: str, *, age: timedelta = timedelta(0), name: str = "a.jsonl") -> InputFile:
    path = root / name
    path.write_text(text)
    os.utime(path, ((NOW - age).timestamp(),) * 2)
    (file,) = [file for file in list_files(["*.jsonl*"], root=root) if file.key == name]
    return file


def vip(quiet_for_s: int = 600) -> Feed:
    return Feed(
        project="p",
        kind="activation",
        id="vip",
        warehouse="w",
        space="s",
        source="main",
        tables=(),
        subject=Declared(kind="audience", id="vip", keys=("vip",)),
        schedule=Schedule(trigger="each_run", quiet_for_s=quiet_for_s),
    )


def state(
    file: InputFile, *, offset: int = 0, searched: Searched | None = None, search: Search | None = None, **more: object
) -> FileState:
    return file_state(
        vip(), 7, file, offset=offset, searched=searched, search=search or Search(), now=NOW, **more  # type: ignore[arg-type]  # named
    )  # fmt: skip


def test_data_is_complete_up_to_the_last_end_of_a_run_of_that_computation(tmp_path: Path) -> None:
    text = MESSAGE + end_of("vip") + MESSAGE + end_of("vip")
    file = written(tmp_path, text + MESSAGE + end_of("other") + MESSAGE)
    found = state(file)
    assert (found.until, found.more, found.waits_from) == (Until(end=len(text)), True, len(text))
    assert state(file, offset=len(text)).more is False


def test_without_an_end_of_a_run_everything_waits(tmp_path: Path) -> None:
    found = state(written(tmp_path, MESSAGE * 3))
    assert (found.until, found.more, found.waits_from) == (Until(end=0), False, 0)


def test_a_control_line_is_one_only_when_it_is_a_whole_line_of_its_type(tmp_path: Path) -> None:
    text = MESSAGE + '["run_completed"]\n{"type": "run_completed"}\nrun_completed\n' + "[" * 5000 + "run_completed\n"
    file = written(tmp_path, text + end_of("vip").rstrip("\n"))
    assert run_ends(file).ends == {}
    assert run_ends(file).searched_to == len(text)


def test_a_line_that_is_cut_by_a_read_is_found(tmp_path: Path) -> None:
    padding = "x" * (4 << 20)
    text = padding[: -len(end_of("vip")) // 2] + "\n" + end_of("vip") + padding + "\n"
    found = run_ends(written(tmp_path, text + MESSAGE))
    assert found.ends == {"vip": text.index("\n") + 1 + len(end_of("vip"))}
    assert found.searched_to == len(text) + len(MESSAGE)


def test_a_line_longer_than_any_message_streams_by(tmp_path: Path) -> None:
    text = "x" * (25 << 20) + "\n" + end_of("vip")
    assert run_ends(written(tmp_path, text)).ends == {"vip": len(text)}


def test_the_next_call_searches_only_what_is_new(tmp_path: Path) -> None:
    first = MESSAGE + end_of("vip") + MESSAGE
    file = written(tmp_path, first)
    remembered = state(file).searched
    assert remembered == Searched(feed=7, file="a.jsonl", searched_to=len(first), complete_to=len(first) - len(MESSAGE))
    search = Search()
    again = state(written(tmp_path, first + MESSAGE), searched=remembered, search=search)
    assert list(search.found) == [("a.jsonl", len(first))]
    assert again.until == Until(end=len(first) - len(MESSAGE))


def test_what_was_remembered_of_a_file_that_was_written_anew_is_not_believed(tmp_path: Path) -> None:
    other = MESSAGE.replace("track", "identify") * 2
    remembered = Searched(feed=7, file="a.jsonl", searched_to=len(other) - 3, complete_to=len(other) - 9)
    found = state(written(tmp_path, other + end_of("vip")), searched=remembered)
    assert found.until == Until(end=len(other + end_of("vip")))
    beyond = Searched(feed=7, file="a.jsonl", searched_to=10**6, complete_to=10**6)
    assert state(written(tmp_path, MESSAGE), searched=beyond).until == Until(end=0)


def test_a_file_that_has_not_grown_is_complete_but_for_an_unfinished_line(tmp_path: Path) -> None:
    text = MESSAGE + '{"half'
    file = written(tmp_path, text, age=timedelta(minutes=10))
    assert (state(file).until, state(file).more) == (Until(), True)
    assert state(file, offset=len(MESSAGE)).more is False
    assert state(written(tmp_path, text, age=timedelta(minutes=9, seconds=59))).until == Until(end=0)


def test_a_folder_with_success_and_a_named_file_are_whole_with_their_last_line(tmp_path: Path) -> None:
    file = written(tmp_path, MESSAGE + MESSAGE.rstrip())
    assert state(file, named=["*.jsonl"]).until == Until(closed=True)
    assert not is_closed(file)
    (tmp_path / "_SUCCESS").touch()
    found = state(file)
    assert (found.until, found.more) == (Until(closed=True), True)
    (chunk,) = chunks(file, complete=found.until.closed)
    assert (chunk.lines, chunk.end) == (2, file.bytes)
    assert state(file, offset=chunk.end).more is False


def test_a_compressed_file_is_whole_when_it_is_there_and_read_once(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(MESSAGE.encode()))
    (file,) = list_files(["*.gz"], root=tmp_path)
    assert (state(file).until, state(file).more) == (Until(closed=True), True)
    partly = Searched(feed=7, file=file.key, searched_to=0, complete_to=0)
    assert state(file, offset=5, searched=partly).more is True
    assert (
        state(file, searched=Searched(feed=7, file=file.key, searched_to=file.bytes or 0, complete_to=0)).more is False
    )


def test_a_file_that_was_cut_is_for_the_sync_to_tell_of(tmp_path: Path) -> None:
    assert state(written(tmp_path, MESSAGE), offset=10_000).more is True


def test_chunks_end_where_a_run_ends(tmp_path: Path) -> None:
    file = written(tmp_path, MESSAGE * 4)
    found = list(chunks(file, chunk_bytes=len(MESSAGE) + 10, until=len(MESSAGE) * 3))
    assert [chunk.lines for chunk in found] == [1, 1, 1]
    assert found[-1].end == len(MESSAGE) * 3
    assert list(chunks(file, offset=len(MESSAGE), until=len(MESSAGE))) == []
