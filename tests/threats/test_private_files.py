"""What engagectl writes beside the YAML is its owner's alone, whatever the umask of the machine."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engagectl.warehouses.duckdb import private
from tests.cli.inside import run
from tests.warehouses.test_duckdb_file import connect


@pytest.fixture(params=[0o000, 0o022])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    assert os.umask(before) == request.param, "the umask was not put back"


def modes(folder: Path) -> dict[str, str]:
    return {path.name: f"{path.stat().st_mode & 0o777:o}" for path in sorted(folder.iterdir())}


def test_a_database_and_its_log_are_private(tmp_path: Path, umask: int) -> None:
    with connect(tmp_path, path="build/x.duckdb") as one, connect(tmp_path, path="build/y.duckdb") as two:
        for connection in (one, two):
            connection.execute("CREATE TABLE t (a INTEGER)")
            connection.execute("INSERT INTO t VALUES (1)")
        two.close()
        two.close()  # twice is once
        one.execute("CHECKPOINT")
        one.execute("INSERT INTO t VALUES (2)")  # its log is a new file
        assert modes(tmp_path / "build") == {"x.duckdb": "600", "x.duckdb.wal": "600", "y.duckdb": "600"}
        assert modes(tmp_path) == {"build": "700"}
    (tmp_path / "later").touch()
    assert modes(tmp_path)["later"] == f"{0o666 & ~umask:o}"


def test_a_database_that_cannot_be_opened_gives_the_umask_back(tmp_path: Path, umask: int) -> None:
    (tmp_path / "x.duckdb").write_text("no database" * 1000)
    with pytest.raises(Exception, match="cannot be opened"):
        connect(tmp_path, path="x.duckdb")
    private.hold()
    private.release()


def test_what_a_run_leaves_is_private(tmp_path: Path, umask: int) -> None:
    project, out = tmp_path / "project", tmp_path / "out"
    out.mkdir()
    assert run("init", str(project)).code == 0
    for number, words in enumerate(
        (
            (
                "plan",
                "--out",
                str(out / "plan.json"),
                "--html",
                str(out / "plan.html"),
                "--markdown",
                str(out / "plan.md"),
            ),
            ("apply", "--yes"),
            ("sync",),
            ("drift",),
            ("docs", "--out", str(out / "docs")),
        )
    ):
        loud = ("--report", str(out / f"{number}.json"), "--log-file", str(out / "log"), "--log-format", "json")
        done = run("-C", str(project), *words, *loud)
        assert done.code == 0, done.err
    files = [path for path in out.rglob("*") if path.is_file()]
    assert {"plan.json", "plan.html", "plan.md", "log", "4.json"} <= {path.name for path in files}
    assert {f"{path.stat().st_mode & 0o777:o}" for path in files} == {"600"}
    assert set(modes(project / "build").values()) == {"600"}
    assert modes(project)["build"] == "700"
    assert modes(project)["engagectl.yaml"] == f"{0o666 & ~umask:o}"  # the YAML is shared work
