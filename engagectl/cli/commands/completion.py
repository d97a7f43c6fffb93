"""`engagectl completion SHELL`: the script that a shell sources."""

from enum import StrEnum
from importlib import import_module
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, terminal_of


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(ctx: typer.Context, shell: Annotated[Shell, typer.Argument(help="bash, zsh or fish.")]) -> None:
    script = import_module("typer.completion").get_completion_script
    text = script(prog_name="engagectl", complete_var="_ENGAGECTL_COMPLETE", shell=shell.value)
    finish(ctx.obj, terminal_of(ctx.obj), text=text, data={"shell": shell.value, "script": text})
