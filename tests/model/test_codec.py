"""A noun written to JSON and read back is the same noun."""

import dataclasses
import json

from engagectl.model.address import Address, parse_address
from engagectl.model.change import AddColumn, Change, ChangeSetting, DropTable
from engagectl.model.codec import Texts, canonical, decode, encode
from engagectl.model.column_type import Boolean, Decimal, Text
from engagectl.model.feed import AtPath, Feed, FeedColumn, FeedTable, InBody, Schedule, Standard, Transform
from engagectl.model.plan import Step
from engagectl.model.schema import Column, TableName

FEED = Feed(
    project="acme",
    kind="activation",
    id="vip",
    warehouse="local",
    space="default",
    source="main",
    tables=(
        FeedTable(
            name=TableName("default", "vip"),
            role="activation",
            columns=(
                FeedColumn(name="id", type=Text(), stored=Text(), value=Standard("id")),
                FeedColumn(name="vip", type=Boolean(), stored=Boolean(), value=InBody(("vip", "old_vip"))),
                FeedColumn(
                    name="mrr",
                    type=Decimal(18, 2),
                    stored=Decimal(18, 2),
                    value=AtPath((("properties", "mrr"),)),
                    transforms=(Transform("trim"), Transform("hmac_sha256", "key", "0a1b2c3d")),
                ),
            ),
        ),
    ),
    schedule=Schedule(cron="0 * * * *", every_s=None),
    settings=(("every", "1h"),),
)


def test_a_feed_survives_json() -> None:
    assert decode(Feed, json.loads(json.dumps(encode(FEED)))) == FEED


def test_the_canonical_text_is_that_of_json() -> None:
    texts: Texts = {}
    for owner in ("crm", 'é "quoted" \\ \n', ""):
        one = dataclasses.replace(FEED, owner=owner, null_erases=bool(owner), dedupe_window_s=len(owner))
        said = json.dumps(encode(one), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        assert canonical(one) == canonical(one, texts=texts) == said


def test_changes_of_every_shape_survive_json() -> None:
    name = TableName("engage_default", "users")
    changes: tuple[Change, ...] = (
        AddColumn(table=name, column=Column(name="vip", type=Boolean())),
        ChangeSetting(subject=Address("warehouse", "snow"), setting="sync.every", before="1h", after=None),
        DropTable(table=name, reason="DATA-812"),
    )
    for change in changes:
        step = Step(id="x", address=Address("table", "a.b", "w"), change=change, statements=("SELECT 1",), rows=0)
        assert decode(Step, json.loads(json.dumps(encode(step)))) == step


def test_an_address_reads_back() -> None:
    for text in ("table.engage_default.users", "snow/column.engage_default.users.phone", "activation.vip"):
        assert str(parse_address(text)) == text
