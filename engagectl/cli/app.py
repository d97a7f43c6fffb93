"""The root command: a Typer group whose commands are imported when one of them runs, and the exit codes.

Only Typer's public names are used: click is private to it.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from engagectl.cli.flags import TABLE, FlagError, Invocation, from_environment, read_env_files, take
from engagectl.cli.front import ABOUT, front_page
from engagectl.cli.manual import lesson
from engagectl.cli.registry import COMMANDS

USAGE, INTERRUPTED = 64, 130
COMPLETE = "_ENGAGECTL_COMPLETE"  # set by the completion scripts

_METAVARS = {
    "<class 'str'>": "TEXT",
    "list[str]": "TEXT",
    "<class 'int'>": "N",
    "<class 'pathlib.Path'>": "FILE",
}


class Stub(TyperCommand):
    """A name and one line: enough for help, completion and did-you-mean. Never run."""


class Command(TyperCommand):
    """A command that imports no pydantic before its own function runs."""

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)
        if option is not None:
            _leave_unsaid_alone(option)
        return option


class LazyGroup(TyperGroup):
    """Resolves a stub to the real command only when it runs or is completed into."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.helps = True
        for name, (_, text, panel) in COMMANDS.items():
            self.commands[name] = Stub(name, help=text, rich_help_panel=panel, rich_markup_mode=None)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, self.load(name) if name and isinstance(command, Stub) else command, rest

    def load(self, name: str) -> Any:
        """Import a command's module and build its real command."""
        place, text, _ = COMMANDS[name]
        module, _, function = place.partition(":")
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(name, cls=Command, help=text, epilog=lesson(name))(getattr(import_module(module), function))
        command = typer.main.get_command(single)
        command.name = name
        for parameter in command.params:
            _leave_unsaid_alone(parameter)
            if isinstance(parameter, TyperOption) and parameter.metavar is None and not parameter.is_flag:
                described = getattr(parameter, "type_descriptor", None)  # where Typer has none, its own words stay
                parameter.metavar = _METAVARS.get(str(getattr(described, "annotation", "")))
        self.commands[name] = command
        return command

    def get_params(self, ctx: Any) -> list[Any]:
        """Give --help only where it is asked for: Typer imports pydantic to coerce an option that nobody wrote."""
        return super().get_params(ctx) if self.helps else []

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  the base class decides
        return list(COMMANDS)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  the base class decides
        formatter.write(f"{front_page()}\n")

    def main(  # type: ignore[override]  # the base names click's keywords; they pass through here unread
        self, args: Sequence[str] | None = None, *, standalone_mode: bool = True, **keywords: Any
    ) -> Any:
        """Run and exit with our codes: every entry (console script, test runner) passes here."""
        words = list(sys.argv[1:] if args is None else args)
        state = Invocation()
        try:
            code = self._run(state, words, keywords)
        finally:
            if state.sink is not None:
                state.sink.log.close()
        if standalone_mode:
            sys.exit(code)
        return code

    def _run(self, state: Invocation, words: list[str], keywords: dict[str, Any]) -> int:
        try:
            read_env_files(words, os.environ)
            from_environment(state)
            words = take(words, state)
            state.command = words[0] if words and words[0] in COMMANDS else ""
            self.helps = not words or words[0] in ("-h", "--help")
            if COMPLETE in os.environ:
                import_module("typer.completion").completion_init()
            answer = super().main(args=words or ["--help"], standalone_mode=False, obj=state, **keywords)
            if not words:
                return USAGE
        except FlagError as error:
            return _usage(state, str(error))
        except typer.TyperException as error:
            told = getattr(error, "format_message", None)
            return _usage(state, told() if told else str(error))
        except (KeyboardInterrupt, typer.Abort):
            return _failure(state, KeyboardInterrupt())
        except Exception as error:  # the last line: a user never sees a traceback
            return _failure(state, error)
        if answer == INTERRUPTED:  # Typer takes the exception and returns its code
            return _failure(state, KeyboardInterrupt())
        return answer if isinstance(answer, int) else 0


def _leave_unsaid_alone(parameter: Any) -> None:
    """Let a parameter that nobody wrote keep its default: to check it, Typer makes a validator of pydantic, in 2 ms."""
    if "process_value" in vars(parameter):
        return  # done before
    process = parameter.process_value
    is_many = parameter.multiple or parameter.nargs == -1

    def process_value(ctx: Any, value: Any) -> Any:
        if parameter.required or value is not parameter.default:
            return process(ctx, value)
        value = () if value is None and is_many else value
        return value if parameter.callback is None else parameter.callback(ctx, parameter, value)

    parameter.process_value = process_value


def _usage(state: Invocation, message: str) -> int:
    from difflib import get_close_matches

    from engagectl.errors import UsageError

    said, _, own = message.partition(" (Possible options: ")
    unknown = said.partition("No such option: ")[2].split(" ", 1)[0].rstrip(".")
    known = (*own.rstrip(").").split(", "), *TABLE)  # Typer knows the command's own flags only
    if unknown and (meant := get_close_matches(unknown, known, 1)):
        message = f"{said.rstrip('.')} (did you mean {meant[0]}?)"
    text = message[:1].lower() + message[1:].rstrip(".") if message else "no command given"
    return _failure(state, UsageError(text, help=f"engagectl {state.command} --help".replace("  ", " ")))


def _failure(state: Invocation, error: BaseException) -> int:
    from engagectl.cli.failure import report

    try:
        return report(state, error)
    except Exception as failed:  # telling of it failed too: one line, with no value of anything
        sys.stderr.write(f"error[EC900]: engagectl has a bug: {type(error).__name__}, {type(failed).__name__}\n")
        return 1


app = typer.Typer(
    cls=LazyGroup,
    name="engagectl",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(help=ABOUT)
def root() -> None:
    pass


def run(args: Sequence[str]) -> int:
    """Run the words of a command line; return the exit code."""
    try:
        app(args=list(args), prog_name="engagectl")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0
