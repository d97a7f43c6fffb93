"""`python fluff.py`, where sqlfluff is: which of a JSON list of statements its grammar of Databricks reads whole."""

import json
import sys

from sqlfluff.core import FluffConfig, Linter


def main() -> None:
    linter = Linter(config=FluffConfig(overrides={"dialect": "databricks"}))
    answers = [not linter.parse_string(text).violations for text in json.load(sys.stdin)]
    sys.stdout.write(json.dumps(answers))


main()
