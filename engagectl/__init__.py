"""engagectl: Engage audiences, computed traits and journeys in your warehouse, from YAML.

As a library: `open_project`, `validate`, `make_plan`, `apply_plan`, `sync`, `drift`, `status`, `history`, `doctor`.
They are the functions that the command line calls; each is imported when it is first used.
"""

TYPE_CHECKING = False  # `typing` takes half of the time of `engagectl version`
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "apply_plan",
    "doctor",
    "drift",
    "history",
    "make_plan",
    "open_project",
    "status",
    "sync_feeds",
    "validate",
]


def __getattr__(name: str) -> "Any":
    if name not in __all__:
        raise AttributeError(f"module 'engagectl' has no attribute {name!r}")
    from importlib import import_module  # a plain import would count as every room importing api

    api = import_module("engagectl.api")
    return api.sync if name == "sync_feeds" else getattr(api, name)
