"""pii.refuse_plain: which columns it catches, and what lets them pass."""

from pathlib import Path

import pytest

from engagectl import api

ROOT = """project: acme
include: ["engage/*.yaml"]
pii: {refuse_plain: [email, phone, ip, "context.device.*"]}
warehouses:
  local:
    type: duckdb
    path: ./acme.duckdb
    selective_sync: {exclude: EXCLUDED}
credentials:
  salt: {method: hmac_key, key: {$env: SALT}}
inputs: {events: {files: ["data/*.jsonl"]}}
spaces: {default: {sources: {main: {input: events}}}}
audiences: {vip: {space: default, kind: profile}}
traits:
  work_phone: {space: default, kind: sql, type: string}
  zip_code: {space: default, kind: sql, type: string}
connections:
  classic:
    space: default
    warehouses: [local]
    context_columns: CONTEXT
    send: [{traits: ["*"], as: [identify], mobile_ids: MOBILE}]
    columns: COLUMNS
"""


def refused(folder: Path, **said: str) -> set[str]:
    text = ROOT
    for word, default in {"EXCLUDED": "[]", "CONTEXT": "known", "MOBILE": "false", "COLUMNS": "{}"}.items():
        text = text.replace(word, said.get(word.lower(), default))
    (folder / "engagectl.yaml").write_text(text)
    return {one.message.split()[0] for one in api.validate(folder) if one.code == "EC322"}


def test_traits_and_context_columns_are_caught(tmp_path: Path) -> None:
    assert refused(tmp_path, mobile="true") == {
        "engage_default.identifies.context_traits_email",
        "engage_default.identifies.context_ip",
        "engage_default.identifies.work_phone",
        "engage_default.identifies.context_device_id",
        "engage_default.identifies.context_device_advertising_id",
        "engage_default.identifies.context_device_type",
        "engage_default.identifies.context_device_ad_tracking_enabled",
        "engage_default.users.work_phone",
    }


@pytest.mark.parametrize("transform", ["sha256", "{hmac_sha256: salt}"])
def test_a_hash_lets_it_pass(tmp_path: Path, transform: str) -> None:
    hashed = f"{{transform: [trim, lower, {transform}]}}"
    found = refused(tmp_path, context="none", columns=f"{{work_phone: {hashed}}}")
    assert found == set()


def test_what_is_not_loaded_passes(tmp_path: Path) -> None:
    assert refused(tmp_path, context="none", excluded="[trait.work_phone]") == set()


def test_plan_refuses_it_too(tmp_path: Path) -> None:
    refused(tmp_path, context="none")
    plan = api.make_plan(api.open_project(tmp_path), offline=True)
    assert plan.refused
    assert {finding.code for finding in plan.all_findings if finding.refuses} == {"EC322"}
