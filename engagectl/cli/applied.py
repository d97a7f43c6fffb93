"""What an apply does and did, as text and as JSON data."""

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engagectl.apply import ApplyReport


def event_text(event: object) -> str:
    """Return the line of a finished step; nothing while it runs."""
    from engagectl.apply import StepEvent

    if not isinstance(event, StepEvent) or not event.outcome:
        return ""
    return f"[{event.number}/{event.total}] {event.step.address}  {event.outcome} in {event.ms:,} ms"


def apply_text(report: "ApplyReport") -> str:
    """Return one sentence, and the next command."""
    if report.declined:
        return "Nothing was done: the answer was not `yes`."
    counts = Counter(outcome for _, outcome in report.steps)
    if not counts:
        return "No changes. The warehouse is as the YAML says."
    told = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(counts.items()))
    return f"Applied: {told}.\nNext: engagectl sync"


def apply_data(report: "ApplyReport") -> dict[str, Any]:
    """Return the keys of the JSON document."""
    return {
        "summary": dict(Counter(str(outcome) for _, outcome in report.steps)),
        "apply_id": report.apply_id,
        "declined": report.declined,
        "plan": report.plan.fingerprint,
        "steps": [
            {"id": step.id, "address": str(step.address), "outcome": str(outcome)} for step, outcome in report.steps
        ],
    }
