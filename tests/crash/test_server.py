"""A PostgreSQL server that stops at once and starts again, and one whose disk is full: nothing lost, nothing twice."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import engagectl_crash as trap
import psycopg
import pytest
from psycopg import conninfo

from tests import embedded
from tests.crash.fork import run
from tests.crash.look import problems
from tests.crash.trials import after, server_stopped
from tests.crash.world import Worlds, with_work

pytestmark = pytest.mark.postgres
POINTS = ("chunk.before_commit", "users.committed")  # more: make crash-test-full


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Worlds, Path]]:
    """Worlds on a server that nobody else uses, and its data folder."""
    with embedded.postgres() as (dsn, data):
        worlds = Worlds(tmp_path_factory.mktemp("server"), server=dsn)
        worlds.prepare()
        yield worlds, data


@pytest.mark.parametrize("point", POINTS)
def test_a_server_that_stops_at_once_costs_no_row(own: tuple[Worlds, Path], point: str) -> None:
    worlds, data = own
    with worlds.applied(len(point)) as world:
        assert server_stopped(world, data, point, 1) == []


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A folder on a file system of 48 MB."""
    folder = Path("/tmp") / f"engagectl-small-disk-{os.getpid()}"  # noqa: S108  the server's user must reach it
    folder.mkdir(mode=0o755)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m,mode=0777", "tmpfs", folder], check=False, capture_output=True
    )
    try:
        if mounted.returncode:
            pytest.skip("a full disk under PostgreSQL is not tested here: this user cannot mount a small file system")
        yield folder
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", folder], check=True)
        folder.rmdir()


@pytest.mark.parametrize("point", ["chunk.begun", "chunk.stored"])
def test_a_full_disk_under_the_server_costs_no_row(own: tuple[Worlds, Path], small_disk: Path, point: str) -> None:
    """Only the tables lie there: a server whose log cannot be written stops at once, which is the test above."""
    worlds, data = own
    place, filler = small_disk / "tables", small_disk / "filler"
    place.mkdir()
    os.chown(place, data.stat().st_uid, data.stat().st_gid)

    def fill() -> None:
        filler.write_bytes(bytes(shutil.disk_usage(small_disk).free))

    with psycopg.connect(worlds.server, autocommit=True) as admin:
        admin.execute(f"CREATE TABLESPACE small LOCATION '{place}'".encode())
        with worlds.applied(6) as world:
            database = str(conninfo.conninfo_to_dict(world.dsn)["dbname"])
            admin.execute(f'ALTER DATABASE "{database}" SET TABLESPACE small'.encode())
            work = with_work(lambda: trap.arm(point, 1, fill), lambda say: world.sync(say, retry_wait_s=0.01))
            ended = run(work)
            assert "No space left on device" in ended.failed
            filler.unlink()
            assert problems(world, ended.acknowledged, complete=False) == []
            assert after(world, ended) == []
        admin.execute("DROP TABLESPACE small")
