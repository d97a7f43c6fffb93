"""Keyed hashes: equal to Python's hmac, by the key that was applied and by no other."""

import hashlib
import hmac

import pytest

from tests.scenarios.house import House, identify

YAML = """
inputs:
  events: {files: ["data/*.jsonl"]}
spaces:
  default: {slug: default, sources: {main: {input: events}}}
credentials:
  pepper: {method: hmac_key, key: {$env: ENGAGECTL_TEST_PEPPER}}
traits:
  email: {space: default, kind: event, type: string}
  score: {space: default, kind: ml, type: float}
audiences:
  vip: {space: default, kind: profile}
activations:
  vip_log:
    audience: vip
    warehouses: [cdp]
    table: vip_log
connections:
  classic:
    space: default
    warehouses: [cdp]
    columns: {email: {transform: [trim, lower, {hmac_sha256: pepper}]}}
    send: [{traits: ["*"], as: [identify]}]
"""
VALUES = ["a@b.c", "  Ünï@Example.ORG ", "", "日本", "x" * 300]


def _digest(key: str, value: str) -> str:
    return hmac.new(key.encode(), value.strip().lower().encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize("key", ["k", "x" * 64, "y" * 65, "pâte " * 40])
def test_keyed_hashes_are_those_of_python(house: House, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("ENGAGECTL_TEST_PEPPER", key)
    house.write(YAML)
    house.apply()
    house.messages(*(identify(n, {"email": value}) for n, value in enumerate(VALUES)), identify(9, {"email": None}))
    house.sync()
    expected = [(f"m{n}", _digest(key, value)) for n, value in enumerate(VALUES)]
    assert house.rows("engage_default.identifies", "id, email") == expected
    assert house.plan().steps == ()


def test_another_key_is_left_out_and_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGAGECTL_TEST_PEPPER", "old key")
    house.write(YAML)
    house.apply()
    house.messages(identify(1, {"email": "a@b.c", "score": 1}))
    monkeypatch.setenv("ENGAGECTL_TEST_PEPPER", "new key")
    report = house.sync()
    assert [(str(item.address), item.code) for item in report.left_out] == [
        ("local/connection.classic", "EC705"),
        ("local/users.default.main", "EC705"),
    ]
    assert report.exit_code == 5
    assert "key" not in str(house.rows("engage_default.identifies", "count(*)", order="1")[0][0])
    house.apply()
    assert house.sync().exit_code == 0
    assert house.rows("engage_default.identifies", "id, email") == [("m1", _digest("new key", "a@b.c"))]


def test_without_the_key_nothing_of_the_feed_loads(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write(YAML)
    house.apply()
    house.messages(identify(1, {"email": "a@b.c"}))
    assert {item.code for item in house.sync().left_out} == {"EC705"}
    monkeypatch.setenv("ENGAGECTL_TEST_PEPPER", "first seen by sync")
    assert house.sync().exit_code == 0
    assert house.plan().steps == ()
    monkeypatch.setenv("ENGAGECTL_TEST_PEPPER", "another")
    assert {item.code for item in house.sync().left_out} == {"EC705"}


def test_no_key_stands_in_the_journal(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGAGECTL_TEST_PEPPER", "canary-key")
    house.write(YAML)
    house.apply()
    house.messages(identify(1, {"email": "a@b.c"}))
    house.sync()
    documents = [row[0] for row in house.rows("engagectl.feeds", "document", order="1")]
    check = hmac.new(b"canary-key", b"engagectl key check", hashlib.sha256).hexdigest()[:8]
    assert check in "".join(documents)
    assert "canary" not in "".join(documents)
