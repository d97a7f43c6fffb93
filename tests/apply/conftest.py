"""The house of the scenarios: a whole project on each real engine."""

from tests.scenarios.conftest import house

__all__ = ["house"]
