"""Each global flag says the same before the command, after it, and as its environment variable."""

from typing import Any

import pytest

from engagectl.cli.flags import COUNT, LIST, ON, SHORT, TABLE, Invocation, from_environment, take, variable
from tests.cli.inside import run


def _value(flag: str) -> str:
    kind = TABLE[flag][1]
    if isinstance(kind, tuple):
        return kind[-1]
    return "3" if flag == "--lock-timeout" else "some"


def _said(flag: str, state: Invocation) -> Any:
    return getattr(state, TABLE[flag][0])


def _read(*words: str) -> Invocation:
    state = Invocation()
    assert take(words, state) == ["plan"]
    return state


@pytest.mark.parametrize("flag", TABLE)
def test_a_global_flag_means_the_same_wherever_it_stands(flag: str) -> None:
    kind = TABLE[flag][1]
    words = (flag,) if kind in (COUNT, ON) else (flag, _value(flag))
    said = _said(flag, _read(*words, "plan"))
    assert said != _said(flag, Invocation())
    assert _said(flag, _read("plan", *words)) == said
    told = Invocation()
    from_environment(told, {variable(flag): "1" if kind in (COUNT, ON) else _value(flag)})
    assert _said(flag, told) == said
    if kind not in (COUNT, ON):
        assert _said(flag, _read("plan", f"{flag}={_value(flag)}")) == said
    for short in (one for one, long in SHORT.items() if long == flag):
        assert _said(flag, _read("plan", short, *words[1:])) == said
    if kind == LIST:
        assert _said(flag, _read(*words, "plan", *words)) == ["some", "some"]


def test_help_names_each_flag_and_its_variable() -> None:
    text = run("--help").out
    assert [flag for flag in TABLE if flag not in text or f"[{variable(flag)}]" not in text] == []
