"""A warehouse that another loader filled, on each engine."""

import pytest

from engagectl.warehouses.contract import Connection, Warehouse
from tests.inspect.segment import Segment


@pytest.fixture
def segment(session: Connection, engine: Warehouse) -> Segment:
    return Segment(session, engine)
