"""The engines of the contract: one file each, found by looking. Add one: its file here, and results/<name>.txt."""

import pkgutil
from importlib import import_module

from tests.warehouses.contract.engine import Engine

_REAL = ("duckdb", "postgres")


def _found() -> dict[str, Engine]:
    names = sorted((one.name for one in pkgutil.iter_modules(__path__)), key=lambda name: (name not in _REAL, name))
    return {name: import_module(f"{__name__}.{name}").ENGINE for name in names}


ENGINES = _found()


def here() -> tuple[str, ...]:
    """Return the engines that can run here. DuckDB and PostgreSQL always do."""
    return tuple(name for name, engine in ENGINES.items() if engine.can_run())


def absent() -> tuple[str, ...]:
    return tuple(name for name in ENGINES if name not in here())


def deviates(engine: str, what: str) -> bool:
    return what in ENGINES[engine].deviations
