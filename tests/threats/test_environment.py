"""A project cannot read the environment: not by a reference, not by a template, not through the driver."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.inside import run

CANARY = "c4nary-of-the-environment"
NAMES = (
    *("GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_RUNTIME_TOKEN", "CI_JOB_TOKEN"),
    *("GITLAB_TOKEN", "ENGAGECTL_GITLAB_TOKEN", "NPM_TOKEN", "PYPI_TOKEN", "DOCKER_PASSWORD"),
    *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_CLIENT_SECRET", "GOOGLE_APPLICATION_CREDENTIALS"),
    *("SNOWFLAKE_PASSWORD", "DATABRICKS_TOKEN", "PGPASSWORD", "DBT_ENV_SECRET_TOKEN", "SLACK_WEBHOOK_URL", "PATH"),
)
ALLOWED = {"ENGAGECTL_ALLOWED_ENV": "CDP_USER,CDP_PASSWORD"}
ROOT = """version: 1
project: p
warehouses:
  w:
    type: postgres
    host: 127.0.0.1
    port: 1
    database: d
    auth: {method: password, user: PLACE, password: PLACE}
"""
COMMANDS = (("validate",), ("plan",), ("apply", "--yes"), ("sync",), ("doctor", "-vv"), ("plan", "--json"))


def write(root: Path, text: str) -> None:
    (root / "engagectl.yaml").write_text(text)


@pytest.mark.parametrize("name", NAMES)
def test_a_well_known_variable_is_not_read(tmp_path: Path, name: str) -> None:
    write(tmp_path, ROOT.replace("PLACE", f"{{$env: {name}}}"))
    for words in COMMANDS if name == "GITHUB_TOKEN" else (("plan",),):
        done = run("-C", str(tmp_path), *words, env={**ALLOWED, name: CANARY})
        assert done.code == {"validate": 0, "doctor": 1}.get(words[0], 3), done.all  # validate resolves nothing
        assert CANARY not in done.all
        if done.code:
            assert f"the environment variable {name} may not be read here" in done.all


OTHER_PLACES = (
    "project: {$env: GITHUB_TOKEN}",
    "journal_schema: {$env: GITHUB_TOKEN}",
    "inputs: {i: {files: [{$env: GITHUB_TOKEN}]}}",
    "spaces: {s: {slug: {$env: GITHUB_TOKEN}}}",
    "traits: {t: {space: s, kind: sql, type: string, description: {$env: GITHUB_TOKEN}}}",
    "targets: {t: {vars: {v: {$env: GITHUB_TOKEN}}}}",
    "warehouses: {w: {type: duckdb, path: x, sync: {every: {$env: GITHUB_TOKEN}}}}",
    "removed: [{address: {$env: GITHUB_TOKEN}, reason: x}]",
)


@pytest.mark.parametrize("place", OTHER_PLACES)
def test_a_reference_stands_in_connection_fields_only(tmp_path: Path, place: str) -> None:
    write(tmp_path, ("" if place.startswith("project") else "project: p\n") + f"version: 1\n{place}\n")
    for words in (("validate",), ("plan", "--json")):
        done = run("-C", str(tmp_path), *words, env={"GITHUB_TOKEN": CANARY})
        assert done.code == 3, done.all
        assert CANARY not in done.all


TEMPLATES = (
    *("${GITHUB_TOKEN}", "$GITHUB_TOKEN", "$(printenv GITHUB_TOKEN)", "`printenv GITHUB_TOKEN`", "%GITHUB_TOKEN%"),
    *("{{ env_var('GITHUB_TOKEN') }}", "{{ env.GITHUB_TOKEN }}", "{{ var('x', env_var('GITHUB_TOKEN')) }}"),
    *("!env GITHUB_TOKEN", "{$env: GITHUB_TOKEN}", "{{ self.__init__.__globals__.os.environ }}", "~/$GITHUB_TOKEN"),
)


@pytest.mark.parametrize("text", TEMPLATES)
def test_nothing_else_in_the_yaml_is_expanded(tmp_path: Path, text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    write(
        tmp_path,
        f"version: 1\nproject: p\nwarehouses: {{w: {{type: duckdb, path: {quoted}}}}}\n"
        "inputs: {i: {files: [x.jsonl]}}\n"
        "spaces: {s: {slug: s, sources: {main: {input: i}}}}\n"
        f"traits: {{t: {{space: s, kind: sql, type: string, description: {quoted}}}}}\n"
        "connections: {c: {space: s, warehouses: [w], send: [{traits: ['*'], as: [identify]}]}}\n",
    )
    for words in (("validate",), ("plan", "--sql"), ("plan", "--json"), ("show", "trait.t"), ("docs",)):
        done = run("-C", str(tmp_path), *words, env={"GITHUB_TOKEN": CANARY})
        assert done.code == 0, done.all
        assert CANARY not in done.all


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A server that asks for the password in clear and writes down all that it is sent."""
    heard: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(10)

    def serve() -> None:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client:
            client.settimeout(2)
            try:
                heard.append(client.recv(4096))
                client.sendall(b"R\x00\x00\x00\x08\x00\x00\x00\x03")
                heard.append(client.recv(4096))
            except OSError:
                pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield int(server.getsockname()[1]), heard
    server.close()
    thread.join(5)


@pytest.mark.postgres
def test_the_driver_sends_no_password_that_the_yaml_does_not_name(
    tmp_path: Path, listener: tuple[int, list[bytes]]
) -> None:
    port, heard = listener
    write(
        tmp_path,
        "version: 1\nproject: p\nwarehouses:\n"
        f"  w: {{type: postgres, host: 127.0.0.1, port: {port}, database: d, user: u, sslmode: disable}}\n",
    )
    variables = {"PGPASSWORD": CANARY, "PGUSER": f"{CANARY}-user", "PGDATABASE": CANARY, "PGSERVICE": CANARY}
    done = run("-C", str(tmp_path), "plan", env={**ALLOWED, **variables})
    assert done.code == 1
    assert heard, done.all
    assert CANARY.encode() not in b"".join(heard)
    assert CANARY not in done.all


@pytest.mark.postgres
def test_without_a_project_the_variables_of_libpq_are_the_flags_default(
    tmp_path: Path, listener: tuple[int, list[bytes]]
) -> None:
    port, heard = listener
    variables = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "me", "PGPASSWORD": CANARY, "PGDATABASE": "d"}
    (tmp_path / ".git").mkdir()
    done = run("-C", str(tmp_path), "inspect", "--warehouse", "postgres", "--sslmode", "disable", env=variables)
    assert done.code == 1
    assert CANARY.encode() in b"".join(heard), done.all
    assert CANARY not in done.all
