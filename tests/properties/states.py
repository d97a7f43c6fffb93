"""Random projects as nested data: one from nothing, and one that a team could have made of another."""

from typing import Any

from hypothesis import strategies as st

Tree = dict[str, Any]
SPACES = ("shop", "blog")
TRAITS = {"shop": ("a1", "b2", "c3"), "blog": ("d4", "e5")}
TYPES = ("boolean", "integer", "float", "decimal(18,2)", "string", "timestamp", "date", "json_text", "json")
WIDER = {
    "integer": ("decimal(21,2)", "string"),
    "decimal(18,2)": ("decimal(20,4)", "string"),
    "date": ("timestamp", "string"),
    "json_text": ("string",),
    **dict.fromkeys(("boolean", "float", "timestamp"), ("string",)),
}
EXCLUDED = (
    "trait.a1",
    "trait.d4",
    "audience.vip_shop",
    "table.engage_shop.tracks",
    "table.engage_shop.users",
    "table.shop.log",
    "column.engage_shop.identifies.b2",
    "source.blog.main",
)
DESCRIPTIONS = (None, "of a person", "it's 'quoted'")
PATHS = ("x1", "y2", "z3")


@st.composite
def states(draw: st.DrawFn, before: Tree | None = None) -> Tree:
    """Return a project file by its top-level keys; after `before`, with hints and removals that speak of it."""
    spaces = sorted(draw(st.sets(st.sampled_from(SPACES), min_size=1)))
    is_two = draw(st.booleans())
    tree: Tree = {
        "version": 1,
        "project": "acme",
        "include": ["engage/*.yaml"],
        "default_target": "dev",
        "targets": {"dev": {"warehouses": {"cdp": "main"}}},
        "lifecycle": {"type_changes": draw(st.sampled_from(("rebuild", "widen")))},
        "selective_sync": {"exclude": sorted(draw(st.sets(st.sampled_from(EXCLUDED), max_size=2)))},
        "inputs": {"events": {"files": ["data/*.jsonl"]}},
        "spaces": {},
        "traits": {},
        "audiences": {},
        "connections": {},
        "activations": {},
        "tables": {},
        "removed": [],
    }
    for space in spaces:
        sources = {"main": {"input": "events"}}
        if is_two:
            sources["b"] = {"input": "events", "schema": f"engage_{space}_b"}
        tree["spaces"][space] = {"slug": space, "space_id": f"spa_{space}", "sources": sources}
        for audience in ("vip", "gold"):
            tree["audiences"][f"{audience}_{space}"] = {"space": space, "kind": "profile"}
        tree["traits"] |= draw(_traits(space, before))
        for source in sources:
            tree["connections"][f"classic_{space}_{source}"] = {
                "space": space,
                "source": source,
                "warehouses": ["cdp"],
                "send": [draw(_sent(space))],
            }
    draw(_activations(tree, spaces, before))
    if before is not None:
        tree["removed"] = draw(_removed(before, tree))
    return {key: value for key, value in tree.items() if value}


@st.composite
def _traits(draw: st.DrawFn, space: str, before: Tree | None) -> Tree:
    ids = sorted(draw(st.sets(st.sampled_from(TRAITS[space]), min_size=1)))
    known = (before or {}).get("traits", {})
    gone = sorted(id_ for id_, said in known.items() if said["space"] == space and id_ not in ids)
    traits: Tree = {}
    for id_ in ids:
        hint = gone.pop() if gone and id_ not in known and draw(st.booleans()) else None
        old = known.get(hint or id_)
        traits[id_] = {"space": space, "kind": "sql", "type": draw(_type(old))}
        if hint is not None:
            traits[id_]["renamed_from"] = hint
        if text := draw(st.sampled_from(DESCRIPTIONS)):
            traits[id_]["description"] = text
    return traits


def _type(old: Tree | None) -> st.SearchStrategy[str]:
    """Return any type for what is new; what is known mostly stays or widens, and sometimes is something else."""
    if old is None:
        return st.sampled_from(TYPES)
    kept = (old["type"],) * 3 + WIDER.get(old["type"], ()) * 2
    return st.sampled_from((*kept, "integer"))


@st.composite
def _sent(draw: st.DrawFn, space: str) -> Tree:
    return {
        "traits": ["*"],
        "audiences": [f"vip_{space}"],
        "as": draw(st.sampled_from((["identify"], ["track"], ["identify", "track"]))),
        "mobile_ids": draw(st.booleans()),
    }


@st.composite
def _activations(draw: st.DrawFn, tree: Tree, spaces: list[str], before: Tree | None) -> None:
    """Add to each space an activation with a table of its own and, by chance, two that share one."""
    known = (before or {}).get("activations", {})
    for space in spaces:
        of_all = {"audience": f"vip_{space}", "warehouses": ["cdp"]}
        if draw(st.booleans()):
            old = known.get(f"log_{space}")
            table = draw(st.sampled_from(("log", "diary")))
            own = {**of_all, "table": table, "mappings": draw(_mappings(old))}
            if old is not None and old["table"] != table and draw(st.booleans()):
                own["table_renamed_from"] = old["table"]
            tree["activations"][f"log_{space}"] = own
        if draw(st.booleans()):
            shared = (before or {}).get("tables", {}).get(f"shared_{space}")
            tree["tables"][f"shared_{space}"] = {"space": space, "mappings": draw(_mappings(shared))}
            for audience in ("vip", "gold"):
                of_one = {**of_all, "audience": f"{audience}_{space}"}
                tree["activations"][f"{audience}_{space}"] = {**of_one, "into": f"shared_{space}"}


@st.composite
def _mappings(draw: st.DrawFn, old: Tree | None) -> list[Tree]:
    names = sorted(draw(st.sets(st.sampled_from(PATHS), min_size=1)))
    known = {one["to"]: one for one in (old or {}).get("mappings", ())}
    gone = sorted(name for name in known if name not in names)
    mappings = []
    for name in names:
        hint = gone.pop() if gone and name not in known and draw(st.booleans()) else None
        one = {"from": f"properties.{name}", "to": name, "type": draw(_type(known.get(hint or name)))}
        if hint is not None:
            one["renamed_from"] = hint
        mappings.append(one)
    return mappings


@st.composite
def _removed(draw: st.DrawFn, before: Tree, tree: Tree) -> list[Tree]:
    """Ask for drops of what left: columns of traits that no hint names, and tables that no activation has now."""
    hinted = {said.get("renamed_from") for said in tree["traits"].values()}
    columns = [
        f"column.engage_{said['space']}.{table}.{id_}"
        for id_, said in sorted(before["traits"].items())
        if id_ not in tree["traits"] and id_ not in hinted
        for table in ("identifies", "users", "trait_computed")
    ]
    tables = [
        f"table.{id_.removeprefix('log_')}.{said['table']}"
        for id_, said in sorted(before.get("activations", {}).items())
        if "table" in said and id_ not in tree["activations"]
    ]
    asked = draw(st.sets(st.sampled_from([*columns, *tables]))) if columns or tables else ()
    return [{"address": f"main/{address}", "reason": "D-1"} for address in sorted(asked)]
