"""The house of a scenario, for jobs too."""

from tests.scenarios.conftest import house

__all__ = ["house"]
