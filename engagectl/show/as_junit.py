"""Findings as JUnit XML, for jobs that show test results: a case that failed is what has to be mended."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from engagectl.errors import Diagnostic
from engagectl.model.plan import Plan
from engagectl.show.terminal import escape

# half surrogate pairs, and the last two code points of each plane (XML 1.0, section 2.2, and its note)
_NO_XML = re.compile(
    "[\ud800-\udfff\ufdd0-\ufdef" + "".join(chr(n << 16 | 0xFFFE) + chr(n << 16 | 0xFFFF) for n in range(17)) + "]"
)
_PASSED = "nothing was found"


@dataclass(frozen=True, slots=True)
class Case:
    """One case; `failure` is why it failed, "" when it passed."""

    group: str
    name: str
    failure: str = ""


def findings_junit(diagnostics: Sequence[Diagnostic]) -> str:
    """Return a case per diagnostic; errors fail, the others pass and are told by name."""
    cases = []
    for one in diagnostics:
        place = f"{one.place} " if one.place is not None else ""
        failure = "\n".join((one.message, *one.help)) if one.severity == "error" else ""
        cases.append(Case(f"validate.{one.code}", f"{place}{one.severity}: {one.message}", failure))
    return junit("engagectl validate", cases or [Case("validate", _PASSED)])


def drift_junit(drift: Plan) -> str:
    """Return a failed case per thing that moved away, a passed one per warehouse that is as it was applied."""
    cases = []
    for part in drift.warehouses:
        group = f"drift.{part.warehouse}"
        cases += [Case(group, str(step.address), f"{step.address} is not as it was applied") for step in part.steps]
        cases += [Case(group, str(one.address), "\n".join((one.message, *one.help))) for one in part.findings]
        if not part.steps and not part.findings:
            cases.append(Case(group, "as it was applied"))
    return junit("engagectl drift", cases)


def junit(suite: str, cases: Iterable[Case]) -> str:
    """Return the document. What XML cannot hold is shown as its escape, as on a terminal."""
    every = tuple(cases)
    failures = sum(bool(one.failure) for one in every)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites tests="{len(every)}" failures="{failures}">',
        f'  <testsuite name={_value(suite)} tests="{len(every)}" failures="{failures}" errors="0" skipped="0">',
    ]
    for one in every:
        head = f"    <testcase classname={_value(one.group)} name={_value(one.name)}"
        lines.append(f"{head}><failure message={_value(one.failure)}/></testcase>" if one.failure else f"{head}/>")
    return "\n".join([*lines, "  </testsuite>", "</testsuites>"]) + "\n"


def _value(text: str) -> str:
    shown = "\n".join(escape(line) for line in text.split("\n"))
    return quoteattr(_NO_XML.sub("\ufffd", shown))
