"""Any project that we applied, imported into an empty one, plans empty; a second import changes nothing."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from engagectl import api
from tests.properties.test_convergence import ROOT, spaces


@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(yaml=spaces())
def test_an_applied_project_imports_to_an_empty_plan(yaml: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "db.duckdb"
        made, empty = Path(folder) / "made", Path(folder) / "empty"
        for root in (made, empty):
            (root / "engage").mkdir(parents=True)
            text = ROOT.format(warehouse=f"{{type: duckdb, path: {file}}}")
            (root / "engagectl.yaml").write_text(text if root == made else text.replace("acme", "other"))
        (made / "engage/space.yaml").write_text(yaml)
        api.apply_plan(api.open_project(made), confirm=lambda _: True, reporter=lambda _: None)
        (done,) = api.import_yaml(api.open_project(empty), write=True)
        assert done.resources
        found = api.make_plan(api.open_project(empty))
        assert found.steps == ()
        assert [one.message for one in found.all_findings if one.code == "EC609"] == []
        assert [str(one.address) for part in found.warehouses for one in part.noted if one.kind == "unmanaged"] == []
        assert api.drift(api.open_project(empty)).all_findings == ()
        assert api.import_yaml(api.open_project(empty))[0].resources == ()
