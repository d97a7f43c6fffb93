"""Run a plan step by step under the journal's lock, and record what was applied."""

from engagectl.apply.report import ApplyReport, Outcome, StepEvent
from engagectl.apply.start import apply_plan

__all__ = ["ApplyReport", "Outcome", "StepEvent", "apply_plan"]
