"""Paths out of the project, links, pipes and devices: refused, and neither waited for nor read without end."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from engagectl.config.regular import NotRegular, Outside, open_inside
from engagectl.errors import ConnectError
from engagectl.sync.inputs.content import open_bytes, readable
from engagectl.sync.inputs.files import list_files
from engagectl.sync.inputs.objects import list_objects
from engagectl.sync.inputs.unreadable import Unreadable
from engagectl.warehouses.registry import warehouse
from tests.cli.inside import run

SECRET = "traits: {stolen-7731: {}}\n"
ROOT = "version: 1\nproject: p\nwarehouses:\n  w: {type: duckdb, path: x.duckdb}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project, and beside it a file that is none of its affair."""
    (tmp_path / "outside.yaml").write_text(SECRET)
    project = tmp_path / "project"
    (project / "engage").mkdir(parents=True)
    return project


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def folder_link(path: Path) -> None:
    """A folder outside, reached through a link in the middle of the path."""
    path.parent.rmdir()
    path.parent.symlink_to("..")


def swap(path: Path) -> None:
    """A link to a link, the last of which leads out."""
    (path.parent / "between").symlink_to("../../outside.yaml")
    path.symlink_to("between")


INCLUDES: dict[str, tuple[str, Callable[[Path], None] | None]] = {
    "upwards": ("../outside.yaml", None),
    "upwards from below": ("engage/../../outside.yaml", None),
    "absolute": ("/etc/passwd", None),
    "two slashes": ("//etc/passwd", None),
    "escaped dots": ("%2e%2e/outside.yaml", None),
    "backslashes": ("..\\outside.yaml", None),
    "upwards in a glob": ("**/../../*.yaml", None),
    "home": ("~/outside.yaml", None),
    "a link out": ("engage/outside.yaml", link("../../outside.yaml")),
    "a link to a link out": ("engage/outside.yaml", swap),
    "a folder that is a link": ("engage/outside.yaml", folder_link),
    "a pipe": ("engage/pipe.yaml", pipe),
    "a device": ("engage/zero.yaml", link("/dev/zero")),
    "the environment": ("engage/environ.yaml", link("/proc/self/environ")),
    "a link to itself": ("engage/self.yaml", link("self.yaml")),
}


@pytest.mark.parametrize("name", INCLUDES)
def test_an_include_stays_in_the_project(root: Path, name: str) -> None:
    pattern, make = INCLUDES[name]
    if make is not None:
        make(root / pattern)
    (root / "engagectl.yaml").write_text(f"{ROOT}include: ['{pattern}']\n")
    done = run("-C", str(root), "validate")
    assert done.code == 3, done.all
    assert "EC022" in done.all
    assert "stolen" not in done.all
    assert "root:" not in done.all


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (link("../outside.yaml"), "EC022"),
        (link("/proc/self/environ"), "EC022"),
        (link("/dev/zero"), "EC021"),
        (pipe, "EC021"),
    ],
)
def test_the_root_file_is_a_file_of_its_folder(root: Path, make: Callable[[Path], None], code: str) -> None:
    make(root / "engagectl.yaml")
    (root / ".git").mkdir()
    for words in (("validate",), ("fmt",), ("plan", "--offline")):
        done = run("-C", str(root), *words)
        assert done.code == 3, done.all
        assert code in done.all
        assert "stolen" not in done.all
    assert (root.parent / "outside.yaml").read_text() == SECRET


def test_a_link_to_itself_is_one_error_wherever_it_stands(root: Path) -> None:
    for name in ("loop", "x.duckdb", "vars.json"):
        (root / name).symlink_to(name)
    (root / "engagectl.yaml").write_text(ROOT)
    loop = str(root / "loop")
    assert run("-C", str(root), "validate").code == 0
    for words in (
        ("-C", loop, "validate"),
        ("-C", loop, "inspect", "--warehouse", "duckdb", "--path", "x"),
        ("-C", str(root), "apply", "--yes"),
        ("-C", str(root), "validate", "--var-file", str(root / "vars.json")),
        ("-C", str(root), "fmt", loop),
        ("-C", str(root), "plan", "--out", loop),
        ("-C", str(root), "plan", "--report", loop),
    ):
        done = run(*words)
        assert done.code in (0, 1, 3, 64), done.all
        assert "EC900" not in done.all
        assert "Traceback" not in done.all


def test_links_inside_the_project_are_followed(root: Path) -> None:
    """As Kubernetes mounts a ConfigMap: every file a link to a link to a folder."""
    (root / "..2026_01").mkdir()
    (root / "..2026_01" / "engagectl.yaml").write_text(f"{ROOT}include: ['engage/a.yaml']\n")
    (root / "..2026_01" / "a.yaml").write_text("x-note: 1\n")
    (root / "..data").symlink_to("..2026_01")
    (root / "engagectl.yaml").symlink_to("..data/engagectl.yaml")
    (root / "engage" / "a.yaml").symlink_to("../..data/a.yaml")
    done = run("-C", str(root), "validate")
    assert done.code == 0, done.err


