"""A project is data: nothing of its folder is run or read that the YAML does not name, and nobody is called."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.inside import run

TRAP = "import pathlib\npathlib.Path(__file__).with_suffix('.sprung').touch()\nraise SystemExit('sprung')\n"
MODULES = (
    *("sitecustomize", "usercustomize", "conftest", "setup", "engagectl_plugin", "plugins", "macros", "hooks"),
    *("yaml", "duckdb", "pydantic", "typer", "jinja2", "sqlglot", "psycopg", "json", "pytz", "zstandard"),
)
OTHERS = {
    ".env": "CANARY=read-from-dot-env\n",
    ".envrc": "export CANARY=read-from-dot-env\n",
    "pyproject.toml": '[project.entry-points."engagectl.warehouses"]\nx = "plugins:x"\n',
    "setup.cfg": "[options.entry_points]\nengagectl.warehouses =\n  x = plugins:x\n",
    ".pth": "import plugins\n",
    "engagectl.pth": "import plugins\n",
    ".duckdbrc": ".shell touch sprung\n",
    ".pgpass": "*:*:*:*:CANARY\n",
    ".pg_service.conf": "[x]\nhost=evil.example\n",
    "engagectl.toml": "plugins = ['plugins']\n",
    ".engagectl/config.yaml": "plugins: [plugins]\n",
    "templates/create_table.sql.j2": "DROP TABLE users\n",
    "engage/create_table.sql.j2": "DROP TABLE users\n",
}
OFFLINE: tuple[tuple[str, ...], ...] = (
    ("validate",),
    ("validate", "--output-format", "sarif"),
    ("fmt", "--check"),
    ("plan", "--offline", "--sql"),
    ("graph",),
    ("docs",),
    ("export", "dbt-sources"),
    ("show", "connection.engage_classic"),
    ("sql", "table.engage_default.users"),
    ("schema",),
    ("explain", "EC104"),
    ("doctor", "--config"),
    ("doctor", "--grants", "sql"),
    ("completion", "bash"),
    ("version",),
    ("plan",),
    ("apply", "--yes"),
    ("sync",),
    ("drift",),
    ("status",),
    ("inspect",),
)
# the hooks of CPython tell of every file that Python opens, every process and every connection, whoever asks for it
SCRIPT = """
import json, sys
seen = []
def watch(event, facts):
    if event in ("open", "subprocess.Popen", "os.system", "os.exec", "socket.connect", "socket.getaddrinfo"):
        seen.append([event, str(facts[0])])
from engagectl.cli.entry import main
sys.addaudithook(watch)
codes = [main(["-C", ".", *words]) for words in json.loads(sys.argv[1])]
with open(sys.argv[2], "w") as told:
    json.dump({"codes": codes, "seen": seen}, told)
"""


@pytest.fixture(scope="module")
def trapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("trapped") / "project"
    assert run("init", str(root)).code == 0
    for name in MODULES:
        (root / f"{name}.py").write_text(TRAP)
    (root / "engagectl").mkdir()
    (root / "engagectl" / "__init__.py").write_text(TRAP)
    for name, text in OTHERS.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    return root


def _sprung(root: Path) -> list[str]:
    return [str(path) for path in root.rglob("*sprung")]


def test_the_console_script_runs_nothing_of_the_folder(trapped: Path) -> None:
    script = Path(sys.executable).with_name("engagectl")
    for words in (("validate",), ("plan", "--offline")):
        done = subprocess.run([script, *words], cwd=trapped, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
    assert _sprung(trapped) == []


def test_commands_open_what_the_yaml_names_and_call_nobody(trapped: Path, tmp_path: Path) -> None:
    """In a network namespace without a network where the system gives us one; the hooks watch in any case."""
    command = [sys.executable, "-P", "-c", SCRIPT, json.dumps(OFFLINE), str(tmp_path / "told")]
    apart = shutil.which("unshare")
    if apart and subprocess.run([apart, "-rn", "true"], capture_output=True, check=False).returncode == 0:
        command = [apart, "-rn", *command]
    done = subprocess.run(command, cwd=trapped, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-3_000:]
    told = json.loads((tmp_path / "told").read_text())
    assert dict(zip(map(" ".join, OFFLINE), told["codes"], strict=True)) == dict.fromkeys(map(" ".join, OFFLINE), 0)
    seen = [(event, what) for event, what in told["seen"]]
    assert {what for event, what in seen if event == "subprocess.Popen"} <= {"git"}
    assert not [what for event, what in seen if event.startswith(("socket", "os."))]
    files = {what for event, what in seen if event == "open"}
    mine = {Path(what).name for what in files if Path(trapped, what).is_relative_to(trapped) and not what.isdigit()}
    assert "engagectl.yaml" in mine
    assert not mine & {*(Path(name).name for name in OTHERS), *(f"{name}.py" for name in MODULES)}
    assert _sprung(trapped) == []


def test_a_dot_env_file_is_not_read(trapped: Path) -> None:
    file = trapped / "engagectl.yaml"
    before = file.read_text()
    file.write_text(before.replace("path: ./build/acme.duckdb", "path: {$env: CANARY}"))
    try:
        done = run("-C", str(trapped), "plan")
    finally:
        file.write_text(before)
    assert done.code == 3
    assert "EC210" in done.all
    assert "read-from-dot-env" not in done.all
