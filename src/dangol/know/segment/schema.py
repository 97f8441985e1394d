"""The published JSON Schema of the condition language, made from the types themselves."""

from typing import Any

import msgspec

from dangol.know.segment.condition import Condition


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a condition.

    What it refuses, `parse` refuses; `parse` and `check` also refuse values that do not fit their
    operator, and names and sizes that cannot be used.
    """
    found = msgspec.json.schema(Condition)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Dangol condition",
        "description": "What the people of a segment have in common.",
        "anyOf": found["anyOf"],
        "$defs": {name: _refer_to_root(part) for name, part in sorted(found["$defs"].items())},
    }


def _refer_to_root(part: Any) -> Any:
    """`part` with each inner condition, spelled out by the generator, as a reference to the whole."""
    if isinstance(part, list | tuple):
        return [_refer_to_root(item) for item in part]
    if not isinstance(part, dict):
        return part
    if "discriminator" in part:
        return {"$ref": "#"}
    return {key: _refer_to_root(item) for key, item in part.items()}
