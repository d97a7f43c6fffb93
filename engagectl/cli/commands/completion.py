"""`engagectl completion SHELL`: the script that a shell sources."""

from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import get_completion_script

from engagectl.cli.outcome import finish, terminal_of


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(ctx: typer.Context, shell: Annotated[Shell, typer.Argument(help="bash, zsh or fish.")]) -> None:
    text = get_completion_script(prog_name="engagectl", complete_var="_ENGAGECTL_COMPLETE", shell=shell.value)
    finish(ctx.obj, terminal_of(ctx.obj), text=text, data={"shell": shell.value, "script": text})
