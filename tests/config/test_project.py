from pathlib import Path

import pytest

from engagectl.config.field import parse_type, seconds
from engagectl.config.files import find_root
from engagectl.config.json_schema import schema_text
from engagectl.config.load import Problem, load_yaml
from engagectl.config.project import load_project
from engagectl.config.resolve import Secret, resolve_secrets
from engagectl.errors import ConfigError
from engagectl.model.column_type import Decimal
from engagectl.show.as_concise import as_concise
from engagectl.show.diagnostics import as_data, as_full

SAMPLE = Path(__file__).parent / "sample"
CANARY = "hunter2canary"
ROOT = """
project: acme
warehouses:
  local: {type: duckdb, path: a.duckdb}
spaces: {default: {}}
"""


def write(folder: Path, text: str, **files: str) -> Path:
    (folder / "engagectl.yaml").write_text(text)
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(content)
    return folder


def refused(folder: Path, *, target: str | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_project(folder, target=target)
    assert (caught.value.code, caught.value.exit_code) == ("EC100", 3)
    return caught.value


def codes(error: ConfigError) -> list[str]:
    return [item.code for item in error.diagnostics if item.severity == "error"]


@pytest.mark.parametrize(("target", "warehouse"), [("dev", "local"), ("prod", "snow")])
def test_the_sample_project_loads_for_every_target(target: str, warehouse: str) -> None:
    project = load_project(SAMPLE, target=target)
    assert project.roles == {"cdp": warehouse}
    assert project.owner("activations", "vip_membership") == "growth"
    assert project.owner("traits", "phone") == "data-platform"
    assert str(project.place(project.origin("traits", "phone"), key=True)) == "engage/default_space.yaml:11:3"


def test_a_variable_is_put_in_for_the_target_that_uses_it() -> None:
    assert load_project(SAMPLE, target="prod").spec.warehouses["snow"].database == "CDP"
    assert load_project(SAMPLE, target="prod", variables={"database": "X"}).spec.warehouses["snow"].database == "X"


def test_a_misspelt_key_is_one_diagnostic_with_a_suggestion(tmp_path: Path) -> None:
    error = refused(write(tmp_path, ROOT.replace("path:", "paht:")))
    (found,) = error.diagnostics
    assert (found.code, found.label) == ("EC104", "did you mean `path`?")
    assert str(found.place) == "engagectl.yaml:4:25"


def test_a_duplicate_id_shows_both_places(tmp_path: Path) -> None:
    (found,) = refused(write(tmp_path, ROOT + "include: [more.yaml]", more="spaces: {default: {}}")).diagnostics
    assert found.code == "EC103"
    assert str(found.place) == "more.yaml:1:10"
    assert str(found.related[0][0]) == "engagectl.yaml:5:10"


def test_references_that_nothing_declares_are_reported_all_at_once(tmp_path: Path) -> None:
    more = """
traits: {a: {space: defalt, kind: sql, type: string}}
activations: {b: {audience: nobody, warehouses: [locl], table: t}}
"""
    error = refused(write(tmp_path, ROOT + more))
    assert codes(error) == ["EC201", "EC205", "EC203"]
    assert error.diagnostics[0].label == "did you mean `default`?"


def test_defaults_have_the_lowest_precedence(tmp_path: Path) -> None:
    more = """
defaults: {connection: {on_undeclared: fail, null_erases: true}}
connections: {c: {space: default, warehouses: [local], null_erases: false}}
"""
    connection = load_project(write(tmp_path, ROOT + more), check=False).spec.connections["c"]
    assert (connection.on_undeclared, connection.null_erases) == ("fail", False)


def test_a_wrong_default_is_reported_where_it_stands(tmp_path: Path) -> None:
    more = """
defaults: {connection: {on_undeclared: nope}}
connections: {c: {space: default, warehouses: [local]}, d: {space: default, warehouses: [local]}}
"""
    error = refused(write(tmp_path, ROOT + more))
    assert {str(item.place) for item in error.diagnostics} == {"engagectl.yaml:7:40"}


@pytest.mark.parametrize(
    "text", ["unknown: 1", "version: 2", "required_version: '>=9'", "default_target: x", "- a", "journal_schema: true"]
)
def test_a_bad_root_is_refused(tmp_path: Path, text: str) -> None:
    refused(write(tmp_path, ROOT + text if not text.startswith("-") else text))


def test_the_digest_does_not_follow_order_or_layout(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = write(tmp_path / "a", ROOT + "include: [m.yaml]", m="traits: {a: {space: default, kind: sql, type: string}}")
    other = write(
        tmp_path / "b", "include: [m.yaml]\ntraits:\n  a: {type: string, kind: sql, space: default}\n" + ROOT, m="{}"
    )
    assert load_project(one).digest == load_project(other).digest


def test_include_does_not_leave_the_project(tmp_path: Path) -> None:
    assert "EC022" in codes(refused(write(tmp_path, ROOT + "include: [../x.yaml]")))
    (tmp_path / "p").mkdir()
    (tmp_path / "out.yaml").write_text("{}")
    (tmp_path / "p" / "link.yaml").symlink_to(tmp_path / "out.yaml")
    assert "EC022" in codes(refused(write(tmp_path / "p", ROOT + "include: [link.yaml]")))


def test_no_project_is_said_so(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(ConfigError) as caught:
        find_root(tmp_path)
    assert codes(caught.value) == ["EC021"]


# --- secrets ---


@pytest.mark.parametrize(
    "warehouse",
    [
        "{type: postgres, host: h, database: d, auth: {method: password, password: CANARY}}",
        "{type: postgres, host: h, database: d, auth: {method: password, pasword: CANARY}}",
        "{type: postgres, dsn: CANARY}",
        "{type: duckdb, path: x, credentials: CANARY}",
        "{type: CANARY}",
        "{type: duckdb, path: x, pasword: CANARY}",
        "{type: duckdb, path: [CANARY]}",
        "CANARY",
        "{type: snowflake, account: a, database: d, auth: {method: key_pair, private_key: [CANARY]}}",
        "{type: postgres, host: h, port: CANARY, database: d}",
        "{type: postgres, host: h, database: d, sslmode: CANARY}",
        "{type: duckdb, path: x, sync: {every: CANARY}}",
        "!!CANARY x",
        '{type: duckdb, password: "CANARY',
    ],
)
def test_what_is_pasted_into_a_warehouse_is_never_repeated(tmp_path: Path, warehouse: str) -> None:
    text = f"project: acme\nwarehouses:\n  w: {warehouse.replace('CANARY', CANARY)}\n"
    error = refused(write(tmp_path, text))
    shown = [as_concise(error.diagnostics), str(as_data(error.diagnostics)), str(error)]
    assert all(CANARY not in item for item in shown)
    assert CANARY not in as_full(error.diagnostics, tmp_path)


def test_a_pasted_password_is_its_own_error(tmp_path: Path) -> None:
    text = f"project: a\ncredentials:\n  c: {{method: password, password: {CANARY}}}\n"
    error = refused(write(tmp_path, text))
    assert codes(error) == ["EC105"]
    assert "^^^" in as_full(error.diagnostics, tmp_path)


def test_all_unset_variables_come_in_one_error(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        "project: a\n"
        "warehouses:\n"
        "  one: {type: postgres, host: h, database: d, user: u, credentials: c}\n"
        "  two: {type: postgres, host: h, database: e, user: u, credentials: c}\n"
        "  three: {type: postgres, dsn: {$env: OTHER_DSN}}\n"
        "credentials:\n"
        "  c: {method: password, password: {$env: SHARED_PASSWORD}}\n",
    )
    project = load_project(root)
    with pytest.raises(ConfigError) as caught:
        resolve_secrets(project, ["one", "two", "three"], {})
    found = {one.message: (str(one.place), one.label) for one in caught.value.diagnostics}
    assert found == {
        "the environment variable SHARED_PASSWORD is not set": (
            "engagectl.yaml:7:35",
            "needed by credentials.c.password",
        ),
        "the environment variable OTHER_DSN is not set": ("engagectl.yaml:5:32", "needed by warehouses.three.dsn"),
    }


def test_a_secret_shows_itself_to_reveal_only() -> None:
    env = {"SNOWFLAKE_USER": "u", "SNOWFLAKE_PRIVATE_KEY": CANARY}
    found = resolve_secrets(load_project(SAMPLE, target="prod"), ["snow"], env)["snow"]
    key = found["private_key"]
    assert isinstance(key, Secret)
    assert key.reveal() == CANARY
    assert CANARY not in f"{found} {key} {key!r} {key:>20}"
    assert found["account"] == "acme-eu1"
    assert "passphrase" not in found


def test_a_name_outside_allow_env_is_not_read() -> None:
    env = {
        "SNOWFLAKE_USER": "u",
        "SNOWFLAKE_PRIVATE_KEY": CANARY,
        "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": "p",
        "ENGAGECTL_ALLOWED_ENV": "SNOWFLAKE_USER",
    }
    with pytest.raises(ConfigError) as caught:
        resolve_secrets(load_project(SAMPLE, target="prod"), ["snow"], env)
    assert "EC211" in codes(caught.value)


# --- hostile text ---


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"a: &x [1]\nb: *x\n", "EC010"),
        (b"a: !!python/object:os.system x", "EC011"),
        (b"a: 1\na: 2\n", "EC014"),
        (b"<<: {a: 1}", "EC015"),
        (b"[" * 100_000, "EC016"),
        (b"a: " + b"x" * (5 << 20), "EC001"),
        (b"a: \xff\xfe", "EC002"),
        (b"a: .inf", "EC012"),
        (b"a: 99999999999999999999", "EC012"),
        (b"1: a", "EC013"),
        (b"a: [" + b"1," * 500_000 + b"]", "EC017"),
        (b"---\n" * 200, "EC019"),
        (b"a: 'unterminated", "EC000"),
        (b"a: \x00", "EC004"),
        ("a: x\u2028y".encode(), "EC003"),
    ],
)
@pytest.mark.timeout(10)
def test_hostile_text_is_one_problem(raw: bytes, code: str) -> None:
    with pytest.raises(Problem) as caught:
        load_yaml(raw)
    assert caught.value.code == code


