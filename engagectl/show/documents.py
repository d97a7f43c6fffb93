"""What the JSON document of each command holds, as JSON Schemas. Keys may be added to one; none is taken away."""

import json
from collections.abc import Mapping
from typing import Any, get_args

from engagectl.errors import Severity
from engagectl.model.change import Hazard
from engagectl.model.plan import Mode, Noted

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
DATA: Schema = {"type": "object"}
HASH: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
CODE: Schema = {"type": "string", "pattern": "^EC[0-9]{3}$"}


def _object(keys: Mapping[str, Schema]) -> Schema:
    """Return the schema of an object; a key that ends in `?` may be missing."""
    required = [key for key in keys if not key.endswith("?")]
    properties = {key.removesuffix("?"): schema for key, schema in keys.items()}
    return {"type": "object", "properties": properties, "required": required}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _one_of(type_: Any) -> Schema:
    return {"enum": list(get_args(type_))}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


_PLACE = _maybe(_object({"file": TEXT, "line": COUNT, "column": COUNT, "end_line?": COUNT, "end_column?": COUNT}))
_DIAGNOSTIC = _object(
    {
        "code": CODE,
        "severity": _one_of(Severity),
        "message": TEXT,
        "place": _PLACE,
        "label": TEXT,
        "help": _list(TEXT),
        "related": _list(_object({"place": _PLACE, "message": TEXT})),
    }
)
_FINDING = _object(
    {
        "code": CODE,
        "severity": _one_of(Severity),
        "message": TEXT,
        "address": TEXT,
        "source": _PLACE,
        "help": _list(TEXT),
        "refuses": FLAG,
    }
)
_ACTIONS = [
    "create_schema",
    "rename_table",
    "rename_column",
    "create_table",
    "add_column",
    "widen_column",
    "rebuild_column",
    "set_comment",
    "set_layout",
    "change_setting",
    "drop_column",
    "set_view",
    "drop_view",
    "drop_table",
]
_STEP = _object(
    {
        "id": HASH,
        "address": TEXT,
        "warehouse": TEXT,
        "action": {"enum": _ACTIONS},
        "before": _maybe(TEXT),
        "after": _maybe(TEXT),
        "hazards": _list(_one_of(Hazard)),
        "rows": _maybe(COUNT),
        "reversible": FLAG,
        "sql": _list(TEXT),
        "precondition": TEXT,
        "source": _PLACE,
        "owner": TEXT,
        "fed_by": _list(TEXT),
    }
)
_NOTED = _object(
    {"kind": _one_of(Noted.__annotations__["kind"]), "address": TEXT, "detail": TEXT, "rows": _maybe(COUNT)}
)
_PLAN: dict[str, Schema] = {
    "project": TEXT,
    "target": TEXT,
    "mode": _one_of(Mode),
    "taken_at": {**TEXT, "description": "of the catalog snapshot; empty when the plan is not from one"},
    "fingerprint": HASH,
    "created_at": TEXT,
    "expires_at": TEXT,
    "commit": TEXT,
    "config_digest": TEXT,
    "selected": _list(TEXT),
    "protected": FLAG,
    "refused": FLAG,
    "warehouses": _list(
        _object(
            {
                "warehouse": TEXT,
                "type": TEXT,
                "delivery": TEXT,
                "creates_journal": FLAG,
                "queries": COUNT,
                "rows_read": COUNT,
                "steps": _list(_STEP),
                "findings": _list(_FINDING),
                "noted": _list(_NOTED),
            }
        )
    ),
    "findings": _list(_FINDING),
}
_MOVED = _list(_object({"address": TEXT}))
_DRIFT: dict[str, Schema] = {
    "project": TEXT,
    "target": TEXT,
    "warehouses": _list(
        _object(
            {
                "warehouse": TEXT,
                "type": TEXT,
                "queries": COUNT,
                "rows_read": COUNT,
                "missing": _MOVED,
                "changed": _MOVED,
                "segment": _list(_object({"address": TEXT, "message": TEXT, "help": _list(TEXT)})),
                "unmanaged": _MOVED,
            }
        )
    ),
}
_SYNC: dict[str, Schema] = {
    "sync_id": TEXT,
    "dry_run": FLAG,
    "chunks": COUNT,
    "feeds": _list(
        _object(
            {
                "feed": TEXT,
                "read": COUNT,
                "inserted": COUNT,
                "duplicate": COUNT,
                "filtered": _map(COUNT),
                "quarantined": COUNT,
                "cells": COUNT,
                "tables": _list(_object({"table": TEXT, "rows": COUNT})),
            }
        )
    ),
    "left_out": _list(_object({"feed": TEXT, "code": CODE, "reason": TEXT, "help": TEXT})),
    "waiting": _list(TEXT),
    "undeclared": DATA,
    "warnings": _list(TEXT),
}
_ENTRY = _object(
    {
        "warehouse": TEXT,
        "kind": {"enum": ["apply", "sync"]},
        "id": TEXT,
        "target": TEXT,
        "status": TEXT,
        "started_at": TEXT,
        "duration_s": _maybe(NUMBER),
        "notices": TEXT,
        "rows": _list({"type": "array"}),
        "stopped": FLAG,
        "steps?": _list(_object({"position": COUNT, "address": TEXT, "kind": TEXT, "outcome": TEXT, "error": TEXT})),
        "feeds?": _list(_object({"feed": TEXT, "status": TEXT, "read": COUNT, "inserted": COUNT, "duplicate": COUNT})),
    }
)
_FEED_STATUS = _object(
    {
        "warehouse": TEXT,
        "feed": TEXT,
        "state": {"enum": ["live", "retired", "excluded"]},
        "schedule": TEXT,
        "last_sync": _maybe(TEXT),
        "outcome": TEXT,
        "last_success": _maybe(TEXT),
        "next_due": TEXT,
        "in_blackout": FLAG,
        "waits": _list(_object({"file": TEXT, "bytes": COUNT, "since": TEXT})),
        "lag_s": _maybe(COUNT),
        "unread_files": COUNT,
        "unread_bytes": COUNT,
        "not_readable": TEXT,
        "quarantine": _map(COUNT),
    }
)
_WAREHOUSE_STATUS = _object(
    {
        "warehouse": TEXT,
        "apply_id": TEXT,
        "applied_at": TEXT,
        "not_applied": _list(TEXT),
        "not_known": TEXT,
        "running": TEXT,
        "stopped": _list(TEXT),
        "quarantine": _map(COUNT),
        "storable": _list(_object({"feed": TEXT, "key": TEXT, "entries": COUNT, "command": TEXT})),
        "undeclared": _list(_object({"feed": TEXT, "kind": TEXT, "key": TEXT, "types": TEXT, "messages": COUNT})),
    }
)
_CHECK = _object({"warehouse": TEXT, "name": TEXT, "ok": FLAG, "detail": TEXT, "fix": TEXT})
_FOUND_TABLE = _object(
    {
        "table": TEXT,
        "holds": {"enum": ["identifies", "users", "tracks", "event", "activation", "other"]},
        "kind": {"enum": ["table", "view"]},
        "owner": TEXT,
        "rows": _maybe(COUNT),
        "read": COUNT,
        "whole": FLAG,
        "last_at": _maybe(TEXT),
        "columns": _list(_object({"name": TEXT, "type": TEXT})),
        "never_filled": _list(TEXT),
        "keys": _list(TEXT),
        "events": _list(TEXT),
        "refused": TEXT,
    }
)
_SURVEY = _object(
    {
        "warehouse": TEXT,
        "type": TEXT,
        "version": TEXT,
        "role": TEXT,
        "schemas": _list(_object({"schema": TEXT, "kind": TEXT, "space": TEXT, "tables": _list(_FOUND_TABLE)})),
        "computations": _list(
            _object(
                {
                    "kind": {"enum": ["trait", "audience", "journey"]},
                    "key": TEXT,
                    "space": TEXT,
                    "tables": _list(TEXT),
                    "types": _list(TEXT),
                    "guessed": FLAG,
                }
            )
        ),
        "oddities": _list(_object({"kind": TEXT, "address": TEXT, "detail": TEXT})),
        "queries": COUNT,
        "rows_read": COUNT,
        "next": _list(TEXT),
    }
)
_PAGES = _list(_object({"warehouse": TEXT, "name": TEXT, "text?": TEXT, "file?": TEXT}))

