"""The files of a project: found, read and parsed. What they say is not looked at here."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from engagectl.config.load import MAX_BYTES
from engagectl.config.locate import Source
from engagectl.config.regular import Outside, open_inside, real_path
from engagectl.errors import ConfigError, Diagnostic, Place

ROOT_FILE = "engagectl.yaml"
MAX_FILES = 5_000


def find_root(start: Path) -> Path:
    """Return the folder of the first engagectl.yaml from `start` upwards. It stops above a repository's root."""
    start = real_path(start)
    for folder in (start, *start.parents):
        if (folder / ROOT_FILE).is_file():
            return folder
        if (folder / ".git").exists():
            break
    message = f"no {ROOT_FILE} in {start} or above it"
    advice = ("engagectl init makes one; -C DIR names another folder",)
    raise ConfigError((Diagnostic(code="EC021", severity="error", message=message, help=advice),))


class Files:
    """The files of a project: the root file and what its `include` names."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources: dict[str, Source] = {}
        self.diagnostics: list[Diagnostic] = []

    def error(
        self, code: str, message: str, place: Place | None, *, label: str = "", help: tuple[str, ...] = ()
    ) -> None:
        self.diagnostics.append(
            Diagnostic(code=code, severity="error", message=message, place=place, label=label, help=help)
        )

    def read(self) -> None:
        if not (self.root / ROOT_FILE).is_file():
            self.error("EC021", f"no {ROOT_FILE} in {self.root}", None)
            raise ConfigError(tuple(self.diagnostics))
        self._read_one(ROOT_FILE, None)
        documents = self.sources[ROOT_FILE].documents if ROOT_FILE in self.sources else []
        for number, document in enumerate(documents):
            globs = document.get("include") if isinstance(document, dict) else None
            for index, pattern in enumerate(globs if isinstance(globs, list) else []):
                if isinstance(pattern, str) and pattern:
                    self._include(pattern, self.sources[ROOT_FILE].place(("include", index), document=number))

    def _include(self, pattern: str, place: Place) -> None:
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            self.error(
                "EC022", "include names files outside the project", place, help=("write globs below the project",)
            )
            return
        try:
            paths = sorted(path for path in self.root.glob(pattern) if path.is_file())
        except (ValueError, OSError, NotImplementedError):
            self.error("EC022", "include holds a glob that cannot be read", place)
            return
        if len(paths) > MAX_FILES:
            self.error("EC022", f"include names more than {MAX_FILES} files", place)
            return
        for path in paths:
            name = path.relative_to(self.root).as_posix()
            if name not in self.sources:
                self._read_one(name, place)
        if not paths and not any(c in pattern for c in "*?["):
            self.error("EC022", f"include names a file that is not there: {pattern}", place)

    def _read_one(self, name: str, place: Place | None) -> None:
        try:
            with open_inside(self.root, name) as file:
                raw = file.read(MAX_BYTES + 1)
        except Outside:
            self.error("EC022", f"{name} is a link to a file outside the project", place)
            return
        except OSError as error:
            self.error("EC022", f"{name} cannot be read: {error.strerror}", place)
            return
        source = Source(name, raw)
        problem = source.load()
        self.sources[name] = source
        if problem is not None:
            self.diagnostics.append(problem)


def read_files(root: Path) -> Mapping[str, Source]:
    """Return the files of a project by name, read and parsed, whatever they say. Raises ConfigError on broken YAML."""
    files = Files(root)
    files.read()
    if files.diagnostics:
        raise ConfigError(in_order(files.diagnostics))
    return files.sources


def in_order(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return each diagnostic once, by file, line and column."""

    def key(d: Diagnostic) -> tuple[str, int, int, str, str]:
        return (d.place.file, d.place.line, d.place.column, d.code, d.message) if d.place else ("", 0, 0, d.code, "")

    return tuple(sorted(dict.fromkeys(found), key=key))
