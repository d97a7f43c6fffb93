"""The shape of a noun, told as a JSON Schema and checked in place: both say the same of any data."""

import random
from copy import deepcopy
from typing import Any

import jsonschema

from engagectl.model.codec import encode
from engagectl.model.feed import Feed
from engagectl.model.shape import misfit, schema_of
from tests.model.test_codec import FEED

VALIDATOR = jsonschema.Draft202012Validator(schema_of(Feed))
WRONG: tuple[Any, ...] = (None, [], {}, "x", 1, True, 1.5, [1], {"is": "Text"}, {"is": "Nothing"}, ["a", "b"])


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, inside in items:
        found += places(inside, (*path, key))
    return found


def test_what_is_written_fits() -> None:
    assert misfit(Feed, encode(FEED)) is None
    VALIDATOR.validate(encode(FEED))


def test_the_schema_and_the_check_agree_on_what_does_not() -> None:
    chosen, refused = random.Random(3), 0  # noqa: S311  a test's choice
    for path in places(encode(FEED)):
        for wrong in chosen.sample(WRONG, 4):
            data = deepcopy(encode(FEED))
            at = data
            for key in path[:-1]:
                at = at[key]
            if isinstance(at, dict) and wrong is None:
                del at[path[-1]]
            else:
                at[path[-1]] = wrong
            place = misfit(Feed, data)
            assert (place is None) == VALIDATOR.is_valid(data), (path, wrong)
            refused += place is not None
    assert refused > 100


def test_it_says_where() -> None:
    data = encode(FEED)
    data["tables"][0]["columns"][1]["stored"] = {"is": "Nothing"}
    assert misfit(Feed, data) == "tables[0].columns[1].stored"
    assert misfit(Feed, []) == ""
