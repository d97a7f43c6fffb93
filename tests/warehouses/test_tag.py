"""What a session says of itself fits the engine's limit, whatever a target is called."""

from hypothesis import given
from hypothesis import strategies as st

from engagectl.warehouses.postgres.connect import _TAG, NAME_BYTES
from engagectl.warehouses.tag import Tag

WORDS = st.text(max_size=40)


def test_a_tag_says_command_target_and_commit() -> None:
    tag = Tag(command="plan", target="prod", commit="0123456789abcdef")
    assert tag.text(NAME_BYTES) == "engagectl plan target=prod commit=0123456789ab"
    assert tag.labels() == (("engagectl", "plan"), ("target", "prod"), ("commit", "0123456789ab"))
    assert Tag(command="plan").text(NAME_BYTES) == "engagectl plan"


def test_what_has_no_room_is_left_out_whole_and_the_host_is_cut() -> None:
    tag = Tag(command="apply", target="t" * 60, commit="abc", pid=7, host="h" * 60)
    assert tag.text(NAME_BYTES) == "engagectl apply pid=7 commit=abc host=" + "h" * 25


@given(target=WORDS, commit=WORDS, host=WORDS, pid=st.integers(0, 4_194_304))
def test_a_tag_is_one_short_line_that_names_its_holder(target: str, commit: str, host: str, pid: int) -> None:
    line = Tag(command="apply", target=target, commit=commit, pid=pid, host=host).text(NAME_BYTES)
    assert len(line.encode()) <= NAME_BYTES
    assert line.isprintable()
    found = _TAG.fullmatch(line)
    assert found is not None
    assert (found[1], int(found[2] or 0)) == ("apply", pid)
