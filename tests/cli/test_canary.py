"""A secret stands in every slot that can hold one; no command, in success or failure, ever lets it out again."""

import base64
import contextlib
import errno
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest

from engagectl.cli.registry import COMMANDS as REGISTRY
from engagectl.config import warehouse as warehouse_specs
from tests.cli.inside import Done, run

CANARY = "Kanari€/+v0gel-9f3e7b1c5d@&%41"
_PLAIN = {CANARY, "v0gel-9f3e7b1c5d"}  # the second is what is left when libpq cuts it at its signs
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("validate",),
    ("validate", "--output-format", "sarif"),
    ("plan",),
    ("plan", "--sql", "--out", "OUT/plan.json", "--markdown", "OUT/plan.md"),
    ("plan", "--offline"),
    ("apply", "--yes"),
    ("apply", "OUT/plan.json"),
    ("sync",),
    ("drift",),
    ("status",),
    ("history",),
    ("doctor",),
    ("doctor", "--config"),
    ("doctor", "--grants", "sql"),
    ("quarantine", "list"),
    ("quarantine", "show", "1"),
    ("drift", "--snapshot", "OUT/catalog.json"),
    ("plan", "--catalog", "OUT/catalog.json"),
    ("import",),
    ("import", "--undeclared"),
    ("compare", "engage_default", "default"),
    ("disown", "table.engage_default.nothing"),
    ("unlock",),
    ("erase", "--user", "u123", "--dry-run"),
    ("graph",),
    ("docs",),
    ("docs", "--live", "--html"),
    ("export", "dbt-sources"),
    ("fmt", "--check", "--diff"),
    ("inspect",),
    ("show", "connection.engage_classic"),
    ("sql", "table.engage_default.users"),
    ("schema", "--write"),
)
ALONE: tuple[tuple[str, ...], ...] = (  # these open no project
    ("init", "/proc/nowhere"),
    ("demo", "--keep", "/proc/nowhere"),
    ("explain", "EC104"),
    ("explain", "CANARY"),
    ("completion", "bash"),
    ("version",),
    ("ci", "comment", "--body-file", "/proc/nowhere"),
    ("ci", "issue"),
    ("inspect", "--warehouse", "postgres", "--dsn-env", "CANARY"),
    ("inspect", "--warehouse", "postgres", "--host", "127.0.0.1", "--port", "1"),
)
LOUD = (("-v", "--log-format", "json"), ("-vv",), ("--json", "--report", "OUT/report.json", "--log-file", "OUT/log"))
POSTGRES = "    type: postgres\n    host: 127.0.0.1\n    port: {port}\n    database: cdp\n    sslmode: disable\n"


