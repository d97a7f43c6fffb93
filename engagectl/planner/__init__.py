"""The one place where the steps are joined: desired, actual and applied state -> a plan. Nothing here writes."""

from engagectl.planner.drift import make_drift
from engagectl.planner.plan import make_plan

__all__ = ["make_drift", "make_plan"]
