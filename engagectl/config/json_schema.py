"""The JSON Schema that editors use, generated from the specs."""

import json
from typing import Any

from engagectl.config.root import ProjectSpec


def json_schema() -> dict[str, Any]:
    """Return the schema of every file of a project: each `oneOf` over a const becomes if/then, and $var is allowed.

    Included files hold no `project`, so no top-level key is required.
    """
    schema = ProjectSpec.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})
    schema = _converted(schema, definitions)
    schema.pop("required", None)
    schema["properties"]["owner"] = {"type": "string", "description": "of every resource in this file that names none"}
    schema["patternProperties"] = {"^x-": True}
    _allow_variables(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "engagectl project",
        "description": "A file of an engagectl project: Engage audiences, traits and journeys in your warehouse",
    }


def schema_text() -> str:
    """Return the schema as it is shipped in schemas/engagectl.schema.json."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _converted(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_converted(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _converted(item, definitions) for key, item in node.items() if key != "default" or item is not None}
    choices = node.get("oneOf")
    if not isinstance(choices, list):
        return node
    if not all("$ref" in choice for choice in choices):
        node["anyOf"] = node.pop("oneOf")  # 1 is an integer and a number: two branches hold it
        return node
    models = [definitions[choice["$ref"].rsplit("/", 1)[1]] for choice in choices]
    for field in ("type", "method"):
        names = [model.get("properties", {}).get(field, {}).get("const") for model in models]
        if all(name is not None for name in names):
            node.pop("oneOf")
            node.pop("discriminator", None)
            node |= {"type": "object", "required": [field], "properties": {field: {"enum": names}}}
            node["allOf"] = [
                {"if": {"properties": {field: {"const": name}}, "required": [field]}, "then": choice}
                for name, choice in zip(names, choices, strict=True)
            ]
            return node
    return node


def _allow_variables(schema: dict[str, Any]) -> None:
    """Let every connection field of a warehouse be {$var: name}; the variable is put in before the specs see it."""
    variable = {
        "type": "object",
        "properties": {"$var": {"type": "string"}},
        "required": ["$var"],
        "additionalProperties": False,
    }
    schema["$defs"]["VarRef"] = variable
    for name, model in schema["$defs"].items():
        if name in ("DuckdbSpec", "PostgresSpec", "RedshiftSpec", "SnowflakeSpec", "BigquerySpec", "DatabricksSpec"):
            for key, field in model["properties"].items():
                if key not in ("type", "credentials", "auth", "sync", "selective_sync", "compute", "layout"):
                    words = {word: field.pop(word) for word in ("title", "description", "default") if word in field}
                    model["properties"][key] = {"anyOf": [field, {"$ref": "#/$defs/VarRef"}], **words}
