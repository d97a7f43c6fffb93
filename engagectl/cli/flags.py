"""Global flags, legal before and after the command. They are read here, before Typer, which cannot do that.

Rule that makes it sound: no command may have an option of these names. A value that looks like one of them is written
`--option=-v`, or after `--`.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # `typing` takes half of the time of `engagectl --help`
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping, Sequence
    from typing import Any

VALUE, LIST, COUNT, ON = "value", "list", "count", "on"

# flag -> (field, kind or choices, help, what its value is called)
TABLE: dict[str, tuple[str, str | tuple[str, ...], str, str]] = {
    "--project-dir": ("project_dir", VALUE, "Folder to look for engagectl.yaml in, and above.", "DIR"),
    "--target": ("target", VALUE, "Target to use (project file: default_target).", "TARGET"),
    "--warehouse": ("warehouses", LIST, "Only this warehouse; may be repeated.", "ID"),
    "--var": ("var", LIST, "A variable's value; may be repeated.", "NAME=VALUE"),
    "--var-file": ("var_file", LIST, "A JSON file of variables; may be repeated.", "FILE"),
    "--env-file": ("env_file", LIST, "A file of NAME=VALUE lines; what is set already wins.", "FILE"),
    "--json": ("json", ON, "Print one JSON document instead of text.", ""),
    "--report": ("report", VALUE, "Write the JSON document to a file too.", "FILE"),
    "--yes": ("yes", ON, "Answer the question of apply with yes.", ""),
    "--no-input": ("no_input", ON, "Never ask.", ""),
    "--lock-timeout": ("lock_timeout", VALUE, "Seconds to wait for another engagectl (10).", "SECONDS"),
    "--color": ("color", ("auto", "always", "never"), "When to colour.", "WHEN"),
    "--no-progress": ("no_progress", ON, "No progress on stderr.", ""),
    "--log-format": ("log_format", ("text", "json"), "What stderr holds: text, or a JSON event a line.", "FORMAT"),
    "--log-file": ("log_file", VALUE, "Append the log to a file too.", "FILE"),
    "--quiet": ("quiet", ON, "Only results and errors.", ""),
    "--verbose": ("verbose", COUNT, "Say more; twice for tracebacks.", ""),
}
SHORT = {"-C": "--project-dir", "-t": "--target", "-w": "--warehouse", "-q": "--quiet", "-v": "--verbose"}
TRUE, FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


class FlagError(ValueError):
    """A global flag is used wrongly; the text is for the user."""


class Invocation:
    """What the global flags said. A plain class: `dataclasses` costs 12 ms to import."""

    def __init__(self) -> None:
        self.command = ""
        self.told: dict[str, str] = {}  # field -> the flag or variable that set it
        self.project_dir = "."
        self.target: str | None = None
        self.warehouses: list[str] = []
        self.var: list[str] = []
        self.var_file: list[str] = []
        self.env_file: list[str] = []
        self.json = False
        self.report: str | None = None
        self.markdown: str | None = None  # a command's own flag: its document as Markdown, also when it fails
        self.yes = False
        self.no_input = False
        self.lock_timeout = "10"
        self.color = "auto"
        self.no_progress = False
        self.log_format = "text"
        self.log_file: str | None = None
        self.quiet = False
        self.verbose = 0
        self.sink: Any = None  # the Terminal of this command, made once
        self.notes: tuple[Any, ...] = ()  # warnings of the project, for the JSON document

    @property
    def wants_document(self) -> bool:
        return bool(self.json or self.report or self.markdown)

    @property
    def lock_timeout_s(self) -> float:
        return float(self.lock_timeout)


def variable(flag: str) -> str:
    """Return the environment variable of a flag."""
    return "ENGAGECTL_" + flag.removeprefix("--").replace("-", "_").upper()


def _put(state: Invocation, flag: str, value: str) -> None:
    field, kind, _, _ = TABLE[flag]
    if kind == COUNT:
        setattr(state, field, getattr(state, field) + 1)
    elif kind == ON:
        setattr(state, field, True)
    elif kind == LIST:
        getattr(state, field).append(value)
    else:
        if isinstance(kind, tuple) and value not in kind:
            raise FlagError(f"{flag} must be one of: {', '.join(kind)}")
        if flag == "--lock-timeout" and not _is_seconds(value):
            raise FlagError(f"{flag} must be a number of seconds, 0 or more")
        setattr(state, field, value)


def _is_seconds(text: str) -> bool:
    try:
        return 0 <= float(text) < 1e6
    except ValueError:
        return False


def from_environment(state: Invocation, env: Mapping[str, str] = os.environ) -> None:
    """Fill in what ENGAGECTL_<FLAG> says; flags come after and win. Lists are comma-separated."""
    for flag, (field, kind, _, _) in TABLE.items():
        value = env.get(variable(flag))
        if value is None:
            continue
        state.told[field] = f"environment {variable(flag)}"
        if kind == COUNT:
            if not value.isdecimal():
                raise FlagError(f"{variable(flag)} must be a whole number")
            setattr(state, field, int(value))
        elif kind == ON:
            if value.lower() not in TRUE + FALSE:
                raise FlagError(f"{variable(flag)} must be one of: 1, 0, true, false")
            setattr(state, field, value.lower() in TRUE)
        elif kind == LIST:
            setattr(state, field, [part for part in value.split(",") if part])
        else:
            _put(state, flag, value)


def read_env_files(args: Sequence[str], env: MutableMapping[str, str]) -> None:
    """Set the names of every --env-file; what is set already wins, and engagectl's own names are not taken from one."""
    named = Invocation()
    named.env_file = [part for part in env.get(variable("--env-file"), "").split(",") if part]
    take(args, named)
    for file in named.env_file:
        try:
            with open(file, encoding="utf-8") as lines:  # noqa: PTH123  pathlib is not imported before a command is known
                text = lines.read(1 << 20)
        except (OSError, UnicodeDecodeError):
            raise FlagError(f"--env-file {file} cannot be read as text") from None
        for number, line in enumerate(text.splitlines(), start=1):
            name, equals, value = line.strip().removeprefix("export ").partition("=")
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            name, value = name.strip(), value.strip()
            if not equals or not name.isidentifier():
                raise FlagError(f"--env-file {file}, line {number} is not NAME=VALUE")
            if name.startswith("ENGAGECTL_"):
                raise FlagError(f"--env-file {file}, line {number}: {name} is a setting of engagectl, not a value")
            if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
                value = value[1:-1]
            env.setdefault(name, value)


