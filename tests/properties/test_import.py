"""Any project that we applied, imported into an empty one, plans empty; a second import changes nothing."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from engagectl import api
from tests.properties.states import Tree, states
from tests.properties.test_convergence import Stage

ROOT = ("version", "project", "include", "default_target", "targets", "lifecycle")


@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(tree=states())
def test_an_applied_project_imports_to_an_empty_plan(tree: Tree) -> None:
    tree.pop("selective_sync", None)  # what is excluded is in no warehouse
    with tempfile.TemporaryDirectory() as folder:
        place = {"type": "duckdb", "path": f"{folder}/db.duckdb"}
        made, empty = Stage(Path(folder) / "made", place), Stage(Path(folder) / "empty", place)
        made.write(tree)
        made.apply()
        empty.write({key: tree[key] for key in ROOT if key in tree} | {"project": "other"})
        (done,) = api.import_yaml(empty.project, write=True)
        assert done.resources
        found = api.make_plan(empty.project)
        assert found.steps == ()
        assert [one.message for one in found.all_findings if one.code == "EC609"] == []
        assert [str(one.address) for part in found.warehouses for one in part.noted if one.kind == "unmanaged"] == []
        assert api.drift(empty.project).all_findings == ()
        assert api.import_yaml(empty.project)[0].resources == ()
