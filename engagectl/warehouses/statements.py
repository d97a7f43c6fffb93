"""Statements that ran, for whoever listens to the logger `engagectl.sql`: a hash, rows and time. No text, no values."""

import hashlib
import logging
import time

LOGGER = logging.getLogger("engagectl.sql")


def executed(warehouse: str, sql: str, *, rows: int, began: float) -> None:
    """Report a statement; `began` is `time.perf_counter()` before it, `rows` are those written or read."""
    if LOGGER.isEnabledFor(logging.INFO):
        facts = {
            "warehouse": warehouse,
            "sha256": hashlib.sha256(sql.encode("utf-8", "surrogatepass")).hexdigest(),
            "rows": rows,
            "ms": round((time.perf_counter() - began) * 1000, 1),
        }
        LOGGER.info("sql_executed", extra=facts)