def test_a_swap_while_we_look_gains_nothing(root: Path) -> None:
    """Somebody puts a link in the place of the file, and back, as fast as it goes."""
    name, stop = "engage/a.yaml", threading.Event()
    place, honest, evil = root / name, root / "engage" / "honest", root / "engage" / "evil"

    def play() -> None:
        while not stop.is_set():
            honest.write_text("mine")
            honest.replace(place)
            evil.symlink_to("../../outside.yaml")
            evil.replace(place)

    place.write_text("mine")
    thread = threading.Thread(target=play)
    thread.start()
    seen = set()
    try:
        for _ in range(1_500):
            try:
                with open_inside(root, name) as file:
                    seen.add(file.read())
            except Outside:
                seen.add(b"refused")
            except OSError:  # the link came between: O_NOFOLLOW
                seen.add(b"caught")
    finally:
        stop.set()
        thread.join()
    assert b"mine" in seen
    assert seen <= {b"mine", b"", b"refused", b"caught"}


@pytest.fixture
def odd_files(tmp_path: Path) -> Iterator[Path]:
    """One file of messages among everything else that a folder can hold."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.jsonl").write_text("{}\n")
    (tmp_path / "b.jsonl").write_text("{}\n")
    (folder / "b.jsonl").symlink_to("../b.jsonl")
    (folder / "folder.jsonl").mkdir()
    pipe(folder / "pipe.jsonl")
    for name in ("zero", "full", "stdin"):
        (folder / f"{name}.jsonl").symlink_to(f"/dev/{name}")
    (folder / "environ.jsonl").symlink_to("/proc/self/environ")
    (folder / "memory.jsonl").symlink_to("/proc/self/mem")
    (folder / "nowhere.jsonl").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s.jsonl"))
        yield folder


def test_inputs_are_regular_files_only(odd_files: Path) -> None:
    found = list_files([str(odd_files / "*.jsonl"), "/proc/self/environ", "/dev/zero"], root=odd_files)
    assert [file.key for file in found] == ["a.jsonl", "b.jsonl"]


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "local:///etc/passwd", "generic://file:///proc/self/environ", "zip:///etc/x.zip"),
        *("reference://x", "simplecache://x", "dir:///etc", "github://a/b", "data://x", "jupyter://x", "sftp://h/x"),
        *("ftp://127.0.0.1:1/x", "http://169.254.169.254/latest/meta-data", "https://example.com/x", "smb://h/x"),
    ],
)
def test_a_url_names_an_object_store(url: str) -> None:
    with pytest.raises(Unreadable, match="is no store that is known") as caught:
        list(list_objects(url))
    assert caught.value.code == "EC731"


def test_an_input_that_became_a_pipe_is_not_waited_for(odd_files: Path) -> None:
    (found, _) = list_files(["*.jsonl"], root=odd_files)
    (odd_files / "a.jsonl").unlink()
    pipe(odd_files / "a.jsonl")
    with pytest.raises(Unreadable, match=r"a\.jsonl cannot be read: it is no regular file"), readable(found):
        open_bytes(found)


NO_FILES = [pipe, link("/dev/null"), link("/dev/zero"), link("/proc/self/environ"), Path.mkdir]


@pytest.mark.parametrize("make", NO_FILES)
@pytest.mark.parametrize("read_only", [True, False])
def test_a_database_is_a_regular_file(tmp_path: Path, make: Callable[[Path], None], read_only: bool) -> None:
    make(tmp_path / "x.duckdb")
    with pytest.raises(ConnectError, match=r"no regular file|a folder"):
        warehouse("duckdb").connect(
            SimpleNamespace(path="x.duckdb", storage_version=None),
            "local",
            secrets={},
            root=tmp_path,
            read_only=read_only,
            lock_timeout_s=0,
            command="test",
        )


@pytest.mark.parametrize(
    "make",
    [
        pipe,
        link("/dev/zero"),
        link("/proc/self/environ"),
        link("project/engagectl.yaml"),
        link("secret"),
        Path.mkdir,
        lambda path: path.write_bytes(b"x" * (2 << 20)),
        lambda path: path.write_bytes(b"\xff"),
    ],
)
def test_a_secret_file_is_a_small_regular_file_outside_the_project(root: Path, make: Callable[[Path], None]) -> None:
    secret = root.parent / "secret"
    make(secret)
    (root / "engagectl.yaml").write_text(
        f"version: 1\nproject: p\nwarehouses:\n  w: {{type: duckdb, path: {{$file: {secret}}}}}\n"
    )
    done = run("-C", str(root), "plan")
    assert done.code == 3, done.all
    assert "EC211" in done.err


def test_what_is_no_file_is_told_apart(tmp_path: Path) -> None:
    pipe(tmp_path / "pipe")
    with pytest.raises(NotRegular):
        open_inside(tmp_path, "pipe")
    with pytest.raises(OSError):  # noqa: PT011  a folder cannot be opened so on any system
        open_inside(tmp_path, ".")
