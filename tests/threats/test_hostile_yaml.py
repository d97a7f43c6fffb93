"""Hostile and broken YAML through the command line: 0 or 3, with a place, soon, in little memory, no traceback."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.threats.fuzz import CPU_S, ROOT, RSS_MB, WITHOUT_PLACE
from tests.threats.warm import Warm

MUTANTS = int(os.environ.get("ENGAGECTL_TEST_MUTANTS", "5000"))
ROOT_FILE = "version: 1\nproject: p\nwarehouses:\n  w: {type: duckdb, path: x.duckdb}\n"


def _bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


HOSTILE: dict[str, str | bytes] = {
    "an alias bomb of 10^3": _bomb(3),
    "an alias bomb of 10^10": _bomb(10),
    "a mapping that holds itself": "a: &a {b: *a}",
    "a merge key": "a: &a {b: 1}\nc: {<<: *a}",
    "3,000 nested lists": "a: " + "[" * 3_000 + "]" * 3_000,
    "100,000 open lists": "a: " + "[" * 100_000,
    "1,500 nested mappings": "".join(f"{' ' * n}a:\n" for n in range(1_500)),
    "100,000 dashes": "a:\n  " + "- " * 100_000,
    "one scalar of 3.9 MB": "a: " + "x" * (39 * 100_000),
    "a key of 1 MB": "x" * (1 << 20) + ": 1",
    "a file of 5 MB": "# " + "x" * (5 << 20),
    "500,000 values": "traits: [" + "1," * 500_000 + "]",
    "300,000 values": "traits: [" + "1," * 300_000 + "]",
    "5,000 unknown keys": "".join(f"kez{n}: 1\n" for n in range(5_000)),
    "5,000 wrong traits": "traits:\n" + "".join(f"  t{n}: {{spase: x, kind: sqll, type: int}}\n" for n in range(5_000)),
    "5,000 repeated keys": "traits:\n" + "  a: {}\n" * 5_000,
    "200 documents": "---\n" * 200,
    "no UTF-8": b"project: \xff\xfe\n",
    "UTF-16": "project: p\n".encode("utf-16"),
    "a NUL": b"project: a\0b\n",
    "a line separator": "project: a\u2028b\n",
    "a lone surrogate as an escape": 'project: "\\ud800"\n',
    "a NUL as an escape": ROOT_FILE.replace("x.duckdb", '"a\\0b"'),
    "a path that is too long": ROOT_FILE.replace("x.duckdb", "x" * 5_000),
    "a python tag": "project: !!python/object/apply:os.system [id]\n",
    "a tag of its own": "project: !secret x\n",
    "a date that is none": "project: 2024-13-45\n",
    "a number of 5,000 digits": f"version: {'9' * 5_000}\n",
    "a number out of range": "version: 1e500\n",
    "a list as the file": "- a\n- b\n",
    "a text as the file": "just text\n",
    "nothing": "",
    "a list as a key": "[a, b]: 1\n",
    "a null as a key": "~: 1\n",
    "tabs": "project:\n\t- a\n",
    "an open quote": "project: 'abc\n",
    "an open brace": "targets: {dev: {\n",
    "a directive": "%YAML 9.9\n---\nproject: p\n",
    "carriage returns only": "version: 1\rproject: p\r",
    "a byte order mark inside": "project: p\n\ufeffversion: 1\n",
    "include everything": "version: 1\nproject: p\ninclude: ['**/*']\n",
    "include upwards": "version: 1\nproject: p\ninclude: ['../*.yaml', '/etc/*', '..//..//etc/passwd']\n",
    "a glob that is none": "version: 1\nproject: p\ninclude: ['[', '**a', '']\n",
}


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    with Warm(tmp_path_factory.mktemp("warm")) as process:
        yield process


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_told_of_soon_and_in_little_memory(warm: Warm, tmp_path: Path, name: str) -> None:
    content = HOSTILE[name]
    (tmp_path / "engagectl.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    done = warm.run(("-C", str(tmp_path), "validate", "--report", str(tmp_path / "r.json")))
    assert done.code in (0, 3), done.out[-2_000:]
    assert "Traceback" not in done.out
    assert done.cpu_s < CPU_S
    assert done.rss_mb < RSS_MB
    assert len(done.out) < 200_000
    errors = [one for one in json.loads((tmp_path / "r.json").read_text())["diagnostics"] if one["severity"] == "error"]
    assert bool(errors) == (done.code == 3)
    assert all(one["place"] is not None or one["code"] in WITHOUT_PLACE for one in errors), errors[:3]


@pytest.mark.property
@pytest.mark.parametrize("part", range(2))
def test_mutants_of_the_examples_are_told_of_with_their_place(part: int) -> None:
    """In a process of its own: nothing else counts in its memory."""
    words = (sys.executable, "-m", "tests.threats.fuzz", "--mutants", str(MUTANTS // 2), "--seed", str(part))
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
