"""`fmt`: one layout, comments kept, what the files say untouched."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from engagectl.edit.fmt import unified
from engagectl.edit.text import rewritten, said_by
from engagectl.errors import RefusedError
from tests.cli.inside import run
from tests.cli.test_command_line import ROOT

EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
LOOSE = """\
# the head
version:   1
project: acme     # the name
defaults:
    activation: {trigger: each_run,   properties: [ user_id, {hmac: key} ]}

# before the inputs
inputs:
    a:   {files:   ['data/*.jsonl']}   # a
    b:
        files:
        - "x.jsonl"
        # the last comment
"""


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_examples_say_the_same_in_a_stable_layout(file: Path) -> None:
    raw = file.read_bytes()
    once = rewritten(raw, file=file.name)
    assert repr(said_by(once)) == repr(said_by(raw))
    assert rewritten(once, file=file.name) == once


def test_comments_quotes_and_order_stay() -> None:
    text = rewritten(LOOSE.encode(), file="a.yaml").decode()
    for comment in ("# the head", "# the name", "# before the inputs", "# a\n", "# the last comment"):
        assert comment in text
    assert "files: ['data/*.jsonl']" in text
    assert '- "x.jsonl"' in text
    assert "[user_id, {hmac: key}]" in text


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("head", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_mark_stay(end: str, head: bytes) -> None:
    raw = head + LOOSE.replace("\n", end).encode()
    done = rewritten(raw, file="a.yaml")
    assert done.startswith(head)
    assert done.count(b"\r\n") == (done.count(b"\n") if end == "\r\n" else 0)


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n# nothing\n"])
def test_a_file_without_content_stays_as_it_is(text: str) -> None:
    assert rewritten(text.encode(), file="a.yaml") == text.encode()


@pytest.mark.parametrize("text", ["a: [1, # one\n  2]\n", "a: {b: 1, # one\n  c: 2}\n"])
def test_a_comment_that_has_no_place_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="comment would be lost") as caught:
        rewritten(text.encode(), file="a.yaml")
    assert (caught.value.code, caught.value.exit_code) == ("EC024", 4)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from(
        ("012", "0o17", "1_000", "1e3", "2024-01-01", "yes", "on", "~", "null", "a: b", "# c", "- d", "it's")
    ),
    st.text(
        st.characters(max_codepoint=0xFFFF, exclude_categories=("C",), exclude_characters="\x85\u2028\u2029\ufeff"),
        max_size=12,
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inside: st.one_of(
        st.lists(inside, max_size=3), st.dictionaries(st.from_regex(r"[a-z_]{1,6}", fullmatch=True), inside, max_size=3)
    ),
    max_leaves=12,
)


def _written(value: object, depth: int, draw: st.DataObject) -> str:
    """Write a value as somebody might: block or flow, quoted or plain, with loose blanks and comments."""
    import json

    pad = "  " * depth
    if isinstance(value, dict | list) and value and depth < 4 and draw.draw(st.booleans()):
        lines = []
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            head = f"{key}:" if isinstance(value, dict) else "-"
            comment = draw.draw(st.sampled_from(("", f"\n{pad}# {key}", "\n")))
            lines.append(f"{comment}\n{pad}{head}{' ' * draw.draw(st.integers(1, 3))}{_written(item, depth + 1, draw)}")
        return "".join(lines)
    return json.dumps(value, ensure_ascii=draw.draw(st.booleans()))


@settings(deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z_]{1,6}", fullmatch=True), VALUES, min_size=1, max_size=4), st.data())
def test_any_yaml_keeps_its_data_and_a_second_pass_changes_nothing(
    value: dict[str, object], draw: st.DataObject
) -> None:
    text = "".join(f"{key}: {_written(item, 1, draw)}\n" for key, item in value.items())
    raw = text.encode()
    before = repr(said_by(raw))
    try:
        once = rewritten(raw, file="a.yaml")
    except RefusedError as refused:  # ruamel writes some comments where it cannot read them: such a file stays as it is
        assert "layout cannot be kept" in refused.message  # noqa: PT017  any other refusal is a failure
        reject()
    assert repr(said_by(once)) == before
    assert rewritten(once, file="a.yaml") == once


def test_the_command_checks_shows_and_writes(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples/full", tmp_path / "p")
    project = ("-C", str(tmp_path / "p"))
    for name in ("engagectl.yaml", "engage/growth.yaml"):
        file = tmp_path / "p" / name
        file.write_text(file.read_text() + "x-loose:   {a:   1}   # loose\n")
    before = (tmp_path / "p/engage/growth.yaml").read_bytes()
    assert run(*project, "fmt", "--check").code == 1
    shown = run(*project, "fmt", "--diff")
    assert shown.code == 0
    assert "+x-loose: {a: 1}" in shown.out
    assert (tmp_path / "p/engage/growth.yaml").read_bytes() == before
    assert run(*project, "fmt", str(tmp_path / "p/engage/growth.yaml")).code == 0
    assert (tmp_path / "p/engage/growth.yaml").read_bytes() != before
    assert run(*project, "fmt").code == 0
    assert run(*project, "fmt", "--check").code == 0
    assert run(*project, "validate").code == 0
    assert run(*project, "fmt", "elsewhere.yaml").code == 64


def test_what_cannot_be_written_back_is_named_and_the_rest_is_written(tmp_path: Path) -> None:
    (tmp_path / "engagectl.yaml").write_text("version:   1\nproject: acme\ninclude: [more.yaml]\n")
    (tmp_path / "more.yaml").write_text("x-note: [1, # one\n  2]\n")
    done = run("-C", str(tmp_path), "fmt")
    assert done.code == 4
    assert "EC024" in done.err
    assert "more.yaml" in done.err
    assert (tmp_path / "engagectl.yaml").read_text().startswith("version: 1\n")
    assert (tmp_path / "more.yaml").read_text() == "x-note: [1, # one\n  2]\n"


def test_ruamel_is_loaded_by_nothing_else() -> None:
    import subprocess
    import sys

    script = "import sys, engagectl.api, engagectl.cli.commands.fmt; sys.exit('ruamel.yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0


def test_a_difference_shows_no_value_that_could_be_a_secret() -> None:
    before = (
        b"# a note\nproject:   p\n\nwarehouses:   # canary-1\n  w: {type:  postgres, host: h, port: 5432}\n"
        b"  x:\n      type: postgres\n      auth: {method:  password, user: u,   password: 'canary-2'}\n"
        b"# canary-3\ntraits:  {t: {space: s,  description: shown}} # stays\n"
    )
    after = before.replace(b":  ", b": ").replace(b":  ", b": ").replace(b",  ", b", ").replace(b",  ", b", ")
    text = unified("engagectl.yaml", before, after)
    assert "canary" not in text
    for line in (
        *("--- a/engagectl.yaml", "+++ b/engagectl.yaml", " # a note", "-project:   p", "+project: p"),
        *("-warehouses:   #", "+warehouses: #", "-  w: {type:  postgres, host: *, port: ****}"),
        "+      auth: {method: password, user: *, password: **********}",
        "+traits: {t: {space: s, description: shown}} # stays",
    ):
        assert line in text.splitlines()


def test_a_new_file_is_a_difference_from_nothing() -> None:
    assert unified("a.yaml", b"", b"traits: {}\n") == "--- a/a.yaml\n+++ b/a.yaml\n@@ -0,0 +1 @@\n+traits: {}"
    assert unified("a.yaml", b"a\n", b"a\n") == ""
