"""The one place where the steps are joined: desired, actual and applied state -> a plan. Nothing here writes."""

from engagectl.planner.drift import make_drift
from engagectl.planner.plan import make_plan
from engagectl.planner.snapped import take_snapshot

__all__ = ["make_drift", "make_plan", "take_snapshot"]
