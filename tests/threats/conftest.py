"""The house of a scenario, for the threats that come with data."""

from tests.scenarios.conftest import house

__all__ = ["house"]
