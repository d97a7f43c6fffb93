"""The console script: as little as possible before a command is known."""

import gc
import os
import sys
from types import ModuleType

TYPE_CHECKING = False  # `typing` takes half of the time of `engagectl version`
if TYPE_CHECKING:
    from collections.abc import Sequence

PLUGINS = (
    "pydantic.plugin._loader"  # where pydantic looks for plugins: private to it, so a test asks whether it is there
)


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run the command line and return its exit code."""
    args = list(sys.argv[1:] if argv is None else argv)
    if args in (["--version"], ["version"]):
        from engagectl import __version__

        sys.stdout.write(f"engagectl {__version__}\n")
        return 0
    if args in (["--help"], ["-h"]):
        from engagectl.cli.front import front_page

        sys.stdout.write(f"{front_page()}\n")
        return 0
    _take_no_plugins()
    gc.set_threshold(100_000, 50, 100)  # a plan makes many small lasting nouns and few cycles: look for those seldom
    from engagectl.cli.app import run

    gc.disable()  # reading YAML makes only what stays: collecting meanwhile costs twice its time; project_of ends it
    try:
        return run(args)
    finally:
        gc.enable()
        # The process ends: Python's last collection need not look through all that was imported, which takes 30 ms.
        # DuckDB's binding counts what it leaves behind, and would tell of it.
        if argv is None and "_duckdb" not in sys.modules:
            gc.freeze()


def _take_no_plugins() -> None:
    """Let no other package look into the YAML. PYDANTIC_DISABLE_PLUGINS does that too, but only after the import of all
    that finds packages (importlib.metadata, email, zipfile): 12 ms of the 250 that `validate` may take.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    if "pydantic" not in sys.modules:
        none = ModuleType(PLUGINS)
        none.__dict__["get_plugins"] = tuple
        sys.modules[PLUGINS] = none
