"""The DuckDB engine alone: the package in front of it adds a relational API not used here, for 35 ms and 9 MiB."""

try:
    import _duckdb as duckdb
except ImportError:  # a later 2.x may name it otherwise
    import duckdb  # type: ignore[no-redef]  # the same names

__all__ = ["duckdb", "read_arrow"]


def read_arrow() -> None:
    """Let the engine read Arrow streams: its package tells it how, once it is imported."""
    import duckdb  # noqa: F401
