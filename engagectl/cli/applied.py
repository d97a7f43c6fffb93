"""What an apply does and did, as text and as JSON data."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from engagectl.show.terminal import Terminal

if TYPE_CHECKING:
    from engagectl.apply import ApplyReport


def tell_step(terminal: Terminal, event: object) -> None:
    """Tell the log that a step begins or has ended; people read a line of those that ended."""
    from engagectl.apply import StepEvent

    if not isinstance(event, StepEvent):
        return
    facts: dict[str, Any] = {"number": event.number, "total": event.total, "address": str(event.step.address)}
    if event.outcome is None:
        terminal.event("step_started", **facts)
        return
    text = f"[{event.number}/{event.total}] {event.step.address}  {event.outcome} in {event.ms:,} ms"
    terminal.event("step_finished", text, **facts, outcome=event.outcome, ms=event.ms)


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
