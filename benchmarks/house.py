"""The project that every benchmark loads by: 22 traits and audiences, one connection, activations beside it."""

from pathlib import Path

from messages import AUDIENCES, COUNTS, LINKED, MONEY, TEXTS

ROOT = """\
version: 1
project: acme_engage
include: ["engage/*.yaml"]
default_target: dev
targets:
  dev: {{warehouses: {{cdp: local}}}}
warehouses:
  local: {warehouse}
inputs:
  engage_events: {{files: ["data/*.jsonl"]}}
"""
SPACE = """\
spaces:
  default:
    slug: default
    sources:
      main: {input: engage_events}
connections:
  classic:
    space: default
    warehouses: [cdp]
    send:
      - {traits: ["*"], as: [identify, track]}
      - {audiences: ["*"], as: [identify, track]}
"""
PROFILE = "{{audience: {audience}, warehouses: [cdp], table: {audience}_members}}"
ENTITY = """\
    audience: {audience}
    warehouses: [cdp]
    table: {audience}_members
    mappings:
      - {{from: entity.account.id, to: account_id, type: string, required: true}}
      - {{from: entity.account.plan, to: account_plan, type: string}}
      - {{from: entity.account.mrr, to: account_mrr, type: "decimal(18,2)"}}
"""


def write_project(folder: Path, *, warehouse: str, feeds: int) -> None:
    """Write a project whose connection has `feeds - 1` activations beside it; linked audiences come first."""
    (folder / "engage").mkdir(parents=True, exist_ok=True)
    (folder / "data").mkdir(exist_ok=True)
    (folder / "engagectl.yaml").write_text(ROOT.format(warehouse=warehouse))
    lines = [SPACE, "traits:"]
    lines += [f'  {name}: {{space: default, kind: event, type: "decimal(18,2)"}}' for name in MONEY]
    lines += [f"  {name}: {{space: default, kind: event, type: integer}}" for name in COUNTS]
    lines += [f"  {name}: {{space: default, kind: event, type: string}}" for name in TEXTS]
    lines += ["  last_seen_at: {space: default, kind: event, type: timestamp}"]
    lines += ["  top_products: {space: default, kind: event, type: json_text}", "audiences:"]
    lines += [f"  {name}: {{space: default, kind: profile}}" for name in AUDIENCES]
    lines += [f"  {name}: {{space: default, kind: linked, entity: account}}" for name in LINKED]
    if feeds > 1:
        lines.append("activations:")
    for name in (LINKED + AUDIENCES)[: feeds - 1]:
        if name in LINKED:
            lines.append(f"  {name}_members:\n" + ENTITY.format(audience=name).rstrip())
        else:
            lines.append(f"  {name}_members: " + PROFILE.format(audience=name))
    (folder / "engage" / "space.yaml").write_text("\n".join(lines) + "\n")
