"""JUnit XML is XML whatever the findings hold, and fails for what has to be mended."""

import xml.etree.ElementTree as ET
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from engagectl.errors import Diagnostic, Place
from engagectl.show.as_junit import Case, findings_junit, junit
from tests.cli.inside import run
from tests.scenarios.house import House

ERROR = Diagnostic(code="EC104", severity="error", message="unknown key", place=Place("a.yaml", 3, 1), help=("try b",))
HINT = Diagnostic(code="EC307", severity="info", message="fine & well")


def cases(text: str) -> list[tuple[str, str, str]]:
    root = ET.fromstring(text)  # noqa: S314  written by us, a line above
    found = [
        (one.get("classname", ""), one.get("name", ""), getattr(one.find("failure"), "attrib", {}).get("message", ""))
        for one in root.iter("testcase")
    ]
    assert root.get("tests") == str(len(found))
    assert root.get("failures") == str(sum(bool(failure) for _, _, failure in found))
    return found


def test_errors_fail_and_the_others_are_told() -> None:
    assert cases(findings_junit([ERROR, HINT])) == [
        ("validate.EC104", "a.yaml:3:1 error: unknown key", "unknown key\ntry b"),
        ("validate.EC307", "info: fine & well", ""),
    ]
    assert cases(findings_junit([])) == [("validate", "nothing was found", "")]


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_xml(name: str, failure: str) -> None:
    ((_, _, _),) = cases(junit(name, [Case(name, name, failure)]))


def test_what_moved_away_is_a_failed_case(tmp_path: Path) -> None:
    house = House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")
    house.write()
    house.apply()
    place = tmp_path / "drift.xml"
    words = ("-C", str(tmp_path), "drift", "--junit", str(place))
    assert run(*words).code == 0
    assert cases(place.read_text()) == [("drift.local", "as it was applied", "")]
    house.execute("ALTER TABLE engage_default.users DROP COLUMN first_time_shopper")
    assert run(*words, "--detailed-exitcode").code == 2
    ((group, address, failure),) = cases(place.read_text())
    assert (group, address) == ("drift.local", "local/column.engage_default.users.first_time_shopper")
    assert failure
    assert run("-C", str(tmp_path), "validate", "--output-format", "junit").out.startswith("<?xml")