DOCUMENTS: dict[str, dict[str, Schema]] = {  # command -> the keys of its document beside the envelope's
    "plan": _PLAN,
    "apply": {
        "apply_id": TEXT,
        "declined": FLAG,
        "plan": HASH,
        "steps": _list(_object({"id": HASH, "address": TEXT, "outcome": TEXT})),
        "sync?": _object(_SYNC),
    },
    "sync": _SYNC,
    "drift": _DRIFT,
    "status": {"warehouses": _list(_WAREHOUSE_STATUS), "feeds": _list(_FEED_STATUS)},
    "history": {"entries": _list(_ENTRY)},
    "init": {"made": _list(TEXT), "kept": _list(TEXT), "notes": _list(TEXT)},
    "demo": {"folder": TEXT, "plan": HASH, "sync": _object(_SYNC), "drift": COUNT},
    "doctor": {
        "checks": _list(_CHECK),
        "grants?": TEXT,
        "settings?": _list(_object({"name": TEXT, "value": TEXT, "source": TEXT})),
    },
    "show": {"resource?": DATA, **{f"{key}?": schema for key, schema in _PLAN.items()}},
    "sql": {"statements": _list(TEXT)},
    "graph": {"nodes": _list(TEXT), "edges": _list(_object({"from": TEXT, "to": TEXT}))},
    "docs": {
        "pages": _PAGES,
        "taken_at": TEXT,
        "tables": _list(
            _object(
                {
                    "warehouse": TEXT,
                    "table": TEXT,
                    "holds": {"enum": ["users", "identifies", "tracks", "event", "classic", "activation"]},
                    "owners": _list(TEXT),
                    "fed_by": _list(TEXT),
                    "by_segment": FLAG,
                    "schedule": TEXT,
                    "excluded_by": _maybe(TEXT),
                    "rows": _maybe(COUNT),
                    "read_to": TEXT,
                    "columns": _list(
                        _object({"name": TEXT, "type": TEXT, "from": _list(TEXT), "excluded_by": _maybe(TEXT)})
                    ),
                }
            )
        ),
    },
    "export": {"pages": _PAGES},
    "schema": {"file?": TEXT, "json_schema?": DATA},
    "explain": {"code": CODE, "title": TEXT, "text": TEXT},
    "quarantine": {
        "entries?": _list(_object({"warehouse": TEXT, "feed": TEXT, "reason": TEXT})),
        "replay?": _object(
            {"messages": COUNT, "values": COUNT, "left": COUNT, "unreadable": COUNT, "notes": _list(TEXT)}
        ),
        "purged?": COUNT,
    },
    "import": {
        "written": FLAG,
        "files": _list(_object({"file": TEXT, "text": TEXT})),
        "resources": _list(TEXT),
        "notes": _list(TEXT),
    },
    "disown": {"disowned": _list(TEXT)},
    "unlock": {"locks": _list(_object({"warehouse": TEXT, "holder": TEXT}))},
    "compare": {
        "warehouse": TEXT,
        "first": TEXT,
        "second": TEXT,
        "differs": FLAG,
        "tables": _list(
            _object({"table": TEXT, "rows": _list(COUNT), "missing": COUNT, "extra": COUNT, "unequal": COUNT})
        ),
        "missing": _list(TEXT),
        "extra": _list(TEXT),
    },
    "validate": {},
    "inspect": {
        "warehouses?": _list(_SURVEY),
        "files?": _list(
            _object({"file": TEXT, "format": TEXT, "lines": COUNT, "bad": COUNT, "computations": _list(DATA)})
        ),
        "yaml?": TEXT,
        "notes?": _list(TEXT),
    },
    "fmt": {"files": _list(_object({"file": TEXT, "changed": FLAG, "refused": _maybe(TEXT)}))},
    "ci": {
        "comments?": _list(_object({"request": COUNT, "done": TEXT})),
        "issues?": _list(TEXT),
        "since?": TEXT,
        "fetched?": _list(COUNT),
        "without?": _list(COUNT),
    },
    "erase": {
        "erase_id": TEXT,
        "dry_run": FLAG,
        "forever": FLAG,
        "declined": FLAG,
        "tables": _list(_object({"table": TEXT, "link": TEXT, "rows": COUNT})),
        "unlinked": _list(TEXT),
        "not_reached": _list(TEXT),
    },
    "completion": {"shell": TEXT, "script": TEXT},
    "version": {"version": TEXT},
}


def document_schema(command: str) -> Schema:
    """Return the JSON Schema of what `engagectl COMMAND --json` prints, when it succeeds and when it fails."""
    keys = _object(DOCUMENTS.get(command, {}))
    envelope = {
        "schema": {"const": f"engagectl/{command}/1"},
        "engagectl": {**TEXT, "description": "the version"},
        "ok": {**FLAG, "description": "the exit code is 0 or 2"},
        "summary": {**DATA, "description": "counts; of a failure `exit_code` and `error`"},
        "diagnostics": _list(_DIAGNOSTIC),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"engagectl/{command}/1",
        "title": f"engagectl {command} --json",
        "type": "object",
        "properties": {**envelope, **keys["properties"]},
        "required": list(envelope),
        "if": {"properties": {"ok": {"const": True}}},
        "then": {"required": keys["required"]},
    }


def document_schema_text(command: str) -> str:
    """Return the schema as it is shipped in schemas/<command>.schema.json."""
    return json.dumps(document_schema(command), indent=2) + "\n"
