"""What an apply tells while it runs and when it is over."""

from dataclasses import dataclass
from typing import Literal

from engagectl.model.plan import Plan, Step

Outcome = Literal["done", "failed", "rolled back", "not started"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEvent:
    """What the reporter is told: a step begins (`outcome` None) or has ended."""

    step: Step
    number: int
    total: int
    outcome: Outcome | None = None
    ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyReport:
    """`declined`: asked, and the answer was no. `steps` are (step, outcome) in the order of the plan."""

    plan: Plan
    apply_id: str
    steps: tuple[tuple[Step, Outcome], ...] = ()
    declined: bool = False
