"""Two feeds with a `dedupe_window`: what one has read says nothing of the other."""

from tests.scenarios.house import House, identify

DAYS = 3
YAML = f"""
inputs:
  all: {{files: ["data/*.jsonl"]}}
spaces:
  default: {{slug: default, sources: {{main: {{input: all}}, web: {{input: all, schema: engage_web}}}}}}
traits:
  plan: {{space: default, kind: sql, type: string}}
connections:
  first: {{space: default, source: main, warehouses: [cdp], dedupe_window: {DAYS}d, send: SEND}}
  second: {{space: default, source: web, warehouses: [cdp], dedupe_window: {DAYS}d, send: SEND}}
""".replace("SEND", '[{traits: ["*"], as: [identify]}]')


def _send(house: House, *days: int) -> None:
    """Append messages of one id, each received on its day."""
    house.messages(
        *(identify(1, {"plan": "a"}, receivedAt=f"2024-01-{day:02d}T00:00:00Z") for day in days), name="data/b.jsonl"
    )


def _days(house: House) -> list[list[int]]:
    sql = "SELECT CAST(EXTRACT(day FROM received_at) AS integer) FROM {}.identifies ORDER BY 1"
    return [[day for (day,) in house.query(sql.format(schema))] for schema in ("engage_default", "engage_web")]


def test_a_feed_that_reads_later_meets_its_own_days(house: House) -> None:
    house.write(YAML)
    house.apply()
    _send(house, 1, 10)
    house.sync(select=("connection.first",))
    house.sync()
    assert _days(house) == [[1, 10], [1, 10]]


def test_feeds_that_stand_apart_in_a_chunk_remember_their_own_days(house: House) -> None:
    house.write(YAML)
    house.apply()
    _send(house, 1)
    house.sync(select=("connection.first",))
    _send(house, 10, 11, 14)
    house.sync()
    assert _days(house) == [[1, 10, 14], [1, 10, 14]]


def test_a_window_that_is_gone_leaves_what_was_known(house: House) -> None:
    house.write(YAML)
    house.apply()
    _send(house, 1)
    house.sync()
    house.write(YAML.replace(f" dedupe_window: {DAYS}d,", ""))
    house.apply()
    _send(house, 10)
    house.sync()
    assert _days(house) == [[1], [1]]


def test_feeds_that_take_other_messages_of_an_id_remember_their_own_days(house: House) -> None:
    house.write(
        YAML.replace("traits:\n", "traits:\n  tier: {space: default, kind: sql, type: string}\n", 1).replace(
            '[{traits: ["*"]', "[{traits: [plan]", 1
        )
    )
    house.apply()
    day = "2024-01-{:02d}T00:00:00Z"
    house.messages(
        identify(1, {"tier": "a"}, receivedAt=day.format(1)),
        identify(1, {"tier": "a", "plan": "a"}, receivedAt=day.format(10)),
    )
    house.sync()
    assert _days(house) == [[10], [1, 10]]
