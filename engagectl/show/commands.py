"""What a runner of GitHub Actions, which reads the output of every step, would take for a command of ours.

It looks for `::` behind white space at the beginning of a line, and for `##[` anywhere
(actions/runner, src/Runner.Common/ActionCommand.cs).
"""

import re

_AT_START = re.compile(r"^([^\S\n]*)::", re.MULTILINE)


def unarmed(text: str) -> str:
    """Return text that holds no command: the first sign of one is written as its escape."""
    return _AT_START.sub(r"\1\\x3a:", text).replace("##[", "\\x23#[")


def unarmed_json(text: str) -> str:
    """Return JSON that means the same and holds no command. No line of JSON begins with a colon."""
    return text.replace("##[", "\\u0023#[")
