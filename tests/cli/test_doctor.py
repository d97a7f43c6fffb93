"""`doctor --config` and `doctor --grants`."""

import json
from pathlib import Path

from tests.cli.inside import run


def source_of(out: str, name: str) -> tuple[str, str]:
    (found,) = [one for one in json.loads(out)["settings"] if one["name"] == name]
    return found["value"], found["source"]


def test_each_setting_says_where_it_came_from(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    assert run("init", str(folder)).code == 0
    root = folder / "engagectl.yaml"
    root.write_text(root.read_text() + "\nquarantine: {keep: 30d}\n")
    done = run(
        *("-C", str(folder), "doctor", "--config", "--json", "--lock-timeout", "3"),
        env={"ENGAGECTL_COLOR": "never", "ENGAGECTL_LOCK_TIMEOUT": "5"},
    )
    assert done.code == 0, done.err
    assert source_of(done.out, "--lock-timeout") == ("3", "flag --lock-timeout")
    assert source_of(done.out, "--color") == ("never", "environment ENGAGECTL_COLOR")
    assert source_of(done.out, "--yes") == ("false", "default")
    assert source_of(done.out, "journal_schema") == ("engagectl", "default")
    line = root.read_text().splitlines().index("quarantine: {keep: 30d}") + 1
    assert source_of(done.out, "quarantine.keep") == ("30d", f"engagectl.yaml:{line}")
    line = next(n for n, text in enumerate(root.read_text().splitlines(), 1) if "every: 1h" in text)
    assert source_of(done.out, "warehouses.local.sync.every") == ("1h", f"engagectl.yaml:{line}")
    assert source_of(done.out, "warehouses.local.sync.blackout") == ("(none)", "default")
    text = run("-C", str(folder), "doctor", "--config").out
    assert "--lock-timeout" in text


def test_grants_are_printed_without_a_connection(tmp_path: Path) -> None:
    (tmp_path / "engagectl.yaml").write_text(
        "version: 1\nproject: p\nwarehouses:\n  w: {type: postgres, host: nowhere.invalid, database: cdp}\n"
    )
    sql = run("-C", str(tmp_path), "doctor", "--grants", "sql")
    assert sql.code == 0, sql.err
    assert 'GRANT CREATE ON DATABASE "cdp" TO "engagectl_apply";' in sql.out
    assert 'resource "postgresql_grant"' in run("-C", str(tmp_path), "doctor", "--grants", "terraform").out
    assert run("-C", str(tmp_path), "doctor", "--grants", "xml").code == 64
