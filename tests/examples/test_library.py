"""The program in docs/library.md runs as it stands there."""

import re
import shutil
from pathlib import Path

import pytest

import engagectl

ROOT = Path(__file__).parents[2]


def test_the_documented_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/library.md").read_text(), re.DOTALL | re.MULTILINE)
    shutil.copytree(ROOT / "examples/quickstart", tmp_path / "my_project")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(program, "docs/library.md", "exec"), names)  # noqa: S102  the page's own text
    report = names["report"]
    assert report.inserted > 0  # type: ignore[attr-defined]


def test_every_export_is_there_sorted_and_documented() -> None:
    names = list(engagectl.__all__)
    assert names == sorted(names)
    page = (ROOT / "docs/library.md").read_text()
    for name in names:
        assert getattr(engagectl, name) is not None
        assert name == "__version__" or f"`{name}(" in page


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_of_ours"):
        _ = engagectl.nothing_of_ours
