"""A sample of each form, as its sender writes it, loads unchanged."""

import shutil
from pathlib import Path

from tests.scenarios.house import House

SAMPLES = Path(__file__).parent.parent / "samples"
CELLS = "id, first_time_shopper, total_revenue_180_days::varchar"
SEGMENT = [("personas_0001", True, None), ("personas_0002", None, "450.00")]
CRM = "messageId: row.id, receivedAt: row.changed_at, userId: customer.number, traits: attributes"
FORMS = {  # a space of each: its input, and what it holds
    "plain": ('files: ["data/segment.jsonl"]', SEGMENT, 2),
    "s3": ('files: ["data/segment_s3/segment-logs/**/*"], format: segment_s3', SEGMENT, 2),
    "s3_march": (
        'files: ["data/segment_s3/segment-logs/**/*"], format: segment_s3, from: "2024-03-01"',
        SEGMENT[1:],
        2,
    ),
    "rudder": ('files: ["data/rudderstack.jsonl"], format: rudderstack', [("rudder-0001", True, "12.50")], 1),
    "crm": (
        f'files: ["data/own_shape.jsonl"], type: identify, fields: {{{CRM}}}',
        [("crm-1", False, "99.95"), ("crm-2", True, None)],
        0,
    ),
}


def space(name: str, said: str) -> dict[str, str]:
    """Return what each map of the YAML holds for a space of its own."""
    return {
        "inputs": f"  {name}: {{{said}}}\n",
        "spaces": f"  {name}: {{sources: {{main: {{input: {name}}}}}}}\n",
        "traits": f"  {name}_revenue:"
        f' {{space: {name}, kind: event, key: total_revenue_180_days, type: "decimal(18,2)"}}\n',
        "audiences": f"  {name}_shopper: {{space: {name}, kind: profile, key: first_time_shopper}}\n",
        "connections": f"  {name}:\n    space: {name}\n    warehouses: [cdp]\n    send:\n"
        f"      - {{traits: [{name}_revenue], as: [identify, track]}}\n"
        f"      - {{audiences: [{name}_shopper], as: [identify, track]}}\n",
    }


def test_each_sample_loads_unchanged(house: House) -> None:
    maps: dict[str, str] = {}
    for name, (said, _, _) in FORMS.items():
        for kind, text in space(name, said).items():
            maps[kind] = maps.get(kind, f"{kind}:\n") + text
    house.write("".join(maps.values()))
    shutil.copytree(SAMPLES, house.root / "data")
    house.apply()
    report = house.sync()
    assert (report.exit_code, report.quarantined) == (0, 0)
    counts = {
        address.rpartition(".")[2]: one
        for address, one in zip(map(str, report.feeds), report.feeds.values(), strict=True)
        if "connection." in address
    }
    for name, (_, identifies, tracks) in FORMS.items():
        assert house.rows(f"engage_{name}.identifies", CELLS) == identifies
        assert len(house.query(f"SELECT id FROM engage_{name}.tracks")) == tracks
        assert (counts[name].read, sum(counts[name].filtered.values())) == (len(identifies) + tracks, 0)
