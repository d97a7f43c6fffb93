"""A code host that lies, and artifacts that a pull request made: one error, no token, no file that should not be."""

import io
import json
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engagectl.errors import FailedError
from tests.ci.server import TOKEN, Repository, github_of, served, store_of
from tests.cli.inside import Done, run


@pytest.fixture
def host() -> Repository:
    return Repository(commits=["c2", "c3"], pulls={"c3": [{"number": 12, "merged_at": "x", "head": {"sha": "h12"}}]})


@pytest.fixture
def job(host: Repository, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The variables of a job on a push; the token is a canary."""
    with served(github_of(host)) as address, served(store_of(host)) as store:
        host.store = store
        event = tmp_path / "event.json"
        event.write_text(json.dumps({"pull_request": {"number": 12}}))
        yield {
            "GITHUB_API_URL": address,
            "GITHUB_REPOSITORY": "acme/data",
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_SHA": "c3",
        }


def fetch(job: dict[str, str], folder: Path) -> Done:
    assert run("init", str(folder / "project")).code == 0
    return run("-C", str(folder / "project"), "ci", "fetch-plan", "--out", str(folder / "approved"), env=job)


def offer(host: Repository, content: bytes) -> None:
    host.artifacts.append({"id": 7, "name": "engage-plan-h12", "created_at": "2026-01-01T00:00:00Z", "expired": False})
    host.blobs["/7.zip"] = content


def zipped(name: str = "plan.json", content: bytes = b"{}", **more: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def encrypted() -> bytes:
    data = bytearray(zipped())
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.index(sign) + at
        data[place : place + 2] = struct.pack("<H", 1)
    return bytes(data)


def method(number: int) -> bytes:
    data = bytearray(zipped())
    for sign, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = data.index(sign) + at
        data[place : place + 2] = struct.pack("<H", number)
    return bytes(data)


ARTIFACTS = {
    "no zip": b"nonsense",
    "nothing": b"",
    "another name": zipped("../../plan.json"),
    "an absolute name": zipped("/etc/passwd"),
    "encrypted": encrypted(),
    "a method of its own": method(99),
    "another method than its bytes": method(14),
    "a bomb": zipped(content=b"0" * (33 << 20)),
    "no plan": zipped(content=b"[" * 100_000),
    "a plan": zipped(),
}


@pytest.mark.parametrize("name", ARTIFACTS)
def test_an_artifact_is_a_plan_or_one_error(host: Repository, job: dict[str, str], tmp_path: Path, name: str) -> None:
    offer(host, ARTIFACTS[name])
    done = fetch(job, tmp_path)
    assert "EC900" not in done.all, done.all
    assert "Traceback" not in done.all
    assert TOKEN not in done.all
    assert not host.leaked
    assert any("/7/zip" in path for _, path in host.calls)
    kept = {path.relative_to(tmp_path).as_posix() for path in (tmp_path / "approved").glob("**/*")}
    assert kept <= {"approved/12.json", "approved/nothing.json"}
    assert not list(tmp_path.rglob("plan.json"))
    assert {f"{(tmp_path / name).stat().st_mode & 0o777:o}" for name in kept} <= {"600"}


@pytest.mark.parametrize("words", [("comment", "--body-file", "BODY"), ("fetch-plan", "--out", "OUT"), ("issue",)])
@pytest.mark.parametrize("loud", [(), ("-vv",), ("--json",)])
def test_a_host_that_cannot_be_reached_tells_no_token(
    tmp_path: Path, job: dict[str, str], words: tuple[str, ...], loud: tuple[str, ...]
) -> None:
    (tmp_path / "body.md").write_text("plan")
    given = [word.replace("BODY", str(tmp_path / "body.md")).replace("OUT", str(tmp_path / "out")) for word in words]
    for address in (
        "http://127.0.0.1:1",
        "https://127.0.0.1:1",
        "http://example.com",
        "file:///etc/passwd",
        "nonsense",
    ):
        done = run("ci", *given, *loud, env={**job, "GITHUB_API_URL": address})
        assert done.code not in (0, 255)
        assert TOKEN not in done.all
        assert "EC900" not in done.all, done.all


def test_a_host_that_repeats_the_token_is_not_repeated() -> None:
    from engagectl.ci.http import Api

    api = Api("https://example.com", {"Authorization": f"Bearer {TOKEN}"})
    content = json.dumps({"message": f"bad credentials: {TOKEN}"}).encode()
    assert TOKEN not in api._refused("GET", "/x", 401, content).message
    assert "not here" in api._refused("GET", "/x", 404, b'{"message": "not here"}').message


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "http://example.com/x", "ftp://example.com/x", "//example.com"]
)
def test_a_redirect_leads_to_https_only(host: Repository, job: dict[str, str], tmp_path: Path, target: str) -> None:
    offer(host, zipped())
    host.store = f"{target}#"
    done = fetch(job, tmp_path)
    assert done.code == FailedError("x").exit_code
    assert "what is not https" in done.all
