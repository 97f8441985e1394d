"""The published JSON Schema of the condition language, made from the types themselves."""

from typing import Any

import msgspec

from dangol.know.segment.condition import Condition


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a condition; what it refuses, `parse` refuses too."""
    found = msgspec.json.schema(Condition)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Dangol condition",
        "description": "What the people of a segment have in common.",
        **found,
    }
