"""The statements that warehouses report on the logger `engagectl.sql`, as events of the command's log."""

import logging

from engagectl.show.log import Log


def follow_statements(log: Log) -> None:
    """Pass every statement on from now on: its hash, rows and milliseconds."""
    logger = logging.getLogger("engagectl.sql")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers = [_Events(log)]


class _Events(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        facts = {name: getattr(record, name) for name in ("warehouse", "sha256", "rows", "ms")}
        self.log.event("sql_executed", **facts)
