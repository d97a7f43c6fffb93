"""Spark's own parser reads what is sent to Databricks: its grammar is Databricks', less the forms that are named."""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from engagectl import api
from engagectl.warehouses.databricks.dialect import literal
from tests.scenarios.house import House, identify
from tests.warehouses.contract.engine import program
from tests.warehouses.contract.engines.databricks import LIVE, SPARK, statements
from tests.warehouses.contract.test_cut_commits import BATCH, SYNCED

NEEDS = "none" if LIVE else "databricks"
PARSE = Path(__file__).parent / "spark/parse.py"
FLUFF = Path(__file__).parent / "spark/fluff.py"
SNAPSHOTS = Path(__file__).parents[2] / "render/__snapshots__/test_snapshots"
OURS_ALONE = ("COPY INTO", "CREATE VOLUME", "LIST", "PUT", "REMOVE", "REORG TABLE")
"""What Databricks has and Spark has not."""
_COPY = (
    "COPY INTO `s`.`t` (`id`) FROM (SELECT CAST(c0 AS STRING) AS `id` FROM '/Volumes/c/engagectl/stage/')"
    " FILEFORMAT = PARQUET FILES = ('f.parquet')"
)
LINTED = (
    "CREATE VOLUME IF NOT EXISTS engagectl.stage",
    "DESCRIBE DETAIL `engage_default`.`identifies`",
    "ALTER TABLE `s`.`t`\nCLUSTER BY (`user_id`, `id`)",
    "ALTER TABLE `s`.`t`\nCLUSTER BY NONE",
)
"""Of sqlfluff's grammar of Databricks; it does not know the others."""
MISSPELT = (
    "CREATE VOLUME IF EXISTS engagectl.stage",
    "DESCRIBE DETAIL `a`.`b` `c`.`d`",
    "ALTER TABLE `s`.`t` CLUSTER BY `user_id`, `id`",
)
WRONG = (
    "ALTER TABLE `s`.`t` ADD COLUMN IF NOT EXISTS `a` STRING",
    "ALTER TABLE `s`.`t` ADD COLUMNS (`a` FOOBAR)",
    "ALTER TABLE `s`.`t` ADD COLUMNS (`a` JSON)",
    "ALTER TABLE `s`.`t` ADD COLUMNS (`a` STRING,, `b` STRING)",
    "SELECT CAST(a AS VARCHAR) FROM t",
    'ALTER TABLE "s"."t" DROP COLUMN "a"',
)


class Spark:
    """Asks the parser, a line each."""

    def __init__(self, running: "subprocess.Popen[str]") -> None:
        self._running = running

    def ask(self, **asked: str) -> Any:
        assert self._running.stdin is not None
        assert self._running.stdout is not None
        self._running.stdin.write(json.dumps(asked) + "\n")
        self._running.stdin.flush()
        return json.loads(self._running.stdout.readline())

    def refused(self, texts: Sequence[str]) -> list[tuple[str, str]]:
        return [(text, why) for text in texts if (why := self.ask(statement=text)) is not None]


@pytest.fixture(scope="module")
def spark() -> Iterator[Spark]:
    with subprocess.Popen(
        [str(program(SPARK)), str(PARSE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        yield Spark(running)
        running.communicate()


def test_spark_reads_every_statement_that_was_sent(on: str, house: House, spark: Spark) -> None:
    house.write(SYNCED)
    house.messages(*BATCH)
    house.apply()
    house.sync()
    house.write(
        SYNCED.replace(
            "integer}", "integer, description: how often}\n  tier: {space: default, kind: event, type: string}"
        )
    )
    house.messages(identify(7, {"visits": 7, "tier": "gold"}))
    house.apply()
    house.sync()
    api.history(house.project)
    api.status(house.project)
    sent = [one for one in statements() if not one.startswith(("GRANT ", "REVOKE "))]  # those are of other tests
    known = [one for one in sent if one.startswith(OURS_ALONE)]
    assert {next(word for word in OURS_ALONE if one.startswith(word)) for one in known} >= {*OURS_ALONE[:5]}
    assert spark.refused([one for one in sent if one not in known]) == []
    inside = [re.sub(r" FROM '([^']+)'$", r" FROM parquet.`\1`", found[1]) for one in known
              if (found := re.search(r"FROM \((SELECT .*)\) FILEFORMAT", one))]  # fmt: skip
    assert inside
    assert spark.refused(inside) == []


def test_spark_reads_every_snapshot(on: str, spark: Spark) -> None:
    files = sorted(SNAPSHOTS.glob("*databricks-*.sql"))
    assert len(files) > 10
    assert spark.refused([text for file in files for text in file.read_text().rstrip("\n").split(";\n")]) == []


def test_a_linter_of_others_reads_what_spark_does_not(on: str) -> None:
    ours = LINTED
    linted = subprocess.run(
        [str(program(SPARK)), str(FLUFF)],
        input=json.dumps([*ours, *MISSPELT]),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = json.loads(linted.stdout)
    assert answers[: len(ours)] == [True] * len(ours)
    assert answers[len(ours) :] == [False] * len(MISSPELT)


def test_copy_into_is_a_copy_to_sqlglot(on: str) -> None:
    from sqlglot import exp, parse_one

    copied = parse_one(_COPY, dialect="databricks")
    assert isinstance(copied, exp.Copy)
    assert copied.this.find(exp.Table).sql("databricks") == "`s`.`t`"


def test_spark_refuses_what_is_wrong(on: str, spark: Spark) -> None:
    assert [text for text, _ in spark.refused(WRONG)] == list(WRONG)


def test_a_value_is_to_spark_what_it_was(on: str, spark: Spark) -> None:
    values = ["", "it's", "a\\'b", "\\", "${x} $1", "\0\n\t\x1a", "é €\u2028", "😀", '\ufeff`"', "%_\\%", "?" * 3]
    assert [spark.ask(literal=literal(value)) for value in values] == values
