"""GoogleSQL's own parser reads every snapshot of BigQuery, and must refuse what is wrong on purpose.

Run by the Python that has `zetasql`, with the files: `make test-parsers`. What the statements mean is judged by
zetasql_judge.py, of all that a whole contract sends.
"""

import re
import sys

from zetasql.api import Parser
from zetasql.types import LanguageOptions

LANGUAGE = LanguageOptions.maximum_features()
NOT_SQL = re.compile(r"ALTER TABLE \S+\s+CLUSTER BY")
"""A plan shows this; apply calls the API, for GoogleSQL has no such statement."""
WRONG = (
    "ALTER TABLE `s`.`t` ADD COLUMN `a` STRING,, ADD COLUMN `b` STRING",
    "ALTER TABLE `s`.`t` ADD COLUMNS (`a` STRING)",
    'ALTER TABLE "s"."t" DROP COLUMN "a"',
    "CREATE TABLE `s`.`t` (`a` STRING NOT)",
    "CREATE SCHEMA `s` LOCATION 'EU'",
)


def refused(sql):
    """Return what the parser has against a statement, or nothing."""
    try:
        Parser.parse_statement_static(sql, LANGUAGE)
    except Exception as error:
        return str(error)
    return ""


if __name__ == "__main__":
    found = []
    statements = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123  this runs without our tools
            for sql in file.read().rstrip("\n").split(";\n"):
                statements += 1
                if (said := refused(sql)) and not NOT_SQL.match(sql):
                    found.append(f"{path}: {said}")
    found += [f"not refused: {sql}" for sql in WRONG if not refused(sql)]
    print(f"GoogleSQL's parser: {statements} statements read, {len(WRONG)} wrong ones given", *found, sep="\n")
    sys.exit(1 if found or not statements else 0)
