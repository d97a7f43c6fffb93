"""What DuckDB refuses, in our words: its own may repeat a value of the data."""

import contextlib
from collections.abc import Iterator

from engagectl.engine import duckdb
from engagectl.errors import EngagectlError, Interrupted, StatementError, TransientError, ValueRefused

_SAFE_TO_QUOTE = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.DependencyException,
    duckdb.PermissionException,
    duckdb.SyntaxException,
)
"""Errors whose first line speaks of names only. All others may repeat a value, so they are told in our words."""

_OF_VALUES: tuple[tuple[type[duckdb.Error], str, str], ...] = (
    (duckdb.ConstraintException, "a constraint of the table refuses a row", "23000"),
    (duckdb.ConversionException, "a value does not convert to the type of its column", "22018"),
    (duckdb.OutOfRangeException, "a value is out of the range of its type", "22003"),
)
"""With the SQLSTATE that says the same: DuckDB has none."""

_OUR_WORDS: tuple[tuple[type[duckdb.Error], str], ...] = (
    (duckdb.TypeMismatchException, "two types do not match"),
    (duckdb.OutOfMemoryException, "the memory limit is too small for this statement"),
    (duckdb.IOException, "reading or writing the file failed"),
)


@contextlib.contextmanager
def told_safely(sql: str) -> Iterator[None]:
    """Turn DuckDB's errors into ours. Chained errors would carry the values along, so the chain is cut."""
    try:
        yield
    except duckdb.Error as error:
        raise as_ours(error, sql) from None
    except RuntimeError as error:
        if "interrupted" in str(error).lower():
            raise Interrupted("interrupted") from None
        raise


def as_ours(error: duckdb.Error, sql: str) -> EngagectlError:
    if isinstance(error, duckdb.InterruptException):
        return Interrupted("interrupted")
    if isinstance(error, duckdb.TransactionException):
        return TransientError("DuckDB: the transaction conflicts with another one", help="run it again")
    text = str(error)
    if "attached in read-only mode" in text:
        return StatementError("DuckDB: the session is read-only", sql=sql)
    if "pytz" in text:
        return StatementError("DuckDB: a timestamp with time zone must be cast to text to be fetched", sql=sql)
    if isinstance(error, _SAFE_TO_QUOTE):
        return StatementError(f"DuckDB: {text.splitlines()[0].strip()}", sql=sql)
    for kind, words, state in _OF_VALUES:
        if isinstance(error, kind):
            return ValueRefused(f"DuckDB: {words}", sql=sql, sqlstate=state)
    for kind, words in _OUR_WORDS:
        if isinstance(error, kind):
            return StatementError(f"DuckDB: {words}", sql=sql)
    return StatementError(f"DuckDB refused the statement ({type(error).__name__})", sql=sql)