def test_yaml_1_2_scalars() -> None:
    documents, _ = load_yaml(b"[yes, no, 12:30, 0o17, 017, 1_000, 2024-01-02, ~, 1e3, 0x1f]")
    assert documents == [["yes", "no", "12:30", 15, 17, "1_000", "2024-01-02", None, 1000.0, 31]]


def test_durations_and_types_are_parsed() -> None:
    assert [seconds(text) for text in ("15m", "1h", "2d")] == [900, 3600, 172800]
    assert parse_type("decimal(18,2)") == Decimal(18, 2)
    with pytest.raises(ValueError, match="decimal"):
        parse_type("decimal(2,3)")


def test_the_shipped_schema_is_current() -> None:
    shipped = Path(__file__).parents[2] / "schemas" / "engagectl.schema.json"
    assert shipped.read_text() == schema_text()


def test_writers_of_the_same_messages_are_one_error_for_a_table(tmp_path: Path) -> None:
    """Not one for each pair of them."""
    writers = {"a": "", "b": "", "c": ", emitter_id: x", "d": ", emitter_id: y", "e": ""}
    activations = "".join(
        f"  {name}: {{audience: vip, warehouses: [cdp], table: vip{more}}}\n" for name, more in writers.items()
    )
    root = (
        "project: acme\ndefault_target: dev\ntargets: {dev: {warehouses: {cdp: local}}}\n"
        "warehouses:\n  local: {type: duckdb, path: a.duckdb}\n"
        "inputs: {events: {files: [a.jsonl]}}\nspaces: {default: {sources: {main: {input: events}}}}\n"
        "audiences: {vip: {space: default, kind: profile}}\nactivations:\n"
    )
    error = refused(write(tmp_path, root + activations))
    assert [one.code for one in error.diagnostics if one.severity == "error"] == ["EC310"]
    (found,) = [one for one in error.diagnostics if one.code == "EC310"]
    assert found.message.endswith("would write the same messages into one table")
    assert all(f"activation.{name}" in found.message for name in writers)
    assert len(found.related) == 4
    apart = "".join(f"  {n}: {{audience: vip, warehouses: [cdp], table: vip, emitter_id: {n}}}\n" for n in "abc")
    load_project(write(tmp_path, root + apart))