def _takes_value(flag: str) -> bool:
    return TABLE[flag][1] not in (COUNT, ON)


def take(args: Sequence[str], state: Invocation) -> list[str]:
    """Read the global flags out of the words, up to `--`; return the other words in order."""
    words, rest, seen = list(args), list[str](), set[str]()

    def put(flag: str, value: str) -> None:
        field, kind = TABLE[flag][:2]
        if kind in (LIST, COUNT) and field not in seen:  # the first flag replaces what the environment said
            setattr(state, field, [] if kind == LIST else 0)
        seen.add(field)
        state.told[field] = f"flag {flag}"
        _put(state, flag, value)

    def following(flag: str) -> str:
        if not words:
            raise FlagError(f"{flag} needs a value")
        return words.pop(0)

    while words:
        word = words.pop(0)
        if word == "--":
            return [*rest, word, *words]
        head, equals, value = word.partition("=")
        if head in TABLE:
            if not _takes_value(head):
                if equals:
                    raise FlagError(f"{head} takes no value")
                put(head, "")
            else:
                put(head, value if equals else following(head))
        elif word[:2] in SHORT:
            _take_short(word, put, following)
        else:
            rest.append(word)
    return rest


def _take_short(word: str, put: Callable[[str, str], None], following: Callable[[str], str]) -> None:
    letters = word[1:]
    while letters:
        short, letters = "-" + letters[0], letters[1:]
        if short not in SHORT:
            raise FlagError(f"unknown flag {short} in {word}")
        flag = SHORT[short]
        if not _takes_value(flag):
            put(flag, "")
            continue
        put(flag, letters.removeprefix("=") if letters else following(short))
        return


def help_text() -> str:
    """Return the section of --help on these flags, with their environment variables."""
    longs = {long: short for short, long in SHORT.items()}
    lines = []
    for flag, (_, kind, text, metavar) in TABLE.items():
        names = f"{longs[flag]}, {flag}" if flag in longs else f"    {flag}"
        shown = "|".join(kind) if isinstance(kind, tuple) else metavar
        lines.append(f"  {f'{names} {shown}'.rstrip():<34}{text} [{variable(flag)}]")
    return "Global flags, before or after the command:\n" + "\n".join(lines)