def _forms(secret: str) -> Iterator[str]:
    raw = secret.encode()
    yield from (secret, secret[::-1], " ".join(secret), quote(secret, safe=""), raw.hex(), repr(secret)[1:-1])
    yield ascii(secret)[1:-1]
    for shift in range(3):  # base64 of text that holds it, at each of the three places it may begin
        coded = base64.b64encode(b"x" * shift + raw).decode()
        yield coded[4 if shift else 0 : len(coded) // 4 * 4 - 4]
        yield coded.translate(str.maketrans("+/", "-_"))[4 if shift else 0 : len(coded) // 4 * 4 - 4]


FORMS = {form.lower() for secret in _PLAIN for form in _forms(secret)}


def _silent(text: str, where: str) -> None:
    lowered = text.lower()
    for form in FORMS:
        assert form not in lowered, f"{where} holds the secret"


@dataclass
class Case:
    """A project whose warehouse holds a secret, and something that goes wrong."""

    root: Path
    out: Path
    env: dict[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()  # files of the project that the secret was written into

    def warehouse(self, text: str, *, more: str = "") -> None:
        file = self.root / "engagectl.yaml"
        before, _, rest = file.read_text().partition("    type: duckdb\n    path: ./build/acme.duckdb\n")
        assert rest
        file.write_text(before + text + rest + more)

    def run(self, *words: str) -> Done:
        given = [word.replace("OUT", str(self.out)) for word in words]
        return run("-C", str(self.root), *self.flags, "--lock-timeout", "0", *given, env=self.env)


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def repeating_server() -> Iterator[int]:
    """A server that asks for the password, then says it is wrong, and says which it was."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client:
                    _refuse(client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _refuse(client: socket.socket) -> None:
    def take(count: int) -> bytes:
        data = b""
        while len(data) < count and (piece := client.recv(count - len(data))):
            data += piece
        return data

    while (body := take(int.from_bytes(take(4), "big") - 4))[:4] in (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30"):
        client.sendall(b"N")  # neither TLS nor GSS
    assert body[:4] == b"\x00\x03\x00\x00"
    client.sendall(b"R\x00\x00\x00\x08\x00\x00\x00\x03")
    take(1)
    password = take(int.from_bytes(take(4), "big") - 4).rstrip(b"\0")
    fields = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed, it was " + password + b"\0\0"
    client.sendall(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)


def by_env(case: Case) -> None:
    case.warehouse("    type: duckdb\n    path: {$env: CANARY}\n")
    case.env["CANARY"] = f"build/{CANARY}.duckdb"
    case.holds = (Path(case.env["CANARY"]).name,)  # DuckDB keeps its own file's name in the file


def by_file(case: Case) -> None:
    secret = case.out / "secret"
    secret.write_text(CANARY)
    line = f"    auth: {{method: password, user: u, password: {{$file: {secret}}}}}\n"
    case.warehouse(POSTGRES.format(port=_port()) + line)


def by_env_file(case: Case) -> None:
    (case.out / "env").write_text(f"CANARY={CANARY}\nBROKEN {CANARY}\n")
    case.flags = ("--env-file", str(case.out / "env"))


def host_down(case: Case) -> None:
    case.env["CANARY"] = CANARY
    case.warehouse(POSTGRES.format(port=_port()) + "    auth: {method: password, user: u, password: {$env: CANARY}}\n")


def dsn(text: str) -> Callable[[Case], None]:
    def made(case: Case) -> None:
        case.env["CANARY"] = text.format(secret=CANARY, quoted=quote(CANARY, safe=""), port=_port())
        case.warehouse("    type: postgres\n    dsn: {$env: CANARY}\n")

    return made


def unset(case: Case) -> None:
    case.env["OTHER"] = CANARY
    case.warehouse(POSTGRES.format(port=1) + "    auth: {method: password, user: {$env: U}, password: {$env: P}}\n")


def forbidden(case: Case) -> None:
    case.env |= {"P": CANARY, "ENGAGECTL_ALLOWED_ENV": "U"}
    case.warehouse(POSTGRES.format(port=1) + "    auth: {method: password, user: u, password: {$env: P}}\n")


def pasted(text: str) -> Callable[[Case], None]:
    def made(case: Case) -> None:
        case.holds = ("engagectl.yaml",)
        case.warehouse(text.replace("SECRET", CANARY))

    return made


def broken_yaml(case: Case) -> None:
    case.holds = ("engagectl.yaml",)
    case.warehouse(f"    type: postgres\n    password: '{CANARY}'\n    dsn: '{CANARY}\n  - [\n")


def hashing_key(case: Case) -> None:
    case.env["CANARY"] = CANARY
    more = "credentials:\n  hashing: {method: hmac_key, key: {$env: CANARY}}\n"
    case.warehouse("    type: duckdb\n    path: ./build/acme.duckdb\n", more=more)
    file = case.root / "engage/growth.yaml"
    file.write_text(file.read_text().replace("lower, sha256", "lower, {hmac_sha256: hashing}"))


def secret_in_the_folder(case: Case) -> None:
    inside = case.root / "secret"
    inside.write_text(CANARY)
    case.holds = ("secret",)
    case.warehouse(
        POSTGRES.format(port=1) + f"    auth: {{method: password, user: u, password: {{$file: {inside}}}}}\n"
    )


CASES: dict[str, Callable[[Case], None]] = {
    "a path by reference": by_env,
    "a file, host down": by_file,
    "an env file that is broken": by_env_file,
    "an environment variable, host down": host_down,
    "a dsn, host down": dsn("postgresql://u:{quoted}@127.0.0.1:{port}/cdp?sslmode=disable"),
    "a dsn, not escaped": dsn("postgresql://u:{secret}@127.0.0.1:{port}/cdp?sslmode=disable"),
    "a dsn of another kind": dsn("mysql://u:{secret}@h/cdp"),
    "a dsn with a broken escape": dsn("postgresql://u:{quoted}%zz@127.0.0.1/cdp"),
    "a dsn of words": dsn("host=127.0.0.1 port={port} user=u password={secret} sslmode=disable"),
    "a dsn of broken words": dsn("host=127.0.0.1 user=u password={secret} and more"),
    "a dsn whose host it is": dsn("host={secret} port={port} connect_timeout=2 hostaddr=127.0.0.1"),
    "an unset variable, another one set": unset,
    "a variable that is not allowed": forbidden,
    "pasted as the password": pasted("    type: postgres\n    auth: {method: password, user: u, password: 'SECRET'}\n"),
    "pasted as a dsn": pasted("    type: postgres\n    dsn: 'postgresql://u:SECRET@h/d'\n"),
    "pasted under a misspelt key": pasted("    type: duckdb\n    path: x.duckdb\n    pasword: 'SECRET'\n"),
    "pasted as a type": pasted("    type: 'SECRET'\n"),
    "pasted as a port": pasted("    type: postgres\n    host: h\n    port: 'SECRET'\n"),
    "pasted as a tag": pasted("    type: duckdb\n    path: !Kanari€v0gel-9f3e7b1c5d x\n"),
    "pasted in a comment": pasted("    type: duckdb\n    pth: x  # SECRET\n"),
    "pasted in broken YAML": broken_yaml,
    "a key for hashing": hashing_key,
    "a secret file in the project": secret_in_the_folder,
}


@pytest.fixture
def case(tmp_path: Path) -> Case:
    root, out = tmp_path / "project", tmp_path / "out"
    out.mkdir()
    assert run("init", str(root)).code == 0
    return Case(root, out)


def _look(case: Case, done: Done, words: tuple[str, ...], loud: tuple[str, ...]) -> None:
    what = " ".join((*words, *loud))
    _silent(done.out, f"stdout of {what}")
    _silent(done.err, f"stderr of {what}")
    if "-vv" not in loud:
        assert "Traceback" not in done.all, what
    assert "EC900" not in done.all, f"{what}: {done.all}"
    for path in (*case.out.iterdir(), *case.root.rglob("*")):
        kept = path.is_file() and path.name not in ("secret", "env") and path.name not in case.holds
        if kept:
            _silent(path.read_bytes().decode("utf-8", "replace"), f"{path.name} after {what}")


@pytest.mark.parametrize("name", CASES)
def test_no_secret_comes_out(case: Case, name: str) -> None:
    CASES[name](case)
    for number, words in enumerate(COMMANDS):
        for loud in LOUD if words[0] in ("validate", "plan", "apply") else LOUD[number % 3 :][:1]:
            _look(case, case.run(*words, *loud), words, loud)


def test_every_command_is_tried() -> None:
    assert {words[0] for words in (*COMMANDS, *ALONE)} == set(REGISTRY)
    assert len(CASES) >= 15


@pytest.mark.parametrize("words", ALONE, ids=" ".join)
def test_no_secret_comes_out_without_a_project(tmp_path: Path, words: tuple[str, ...]) -> None:
    names = ("PGPASSWORD", "PGUSER", "GITHUB_TOKEN", "ENGAGECTL_GITLAB_TOKEN", "AWS_SECRET_ACCESS_KEY")
    env = dict.fromkeys(names, CANARY) | {"GITHUB_REPOSITORY": "a/b", "GITHUB_API_URL": "http://127.0.0.1:1"}
    for text in (CANARY, f"postgresql://u:{CANARY}@127.0.0.1:1/d", f"host=127.0.0.1 port=1 password='{CANARY}'"):
        for loud in LOUD:
            given = [word.replace("OUT", str(tmp_path)) for word in (*words, *loud)]
            done = run("-C", str(tmp_path), *given, env={**env, "CANARY": text})
            _silent(done.all, " ".join(given))
            assert "has a bug" not in done.all, done.all
            for path in tmp_path.rglob("*"):
                if path.is_file():
                    _silent(path.read_text("utf-8", "replace"), path.name)


SLOTS = {  # every secret of every way to sign in, with a warehouse that takes it
    "password.password": ("snowflake, account: a, database: d", "method: password, user: u, password: SECRET"),
    "key_pair.private_key": ("snowflake, account: a, database: d", "method: key_pair, user: u, private_key: SECRET"),
    "key_pair.passphrase": (
        "snowflake, account: a, database: d",
        "method: key_pair, user: u, private_key: {$env: OTHER}, passphrase: SECRET",
    ),
    "token.token": ("databricks, host: h, http_path: p, catalog: c", "method: token, token: SECRET"),
    "oauth_m2m.client_secret": (
        "databricks, host: h, http_path: p, catalog: c",
        "method: oauth_m2m, client_id: i, client_secret: SECRET",
    ),
    "service_account.json_": ("bigquery, project: p", "method: service_account, json: SECRET"),
    "hmac_key.key": ("duckdb, path: x", "method: hmac_key, key: SECRET"),
}
OFFLINE = [
    *(("validate", "--output-format", form) for form in ("full", "json", "github", "gitlab", "sarif", "junit")),
    *(("plan", "--offline", "-vv"), ("plan", "--offline", "--json"), ("doctor", "--config"), ("fmt", "--diff")),
    *(("doctor", "--grants", "sql"), ("show", "connection.engage_classic"), ("docs",), ("graph",)),
]


def test_every_secret_of_the_models_is_a_slot() -> None:
    methods = {name: spec for name, spec in vars(warehouse_specs).items() if name.endswith("Spec")}
    found = set()
    for spec in methods.values():
        fields = getattr(spec, "model_fields", {})
        method = fields.get("method")
        found |= {
            f"{method.annotation.__args__[0]}.{name}"
            for name, field in fields.items()
            if method is not None and "EnvRef" in str(field.annotation) and "str" not in str(field.annotation)
        }
    assert found == set(SLOTS)


@pytest.mark.parametrize("slot", SLOTS)
@pytest.mark.parametrize("how", ["pasted", "by reference"])
def test_no_secret_comes_out_of_any_slot(case: Case, slot: str, how: str) -> None:
    kind, auth = SLOTS[slot]
    said = auth.replace("SECRET", f"'{CANARY}'" if how == "pasted" else "{$env: CANARY}")
    text = "    type:   " + kind.replace(", ", "\n    ") + f"\n    auth: {{   {said}}}\n"  # a layout that fmt changes
    case.warehouse(text, more=f"credentials:\n  c: {{{said}}}\n")
    case.env["CANARY"] = CANARY
    case.holds = ("engagectl.yaml",) if how == "pasted" else ()
    for words in OFFLINE:
        done = case.run(*words)
        assert how != "pasted" or words[0] == "fmt" or done.code == 3, done.all
        _look(case, done, words, ("-vv",))


def test_a_server_that_repeats_the_password_is_not_repeated(case: Case) -> None:
    with repeating_server() as port:
        case.env["CANARY"] = CANARY
        login = "    auth: {method: password, user: u, password: {$env: CANARY}}\n"
        case.warehouse(POSTGRES.format(port=port) + login)
        for words in (("plan",), ("apply", "--yes"), ("sync",), ("status",)):
            for loud in LOUD:
                done = case.run(*words, *loud)
                assert done.code == 1
                assert "the user or the password is wrong" in done.all
                _look(case, done, words, loud)
        doctor = case.run("doctor", "-vv")
        assert doctor.code == 1
        _look(case, doctor, ("doctor",), ("-vv",))


def test_failures_after_connecting_are_as_silent(case: Case) -> None:
    hashing_key(case)
    assert case.run("plan", "--out", "OUT/plan.json").code == 0
    assert case.run("apply", "--yes").code == 0
    (case.root / "data/engage/bad.jsonl").write_bytes(b'{"type": "identify", \xff\n[1]\nnull\n' + b"[" * 3000 + b"\n")
    for words in (("sync",), ("apply", "OUT/plan.json"), ("quarantine", "list"), ("status",), ("drift",)):
        for loud in LOUD:
            _look(case, case.run(*words, *loud), words, loud)


def test_a_file_in_use_and_a_folder_without_rights(case: Case, tmp_path: Path) -> None:
    case.env["CANARY"] = str(tmp_path / f"{quote(CANARY, safe='')}.duckdb")
    case.warehouse("    type: duckdb\n    path: {$env: CANARY}\n")
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with _process(script, case.env["CANARY"]) as held:
        assert held
        for words in COMMANDS:
            done = case.run(*words, "-v")
            if words[0] in ("sync", "drift", "status"):
                assert done.code == 4, done.err
                assert "EC510" in done.err
            _look(case, done, words, ("-v",))
    case.env["CANARY"] = f"/proc/{quote(CANARY, safe='')}/x.duckdb"  # nobody may make a folder there
    for words in (("plan",), ("apply", "--yes"), ("sync",)):
        _look(case, case.run(*words, "-vv"), words, ("-vv",))


@contextlib.contextmanager
def _process(script: str, *words: str) -> Iterator[bool]:
    import subprocess

    process = subprocess.Popen(
        [sys.executable, "-c", script, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline() == "open\n"
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def test_a_full_disk_is_one_error(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.fail("this system has no /dev/full: run the test where it does")
    hashing_key(case)
    done = case.run("plan", "--report", "/dev/full")
    assert done.code == 1
    assert os.strerror(errno.ENOSPC) in done.err
    _look(case, done, ("plan",), ())


def test_the_journal_of_a_hashing_key_holds_no_key(case: Case) -> None:
    hashing_key(case)
    assert case.run("apply", "--yes").code == 0
    with duckdb.connect(str(case.root / "build/acme.duckdb"), read_only=True) as look:
        tables = look.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name = 'engagectl'"
        ).fetchall()
        assert tables
        for schema, table in tables:
            rows = look.execute(f'SELECT CAST(t AS VARCHAR) FROM "{schema}"."{table}" AS t').fetchall()
            _silent("\n".join(row[0] for row in rows), f"journal table {table}")
