"""What a newcomer meets first: help that teaches, init, completion in a real shell, pipes and folders that say no."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pydantic
import pytest

from engagectl.cli.entry import PLUGINS
from engagectl.cli.manual import MANUAL
from engagectl.cli.registry import COMMANDS
from engagectl.cli.starter import WAREHOUSES, templates
from tests.cli.inside import run
from tests.cli.test_command_line import engagectl

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("command", sorted(set(COMMANDS) & set(MANUAL)))
def test_the_help_of_a_command_teaches(command: str) -> None:
    text = run(command, "--help").out
    example = re.search(r"Example: +engagectl (.+)", text)
    assert example is not None
    words = shlex.split(example[1].partition("|")[0])
    assert words[0] == command
    flags = {word for word in words if word.startswith("--")}
    assert all(flag in text or flag in run("--help").out for flag in flags)
    for head in ("Reads: ", "Writes: ", "Exit: "):
        assert f"\n  {head}" in text
    assert "<str>" not in text.partition("Options:")[2]


@pytest.mark.parametrize(
    "words", [("plan", "--help"), ("plan", "--nope"), ("pln",), ("--targt", "x", "plan"), ()], ids=str
)
def test_help_and_wrong_words_load_nothing_heavy(words: tuple[str, ...]) -> None:
    heavy = ("pydantic", "rich", "jinja2", "yaml", "sqlglot", "duckdb", "psycopg", "ruamel", "nanoarrow", "deepdiff")
    script = (
        "import sys\nfrom engagectl.cli.entry import main\n"
        f"code = main({list(words)!r})\n"
        f"loaded = set({heavy!r}) & set(sys.modules)\nassert not loaded, loaded\nsys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "AssertionError" not in done.stderr, done.stderr
    assert done.returncode == (0 if "--help" in words else 64)


def test_validate_looks_for_no_plugins_of_pydantic() -> None:
    """Looking for them imports much; a stand-in answers. It stands where this version of pydantic has the real one."""
    real = Path(pydantic.__file__).parent.parent.joinpath(*PLUGINS.split(".")).with_suffix(".py")
    assert "\ndef get_plugins() ->" in real.read_text()
    script = (
        "import sys\nfrom engagectl.cli.entry import main\ncode = main(['-C', 'examples/quickstart', 'validate'])\n"
        "assert 'pydantic' in sys.modules\nassert 'importlib.metadata' not in sys.modules\nsys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_wrong_words_get_a_suggestion(tmp_path: Path) -> None:
    assert "plan" in run("plna").err
    assert "--offline" in run("plan", "--ofline").err
    assert "--target" in run("plan", "--targt", "x").err
    assert run("init", str(tmp_path / "p")).code == 0
    assert "activation.vip_membership?" in run("-C", str(tmp_path / "p"), "show", "activation.vip_membershp").err


@pytest.mark.parametrize("template", templates())
def test_a_project_of_init_goes_the_whole_way(tmp_path: Path, template: str) -> None:
    root = tmp_path / "my project"
    made = run("init", str(root), "--template", template)
    assert made.code == 0
    lines = made.out.splitlines()
    assert len(lines) <= 15
    assert lines[-2] == f"Next: engagectl -C '{root}' plan"
    assert sum(line.startswith("made ") for line in lines) == sum(path.is_file() for path in root.rglob("*"))
    assert "build/" in (root / ".gitignore").read_text()
    for words in (("validate",), ("plan",), ("apply", "--yes"), ("sync",), ("drift", "--detailed-exitcode")):
        done = run("-C", str(root), *words, env={"EMAIL_HASHING_KEY": "of this test"})
        waits = template == "full" and words == ("sync",) and "hmac_sha256: not built yet" in done.out
        assert done.code == (5 if waits else 0), f"{words}\n{done.all}"
    again = run("init", str(root), "--template", template)
    assert "made" not in again.out.replace(str(root), "")


@pytest.mark.parametrize("warehouse", WAREHOUSES)
@pytest.mark.parametrize("template", ["quickstart", "minimal"])
def test_init_begins_with_any_warehouse(tmp_path: Path, template: str, warehouse: str) -> None:
    assert run("init", str(tmp_path), "--template", template, "--warehouse", warehouse).code == 0
    document = json.loads(run("-C", str(tmp_path), "validate", "--json").out)
    assert document["summary"]["error"] == 0
    assert f"type: {warehouse}\n" in (tmp_path / "engagectl.yaml").read_text()


def test_init_names_what_it_cannot_do(tmp_path: Path) -> None:
    for words in (("-w", "oracle"), ("-w", "duckdb", "-w", "postgres"), ("-w", "postgres", "--template", "full")):
        assert run("init", str(tmp_path / "x"), *words).code == 64
    (tmp_path / "file").write_text("")
    assert run("init", str(tmp_path / "file")).code == 64
    done = run("init", "/proc/nowhere/project")
    assert done.code == 1
    assert "error[EC023]" in done.err


def test_bash_completes_commands_and_flags(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.fail("this test needs bash: apt-get install bash")
    tool = tmp_path / "engagectl"
    tool.write_text(f'#!/bin/sh\nexec {sys.executable} -m engagectl "$@"\n')
    tool.chmod(0o755)
    script = (
        "source <(engagectl completion bash)\n"
        "complete -p engagectl\n"
        "function=$(complete -p engagectl | sed 's/.*-F \\([^ ]*\\).*/\\1/')\n"
        'ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()\n'
        '"$function" engagectl; echo "= ${COMPREPLY[*]}"; }\n'
        "ask engagectl val\nask engagectl history --\n"
    )
    done = subprocess.run(
        [bash, "--noprofile", "--norc", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("=")]
    assert told[0] == "= validate", done.stderr
    assert {"--applies", "--syncs", "--limit"} <= set(told[1].split())


def test_zsh_completes_where_it_is_installed_and_its_script_is_whole(tmp_path: Path) -> None:
    script = run("completion", "zsh").out
    assert script.startswith("#compdef engagectl")
    zsh = shutil.which("zsh")
    if zsh is not None:  # the protocol below is what the script speaks, with or without a shell
        (tmp_path / "_engagectl").write_text(script)
        subprocess.run([zsh, "-n", str(tmp_path / "_engagectl")], check=True)
    done = engagectl(env={"_ENGAGECTL_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "engagectl val"})
    assert "validate" in done.stdout


def test_an_apply_whose_reader_goes_away_is_still_done(tmp_path: Path) -> None:
    assert run("init", str(tmp_path)).code == 0
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "engagectl", "-C", str(tmp_path), "apply", "--yes"],
        cwd=ROOT,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(write)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert run("-C", str(tmp_path), "plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_failure(tmp_path: Path, closed: str) -> None:
    assert run("init", str(tmp_path)).code == 0
    line = f"{shlex.quote(sys.executable)} -m engagectl -C {shlex.quote(str(tmp_path))} plan {closed}"
    done = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("plan", "--select", "activation.vip_membershp"), "activation.vip_membership"),
        (("apply", "--yes", "--select", "table.engage_default.usrs"), "table.engage_default.users"),
        (("sql", "table.engage_default.identifes"), "table.engage_default.identifies"),
        (("plan", "--select", "nope.*"), ""),
        (("show", "engage_default.users"), "table.engage_default.users"),
        (("explain", "EC1044"), "EC104"),
    ],
)
def test_what_names_nothing_is_an_error_and_gets_a_suggestion(
    tmp_path: Path, words: tuple[str, ...], meant: str
) -> None:
    assert run("init", str(tmp_path)).code == 0
    done = run("-C", str(tmp_path), *words)
    assert done.code == 64
    assert f"did you mean {meant}" in done.err if meant else "nothing here is named" in done.err
    assert not (tmp_path / "build").exists() or words[0] == "apply"


def test_a_table_without_a_change_may_be_selected(tmp_path: Path) -> None:
    assert run("init", str(tmp_path)).code == 0
    assert run("-C", str(tmp_path), "apply", "--yes").code == 0
    for address in ("table.engage_default.users", "local/table.*", "column.engage_default.users.id", "trait.*"):
        assert run("-C", str(tmp_path), "plan", "--select", address).code == 0, address
