"""Every rule's page holds a valid and an invalid example; the findings of the invalid one stand in `<CODE>.txt`."""

from pathlib import Path

import pytest

from engagectl import api
from engagectl.config.explain import codes, explain
from engagectl.errors import Diagnostic

HERE = Path(__file__).parent
BASE = """\
version: 1
project: acme
include: ["engage/*.yaml"]
inputs:
  events: {files: ["data/*.jsonl"]}
  others: {files: ["other/*.jsonl"]}
warehouses:
  local: {type: duckdb, path: ./build/acme.duckdb}
spaces:
  default:
    sources:
      main: {input: events}
traits:
  revenue: {space: default, kind: event, type: "decimal(18,2)"}
audiences:
  shopper: {space: default, kind: profile}
  vip_accounts: {space: default, kind: linked, entity: account}
"""
WITH_EXAMPLES = [code for code in codes() if (page := explain(code)) and page.invalid]


def _findings(root: Path, example: str) -> tuple[Diagnostic, ...]:
    """Load an example: a whole engagectl.yaml where it names its project, else a file beside BASE."""
    (root / "engage").mkdir()
    is_root = example.startswith("project:")
    (root / "engagectl.yaml").write_text(example if is_root else BASE)
    if not is_root:
        (root / "engage" / "example.yaml").write_text(example)
    return api.validate(root)


@pytest.mark.parametrize("code", WITH_EXAMPLES)
def test_the_invalid_example_is_found(code: str, tmp_path: Path) -> None:
    page = explain(code)
    assert page is not None
    found = [one for one in _findings(tmp_path, page.invalid) if one.code == code]
    text = "".join(f"{one.severity} {one.place}: {one.message}\n" for one in found)
    assert text == (HERE / f"{code}.txt").read_text()


@pytest.mark.parametrize("code", WITH_EXAMPLES)
def test_the_valid_example_is_not(code: str, tmp_path: Path) -> None:
    page = explain(code)
    assert page is not None
    found = _findings(tmp_path, page.valid)
    assert [one for one in found if one.code == code or one.severity == "error"] == []


def test_codes_are_found_in_any_spelling_and_others_are_not() -> None:
    assert explain("ec303") == explain("EC303")
    assert explain("EC999") is None
    assert explain("../EC303") is None
