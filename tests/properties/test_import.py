"""Any project that we applied, imported into an empty one, plans empty; a second import changes nothing."""

import tempfile
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from psycopg import sql

from engagectl import api
from tests.properties.states import Tree, states
from tests.properties.test_convergence import Stage

ROOT = ("version", "project", "include", "default_target", "targets", "lifecycle")


def cases(few: int) -> settings:
    return settings(
        max_examples=few,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@cases(5)
@given(tree=states())
def test_an_applied_project_imports_to_an_empty_plan(tree: Tree) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(tree, Path(folder), {"type": "duckdb", "path": f"{folder}/db.duckdb"})


@pytest.mark.postgres
@cases(3)
@given(tree=states())
def test_an_applied_project_imports_to_an_empty_plan_on_postgres(postgres_database: str, tree: Tree) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        environment.setenv("IMPORT_DSN", postgres_database)
        emptied(postgres_database)
        check(tree, Path(folder), {"type": "postgres", "dsn": {"$env": "IMPORT_DSN"}})


def emptied(dsn: str) -> None:
    """Drop every schema of the database."""
    with psycopg.connect(dsn, autocommit=True) as admin:
        for (name,) in admin.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
        ).fetchall():
            admin.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))


def check(tree: Tree, folder: Path, place: dict[str, Any]) -> None:
    tree.pop("selective_sync", None)  # what is excluded is in no warehouse
    made, empty = Stage(folder / "made", place), Stage(folder / "empty", place)
    made.write(tree)
    made.apply()
    empty.write({key: tree[key] for key in ROOT if key in tree} | {"project": "other"})
    (done,) = api.import_yaml(empty.project, write=True)
    assert done.resources
    written = {path: path.read_bytes() for path in empty.root.rglob("*.yaml")}
    found = api.make_plan(empty.project)
    assert found.steps == ()
    assert [one.message for one in found.all_findings if one.code == "EC609"] == []
    assert [str(one.address) for part in found.warehouses for one in part.noted if one.kind == "unmanaged"] == []
    assert api.drift(empty.project).all_findings == ()
    assert api.import_yaml(empty.project, write=True)[0].resources == ()
    assert {path: path.read_bytes() for path in empty.root.rglob("*.yaml")} == written
