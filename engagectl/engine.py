"""The DuckDB engine alone: the package in front of it adds a relational API not used here, for 45 ms and 9 MiB."""

import sys
from typing import Any

try:
    import _duckdb as duckdb
except ImportError:  # a later 2.x may name it otherwise
    import duckdb  # type: ignore[no-redef]  # the same names

__all__ = ["duckdb", "read_arrow"]

_KNOWN = "2.0."  # what _Streams answers to; other versions get their own package's answers


def read_arrow() -> None:
    """Let the engine read Arrow streams: by its package where that is imported, else by the part of it that we need."""
    if "duckdb" in sys.modules:
        return
    setup = getattr(duckdb, "_set_arrow_sources", None)
    if setup is not None and duckdb.__version__.startswith(_KNOWN):
        setup(_Streams)
    else:
        import duckdb as _package  # noqa: F401  it sets the engine up itself


class _Stream:
    """An object with `__arrow_c_stream__`, as the engine asks for it: all columns, nothing filtered."""

    one_shot = schema_is_stable = pull_under_gil = False

    def __init__(self, obj: Any) -> None:
        self.obj = obj

    def rows(self) -> None:
        """How many rows there are is not said."""

    def accepts(self, predicate: object) -> bool:  # noqa: ARG002  the engine filters
        return False

    def stream(self, columns: object, filters: object) -> tuple[object, bool]:  # noqa: ARG002  all columns, all rows
        return self.obj.__arrow_c_stream__(), False


class _Nodes:
    """Where the engine finds the kinds of predicates that it offers; none is taken."""

    def __getattr__(self, kind: str) -> Any:
        return lambda *_: None


class _Streams:
    adapt, nodes = _Stream, _Nodes()
