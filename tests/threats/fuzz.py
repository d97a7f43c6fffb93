"""YAML that went wrong in every way that chance finds: told of with its place, soon, in little memory.

    python -m tests.threats.fuzz --mutants 500000 --seed 7

starts from the example project and from the examples of every rule, and breaks bytes, lines, words and structure.
"""

import argparse
import itertools
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engagectl import api
from engagectl.config.explain import codes, explain
from engagectl.show.envelope import encode, envelope
from tests.cli.inside import Done, run
from tests.rules.test_pages import BASE

ROOT = Path(__file__).parents[2]
CPU_S, RSS_MB = 2.0, 300
BATCH = 250
"""Mutants of one process: more, and what one leaves behind counts against the next."""
WITHOUT_PLACE = {"EC101", "EC102", "EC107", "EC021"}
ROOT_FILE = "engagectl.yaml"

Text = dict[str, str]
"""The files of a project."""


def bases() -> list[Text]:
    """Return the projects that mutants are made of: the full example, and a small one for each example of a rule."""
    folder = ROOT / "examples" / "full"
    full = {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*.yaml"))}
    found = [full]
    for code in codes():
        page = explain(code)
        for example in (page.valid, page.valid, page.invalid) if page is not None else ():
            if example.startswith("project:"):
                found.append({ROOT_FILE: example})
            elif example:
                found.append({ROOT_FILE: BASE, "engage/example.yaml": example})
    return found


SIGNS = "{}[]:,&*!|>'\"%@`#?-\t\n\r\x00\x85\u2028\ufeff\u202eé🎉 0~$\\"
VALUES = (
    *(
        " 1",
        " -1",
        " [a]",
        " {a: b}",
        " null",
        " true",
        " 1.5",
        " 1e400",
        " {$env: A}",
        " {$var: x}",
        " {$file: /x}",
        "",
    ),
    *(
        " [[[[]]]]",
        " {}",
        " []",
        " '*'",
        " [1, 1]",
        " 2024-13-45",
        " 0x10",
        " !!str a",
        " &a b",
        " |\n  x",
        " '\0'",
        " \ud83d",
    ),
)
WORDS = (
    "",
    "*",
    "no",
    "2024-01-01",
    "1e9",
    "0x1f",
    "<<",
    "~",
    "?",
    "- -",
    "%YAML",
    "---",
    "...",
    "'",
    "a" * 600,
    "9" * 70,
)


def _characters(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(SIGNS) * chance.choice((1, 1, 1, 2, 70)) + text[at + chance.randrange(3) :]


def _lines(text: str, chance: random.Random) -> str:
    lines = text.splitlines() or [""]
    at = chance.randrange(len(lines))
    match chance.randrange(6):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[chance.randrange(len(lines))])
        case 2:
            lines[at] = " " * chance.randrange(9) + lines[at].lstrip()
        case 3:
            key, colon, _ = lines[at].partition(":")
            lines[at] = key + colon + chance.choice(VALUES)
        case 4:
            until = at + chance.randrange(1, 6)
            lines[at:until] = [f"  {line}" for line in lines[at:until]]
        case _:
            other = chance.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
    return "\n".join(lines) + "\n"


def _words(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    at, other = chance.randrange(len(words)), chance.randrange(len(words))
    words[at] = chance.choice((words[other], words[at][::-1], words[at] * 2, words[at].upper(), chance.choice(WORDS)))
    return " ".join(words)


def _truncated(text: str, chance: random.Random) -> str:
    return text[: chance.randrange(len(text) + 1)]


def _nested(text: str, chance: random.Random) -> str:
    lines = text.splitlines() or [""]
    at, depth = chance.randrange(len(lines)), chance.choice((1, 3, 63, 64, 65, 500))
    key, colon, value = lines[at].partition(":")
    opened, closed = chance.choice((("[", "]"), ("{a: ", "}")))
    lines[at] = f"{key}{colon} {opened * depth}{value.strip()}{closed * (depth - chance.randrange(2))}"
    return "\n".join(lines) + "\n"


def _repeated(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = chance.randrange(len(lines))
    until = min(len(lines), at + chance.randrange(1, 8))
    return "".join(lines[:until] + lines[at:until] * chance.choice((1, 2, 40)) + lines[until:])


MUTATIONS: tuple[Callable[[str, random.Random], str], ...] = (
    *(_characters, _characters, _lines, _lines, _lines, _words, _words, _truncated, _nested, _repeated),
)


@dataclass(frozen=True)
class Mutant:
    number: int
    project: Text
    changed: str
    content: bytes

    def __str__(self) -> str:
        return f"mutant {self.number}, {self.changed}:\n{self.content!r}"


def mutants(count: int, seed: int) -> Iterator[Mutant]:
    """Yield as many mutants, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311  no secret
    every = bases()
    for number in range(count):
        project = every[0] if chance.random() < 0.15 else chance.choice(every)
        name = chance.choice(sorted(project))
        text = project[name]
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            text = chance.choice(MUTATIONS)(text, chance)
            if chance.random() < 0.02:  # a part of another file
                text = _truncated(text, chance) + chance.choice(list(chance.choice(every).values()))
        content = text[:200_000].encode("utf-8", "surrogatepass")
        if chance.random() < 0.03:
            at = chance.randrange(len(content) + 1)
            content = content[:at] + chance.randbytes(chance.randrange(1, 5)) + content[at:]
        yield Mutant(number, project, name, content)


def check(mutant: Mutant, root: Path) -> int:
    """Judge one mutant in the folder that holds its project; return the exit code. Raises AssertionError."""
    (root / mutant.changed).write_bytes(mutant.content)
    began = time.process_time()
    done = _run(root, "validate", "--json") if mutant.number % 5 == 0 else _validated(root)
    spent = time.process_time() - began
    assert done.code in (0, 3), f"exit code {done.code}"
    assert "Traceback" not in done.all, "a traceback"
    for one in json.loads(done.out)["diagnostics"]:
        assert one["code"] != "EC900", one
        placed = one["place"] is not None or one["code"] in WITHOUT_PLACE
        assert placed or one["severity"] != "error", one
        if one["place"] is not None and one["place"]["file"] == mutant.changed:
            assert 1 <= one["place"]["line"] <= mutant.content.count(b"\n") + mutant.content.count(b"\r") + 2, one
    assert spent < CPU_S, f"{spent:.1f} CPU s"
    if mutant.number % 10 == 0:  # the way people see it has code of its own
        full = _run(root, "validate")
        assert full.code == done.code, "another exit code as text"
        assert "Traceback" not in full.all, "a traceback as text"
    if mutant.number % 40 == 0:  # what is valid can be planned
        plan = _run(root, "plan", "--offline")
        assert plan.code in ((0, 4) if done.code == 0 else (3, 4)), f"plan --offline: {plan.code}\n{plan.all}"
        assert "EC900" not in plan.all
    return done.code


def _validated(root: Path) -> Done:
    """Do what `validate --json` does, without the words of a command line, which cost as much again."""
    found = api.validate(root)
    is_valid = all(one.severity != "error" for one in found)
    return Done(0 if is_valid else 3, encode(envelope("validate", ok=is_valid, diagnostics=found)), "")


def _run(root: Path, *words: str) -> Done:
    return run("-C", str(root), *words)


def play(batch: Sequence[Mutant], folder: Path) -> Counter[int]:
    """Judge mutants; return how many ended with which exit code. Raises AssertionError at the first bad one."""
    roots: dict[int, Path] = {}
    ended: Counter[int] = Counter()
    for mutant in batch:
        root = roots.get(id(mutant.project))
        if root is None:
            root = roots[id(mutant.project)] = folder / str(len(roots))
            for name, text in mutant.project.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
        try:
            ended[check(mutant, root)] += 1
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}\n{mutant}") from error
        (root / mutant.changed).write_text(mutant.project[mutant.changed])
    return ended


def apart(batch: Sequence[Mutant], folder: Path) -> tuple[Counter[int], str, float, float]:
    """Play in a child of this process; return exit codes, what went wrong, CPU seconds and the most memory in MiB."""
    result = folder / "result"
    child = os.fork()
    if child == 0:
        told = json.dumps([{}, "it ended before its time"])
        try:
            told = json.dumps([play(batch, folder), ""])
        except AssertionError as error:
            told = json.dumps([{}, str(error)])
        finally:
            result.write_text(told)
            os._exit(0)
    _, _, used = os.wait4(child, 0)
    ended, wrong = json.loads(result.read_text())
    cpu_s, rss_mb = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    if not wrong and rss_mb > RSS_MB:
        wrong = f"{rss_mb:.0f} MiB\n" + "\n".join(map(str, batch))
    return Counter({int(code): count for code, count in ended.items()}), wrong, cpu_s, rss_mb


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mutants", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    ended, all_cpu_s, most_mb = Counter[int](), 0.0, 0.0
    every = mutants(given.mutants, given.seed)
    api.validate(ROOT / "examples" / "full")  # what validate imports is there before the first fork
    while batch := list(itertools.islice(every, BATCH)):
        with tempfile.TemporaryDirectory(prefix="engagectl-fuzz-") as folder:
            codes_, wrong, cpu_s, rss_mb = apart(batch, Path(folder))
        if wrong:
            sys.stdout.write(f"{wrong}\n")
            return 1
        ended, all_cpu_s, most_mb = ended + codes_, all_cpu_s + cpu_s, max(most_mb, rss_mb)
    sys.stdout.write(
        f"{given.mutants} mutants, seed {given.seed}: {ended[0]} valid, {ended[3]} told of, "
        f"{all_cpu_s:.1f} CPU s, at most {most_mb:.0f} MiB\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
