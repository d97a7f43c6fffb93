"""Which feeds go together over which files: plain values in, passes out."""

from pathlib import Path

from engagectl.journal.checkpoints import Checkpoint
from engagectl.sync.chunk import Work
from engagectl.sync.inputs import InputFile
from engagectl.sync.places import Places, passes, readers, share_read, stops
from engagectl.sync.until import Until
from tests.sync.builders import activation, connection, users

FILES = [InputFile(key=f"data/2024-01-0{n}.jsonl", path=Path("x"), bytes=100) for n in (3, 1, 2)]
FIRST, SECOND, LATE = Work(1, connection()), Work(2, users()), Work(3, activation())


def _places(*said: tuple[Work, int, int]) -> Places:
    """Return checkpoints from (feed, day, offset)."""
    places = Places()
    places.moved(Checkpoint(feed=work.number, file=f"data/2024-01-0{day}.jsonl", offset=at) for work, day, at in said)
    return places


def test_feeds_at_one_place_go_together_oldest_file_first() -> None:
    (only,) = passes([FIRST, SECOND, LATE], FILES, Places())
    assert [work.number for work in only.works] == [1, 2, 3]
    assert [file.key for file in only.files] == sorted(file.key for file in FILES)
    assert not only.catches_up


def test_a_feed_that_lags_in_one_file_stays_with_the_others() -> None:
    places = _places((FIRST, 1, 100), (FIRST, 2, 50), (SECOND, 1, 100), (SECOND, 2, 20))
    (only,) = passes([FIRST, SECOND], FILES, places)
    assert [work.number for work in only.works] == [1, 2]


def test_a_feed_that_lags_in_more_follows_in_a_pass_of_its_own() -> None:
    places = _places((FIRST, 1, 100), (FIRST, 2, 50), (SECOND, 1, 100), (SECOND, 2, 50))
    first, late = passes([FIRST, SECOND, LATE], FILES, places)
    assert ([work.number for work in first.works], first.catches_up) == ([1, 2], False)
    assert ([work.number for work in late.works], late.catches_up) == ([3], True)


def test_a_feed_takes_whole_chunks_between_its_own_offset_and_its_end() -> None:
    limited = Work(3, activation(), {"data/2024-01-01.jsonl": Until(end=60)})
    group = readers([FIRST, SECOND, limited], FILES[1], _places((FIRST, 1, 40), (SECOND, 1, 10)), closed=False)
    assert stops(group) == (0, 10, 40, 60)
    assert [[reader.work.number for reader in group if reader.takes(at)] for at in (0, 10, 40, 60)] == [
        [3],
        [2, 3],
        [1, 2, 3],
        [1, 2],
    ]


def test_a_feed_whose_end_is_reached_reads_nothing() -> None:
    limited = Work(1, connection(), {"data/2024-01-01.jsonl": Until(end=40)})
    assert readers([limited], FILES[1], _places((limited, 1, 40)), closed=False) == []


def test_the_share_that_is_read_is_of_bytes() -> None:
    assert share_read(FILES, [LATE], _places((LATE, 1, 100), (LATE, 2, 20))) == (40, 2)
