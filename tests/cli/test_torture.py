"""Hostile and broken YAML through the command line: 0 or 3, with a place, soon, in little memory, no traceback."""

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.inside import run

ROOT = Path(__file__).parents[2]
CPU_S, RSS_MB = 2.0, 300
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


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_told_of_soon_and_in_little_memory(tmp_path: Path, name: str) -> None:
    content = HOSTILE[name]
    (tmp_path / "engagectl.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    words = (sys.executable, "-m", "engagectl", "-C", str(tmp_path), "validate", "--report", str(tmp_path / "r.json"))
    script = (
        "import resource, subprocess, sys\n"
        "code = subprocess.run(sys.argv[1:], stdout=sys.stdout, stderr=sys.stderr).returncode\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(code, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (60, 60)),
    )
    told, _, measured = done.stderr.rstrip().rpartition("\n")
    code, cpu_s, rss_mb = measured.split()
    assert code in ("0", "3"), told + done.stdout[-2_000:]
    assert "Traceback" not in told + done.stdout
    assert float(cpu_s) < CPU_S
    assert float(rss_mb) < RSS_MB
    assert len(done.stdout) < 200_000
    errors = [one for one in json.loads((tmp_path / "r.json").read_text())["diagnostics"] if one["severity"] == "error"]
    assert bool(errors) == (code == "3")
    assert all(one["place"] is not None or one["code"] in ("EC101", "EC102") for one in errors), errors[:3]


def _bytes(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    return text[:at] + chance.choice("{}[]:,&*!|>'\"%@`#?-\t\n\x00\x85é🎉 0~") + text[at + chance.randrange(3) :]


def _lines(text: str, chance: random.Random) -> str:
    lines = text.splitlines()
    at = chance.randrange(len(lines))
    match chance.randrange(5):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[chance.randrange(len(lines))])
        case 2:
            lines[at] = " " * chance.randrange(9) + lines[at].lstrip()
        case 3:
            key, colon, _ = lines[at].partition(":")
            lines[at] = (
                key + colon + chance.choice((" 1", " [a]", " {a: b}", " null", " true", " 1.5", " {$env: A}", ""))
            )
        case _:
            other = chance.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
    return "\n".join(lines) + "\n"


def _words(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    at, other = chance.randrange(len(words)), chance.randrange(len(words))
    words[at] = chance.choice(
        (words[other], "", words[at][::-1], words[at] * 2, "*", "no", "2024-01-01", "1e9", "0x1f")
    )
    return " ".join(words)


def _truncated(text: str, chance: random.Random) -> str:
    return text[: chance.randrange(len(text))]


MUTATIONS: tuple[Callable[[str, random.Random], str], ...] = (_bytes, _lines, _words, _truncated)
MUTANTS = int(os.environ.get("ENGAGECTL_TEST_MUTANTS", "1200"))


@pytest.mark.property
@pytest.mark.parametrize("part", range(4))
def test_mutants_of_the_examples_are_told_of_with_their_place(tmp_path: Path, part: int) -> None:
    chance = random.Random(part)  # noqa: S311  the same mutants each time
    files = sorted((ROOT / "examples" / "full").rglob("*.yaml"))
    texts = {file.relative_to(ROOT / "examples" / "full"): file.read_text() for file in files}
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for number in range(MUTANTS // 4):
        name = chance.choice(sorted(texts))
        text = texts[name]
        for _ in range(chance.randrange(1, 4)):
            text = chance.choice(MUTATIONS)(text, chance) or "x"
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
        began = time.process_time()
        done = run("-C", str(tmp_path), "validate", "--json")
        spent = time.process_time() - began
        what = f"mutant {number} of part {part}, {name}:\n{text}\n{done.all}"
        assert done.code in (0, 3), what
        document = json.loads(done.out)
        for one in document["diagnostics"]:
            assert one["code"] != "EC900", what
            placed = one["place"] is not None or one["code"] in ("EC101", "EC102", "EC107", "EC021")
            assert placed or one["severity"] != "error", what
            if one["place"] is not None and one["place"]["file"] == name.as_posix():
                assert 1 <= one["place"]["line"] <= text.count("\n") + 2, what
        assert spent < CPU_S, what
        if number % 5 == 0:  # the way people see it has code of its own
            full = run("-C", str(tmp_path), "validate")
            assert full.code == done.code, what
            assert "Traceback" not in full.all, what
        (tmp_path / name).write_text(texts[name])
