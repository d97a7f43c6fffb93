"""The command line as a user meets it: every law here is about words in, streams and exit codes out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from engagectl.cli.app import app
from engagectl.cli.flags import TABLE, FlagError, Invocation, from_environment, take
from engagectl.cli.registry import COMMANDS
from tests.cli.inside import run

ROOT = Path(__file__).parents[2]


def engagectl(*words: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ENGAGECTL_")}
    clean.pop("FORCE_COLOR", None)
    return subprocess.run(
        [sys.executable, "-m", "engagectl", *words],
        cwd=cwd,
        env={**clean, "PYTHONPATH": str(ROOT), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    assert run("init", str(folder)).code == 0
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    done = run(command, "--help")
    assert done.code == 0, done.err
    assert COMMANDS[command][1] in " ".join(done.out.split())


def test_the_first_page_is_the_same_with_and_without_typer() -> None:
    page = run("--help")
    assert page.code == 0
    assert page.out == run("-q", "--help").out == run("-h").out
    assert all(len(line) <= 80 for line in page.out.partition("Global flags")[0].splitlines())


def test_help_imports_nothing_heavy() -> None:
    heavy = ("typer", "typing", "pydantic", "rich", "jinja2", "yaml", "sqlglot", "duckdb", "psycopg", "ruamel")
    script = (
        "import sys\nfrom engagectl.cli.entry import main\nassert main(['--help']) == 0\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        f"print(loaded & set({heavy!r}), file=sys.stderr)\n"
        "print([n for n in sys.modules if n.startswith('engagectl.cli.commands')], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == "set()\n[]\n"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("pln",),
        ("plan", "--nope"),
        ("plan", "--offline", "--base", "main"),
        ("plan", "-C"),
        ("plan", "--color", "pink"),
        ("plan", "--json=1"),
        ("plan", "--lock-timeout", "nan"),
        ("plan", "-vx"),
        ("history", "--limit", "none"),
        ("quarantine", "burn"),
        ("explain",),
        ("explain", "EC998"),
        ("init", "x", "--template", "../etc"),
        ("validate", "--var", "novalue"),
    ],
)
def test_wrong_words_exit_64_without_a_traceback(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.code == 64
    assert "Traceback" not in done.err
    assert not words or "error[EC064]" in done.err


def test_did_you_mean() -> None:
    assert "plan" in run("pln").err


@pytest.mark.parametrize("words", [("--version",), ("version",), ("version", "-v")])
def test_version(words: tuple[str, ...]) -> None:
    assert run(*words).out.startswith("engagectl 0.")


def test_global_flags_mean_the_same_before_and_after(project: Path) -> None:
    before = run("-C", str(project), "--json", "validate")
    after = run("validate", "--json", f"--project-dir={project}")
    glued = run("validate", f"-vC{project}", "--json")
    assert before.code == after.code == glued.code == 0
    assert before.out == after.out == glued.out


def test_environment_fills_in_and_flags_win() -> None:
    state = Invocation()
    from_environment(state, {"ENGAGECTL_TARGET": "prod", "ENGAGECTL_WAREHOUSE": "a,b", "ENGAGECTL_QUIET": "1"})
    assert (state.target, state.warehouses, state.quiet) == ("prod", ["a", "b"], True)
    assert take(["plan", "-t", "dev", "-w", "c", "--", "-t"], state) == ["plan", "--", "-t"]
    assert (state.target, state.warehouses) == ("dev", ["c"])
    with pytest.raises(FlagError):
        from_environment(Invocation(), {"ENGAGECTL_JSON": "perhaps"})


def test_no_command_reuses_a_global_flag() -> None:
    group = typer.main.get_command(app)
    assert {"plan", "apply", "sync"} <= set(COMMANDS)
    for name in COMMANDS:
        own = {flag for parameter in group.load(name).params for flag in parameter.opts}  # type: ignore[attr-defined]  # LazyGroup
        assert not own & set(TABLE), name


def test_every_document_is_the_envelope(project: Path) -> None:
    for words in (("validate",), ("version", "-q"), ("explain", "EC104"), ("completion", "bash"), ("pln",)):
        done = run("-C", str(project), "--json", *words)
        document = json.loads(done.out)
        assert {"schema", "engagectl", "ok", "summary", "diagnostics"} <= set(document), words
        assert document["ok"] == (done.code == 0)


def test_report_writes_the_document(project: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    assert run("-C", str(project), "validate", "--report", str(report)).code == 0
    assert json.loads(report.read_text())["schema"] == "engagectl/validate/1"


def test_invalid_configuration_exits_3(project: Path) -> None:
    file = project / "engagectl.yaml"
    file.write_text(file.read_text().replace("every: 1h", "evry: 1h"))
    for command in ("validate", "plan", "apply", "sync", "drift", "status", "history", "doctor"):
        done = run("-C", str(project), command)
        assert done.code == 3, (command, done.err)
        assert "error[EC104]" in done.all
        assert "engagectl.yaml:" in done.all


def test_no_project_is_one_error(tmp_path: Path) -> None:
    done = run("-C", str(tmp_path), "plan")
    assert done.code == 3
    assert "error[EC021]" in done.err


def test_init_overwrites_nothing(project: Path) -> None:
    (project / "engagectl.yaml").write_text("mine")
    done = run("init", str(project))
    assert done.code == 0
    assert "kept" in done.out
    assert (project / "engagectl.yaml").read_text() == "mine"


def test_completion_of_a_command_word() -> None:
    env = {"_ENGAGECTL_COMPLETE": "complete_bash", "COMP_WORDS": "engagectl pl", "COMP_CWORD": "1"}
    assert run(env=env).out.split() == ["plan"]
    assert "_ENGAGECTL_COMPLETE" in run("completion", "bash").out


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from engagectl.cli import entry, starter

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(starter, "make_project", interrupted)
    assert entry.main(["init", "anywhere"]) == 130
    assert "error[EC130]" in capsys.readouterr().err


def test_an_unknown_exception_shows_its_type_and_no_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from engagectl.cli import entry, starter

    def broken(*_: object, **__: object) -> None:
        raise ValueError("hunter2")

    monkeypatch.setattr(starter, "make_project", broken)
    assert entry.main(["init", "anywhere"]) == 1
    told = capsys.readouterr().err
    assert "error[EC900]" in told
    assert "hunter2" not in told
    assert "Traceback" not in told
    assert entry.main(["-vv", "init", "anywhere"]) == 1
    assert "Traceback" in capsys.readouterr().err
