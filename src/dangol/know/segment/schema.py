"""The published JSON Schema of the condition language; it says what `parse` says.

It is written out beside the rules, because types alone do not tell which operator takes which
value. What two values say about each other (a window that ends before it begins) no schema can
tell: those are refused by `parse` alone, as `crossed`.
"""

from typing import Any

from dangol.know.segment import comparing, rules
from dangol.know.segment.terms import (
    Calendar,
    CountOp,
    DateOp,
    Direction,
    Op,
    Reaction,
    Standing,
    Step,
    Take,
)
from dangol.model.area import region_names
from dangol.model.consent import ConsentState
from dangol.model.message import Channel
from dangol.model.stage import Stage

Schema = dict[str, Any]

_LARGEST = 1.7976931348623157e308
_WORDS = {"type": "string", "pattern": "^[^\\u0000]*$"}
_TIME = (
    r"^\d{4}-\d{2}-\d{2}"
    r"([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-](0\d|1[0-4]):[0-5]\d)?)?$"
)


def json_schema() -> Schema:
    """JSON Schema (2020-12) of a condition. Times and days are also of the format `date`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Dangol condition",
        "description": "What the people of a segment have in common.",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in _nodes()],
        "$defs": _parts() | _nodes(),
    }


def _nodes() -> dict[str, Schema]:
    whole = {"$ref": "#"}
    groups = {
        kind: _node(kind, {"of": {"type": "array", "items": whole}}) for kind in ("all", "any")
    }
    return groups | {"not": _node("not", {"of": whole})} | _profile() | _history() | _standing()


def _profile() -> dict[str, Schema]:
    at = {key: _maybe(_ref("name")) for key in ("latitude", "longitude")}
    code = {"postcode": _maybe(_ref("name"))}
    near = {**at, "dependentRequired": {"latitude": ["longitude"], "longitude": ["latitude"]}}
    return {
        "trait": {
            "anyOf": [
                _object({"kind": {"const": "trait"}, **fields}, required=["kind", *required])
                for fields, required in _comparisons()
            ]
        },
        "date": {
            "anyOf": [
                _node("date", {"name": _ref("name"), "op": _any_of(_DAY_OPS), "day": _ref("day")}, {"days": _NULL}),
                _node("date", {"name": _ref("name"), "op": _any_of(_NEAR_OPS), "days": _count(1, rules.MAX_CALENDAR["calendar_days"])}, {"day": _NULL}),
            ]
        },
        "anniversary": _node(
            "anniversary",
            {"name": _ref("name"), "within": _object({"days": _count(1, rules.MAX_ANNIVERSARY)})},
            {"direction": _any_of(Direction), "calendar": _any_of(Calendar)},
        ),
        "place": {"anyOf": [_place(key, near if key in ("circle", "polygon") else code) for key in _AREAS]},
        "moment": {
            "anyOf": [
                _node("moment", {}, {"id": id_, "kind_of": kind_of, **near, **code})
                for id_, kind_of in ((_maybe(_UUID), _NULL), (_NULL, _maybe(_word())))
            ]
        },
        "share": _node("share", {"of": _KEY}, {"from": _number(0, 1), "to": _number(0, 1)}),
    }  # fmt: skip


def _history() -> dict[str, Schema]:
    which = {"where": _ref("where"), "within": _maybe(_ref("window"))}
    sequel = {"name": _KEY, "then": _ref("event")}
    same = {"type": "array", "items": _ref("name"), "maxItems": rules.MAX_SAME}
    further = {**which, "after": _maybe(_ref("duration")), "same": same}
    edge = {**which, "has": _ref("where")}
    exact = rules.MAX_SUM
    measured = {"name": _KEY, "property": _ref("name")}
    return {
        "did": _node("did", {"name": _KEY}, {**which, "times": _ref("times")}),
        "did_not": _node("did_not", {"name": _KEY}, which),
        "measure": {
            "anyOf": [
                _node(
                    "measure",
                    measured | {"take": _any_of(takes), "value": _number(-most, most)},
                    which | {"op": _any_of(CountOp)},
                )
                for takes, most in (
                    ((Take.SUM, Take.AVERAGE), exact),
                    ((Take.MIN, Take.MAX, Take.DISTINCT), _LARGEST),
                )
            ]
        },
        "first": _node("first", {"name": _KEY}, edge),
        "last": _node("last", {"name": _KEY}, edge),
        "followed": _node("followed", sequel, further),
        "not_followed": _node("not_followed", sequel, further),
        "regularly": _node(
            "regularly",
            {"name": _KEY, **dict.fromkeys(("of_last", "at_least"), _count(1, rules.MAX_STEPS))},
            {"step": _any_of(Step), "where": _ref("where")},
        ),
        "message": {"anyOf": [_message(key) for key in ("letter", "campaign", "topic")]},
    }


def _standing() -> dict[str, Schema]:
    stages = {"type": "array", "items": _any_of(Stage)}
    answers = {"type": "array", "items": _any_of(ConsentState), "minItems": 1}
    lasting = dict.fromkeys(("at_least", "less_than"), _maybe(_ref("duration")))
    tags = {"type": "array", "items": _word(), "minItems": 1, "maxItems": rules.MAX_TAGS}
    score = {"type": "number", "exclusiveMinimum": 0, "maximum": rules.MAX_SCORE}
    channel = {"channel": _any_of(Channel)}
    return {
        "stage": _node("stage", {"in": stages | {"minItems": 1}}, {**lasting, "previous": stages}),
        "consent": _node("consent", {"in": answers}, channel),
        "subscription": _node(
            "subscription", {"topic": _word()}, {**channel, "is": _any_of(Standing)}
        ),
        "segment": _node("segment", {"id": _UUID}, {"on": _maybe(_ref("date_only"))}),
        "interest": _node("interest", {"in": tags}, {"at_least": score}),
    }


# -- parts ---------------------------------------------------------------------------------


def _parts() -> dict[str, Schema]:
    spans = {"days": rules.MAX_DAYS, "hours": rules.MAX_HOURS}
    day = _ref("date_only")
    return {
        "name": {
            "anyOf": [
                _KEY,
                {"type": "array", "items": _KEY, "minItems": 1, "maxItems": comparing.MAX_KEYS},
            ]
        },
        "comparison": {
            "anyOf": [_object(fields, required=required) for fields, required in _comparisons()]
        },
        "requirement": {"anyOf": [_ref("comparison"), _ref("place"), _ref("moment")]},
        "where": {"type": "array", "items": _ref("requirement"), "maxItems": rules.MAX_WHERE},
        "event": _object({"name": _KEY, "where": _ref("where")}, required=["name"]),
        "times": _object({"op": _any_of(CountOp), "value": _count(0, rules.MAX_TIMES)}, required=[]),
        "date_only": {
            "type": "string",
            "format": "date",
            "pattern": r"^(19|20|21)\d{2}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$",
        },
        "day": {"anyOf": [day, _one_of({"days_ago": rules.MAX_DAYS, "days_ahead": rules.MAX_DAYS}, 0)]},
        "duration": _one_of(spans, 1),
        "window": {
            "anyOf": [
                _one_of(spans | rules.MAX_CALENDAR, 1, ("from", "until")),
                _between(_with_null(("days", "hours", *rules.MAX_CALENDAR)), day),
            ]
        },
    }  # fmt: skip


def _comparisons() -> list[tuple[Schema, list[str]]]:
    """Fields and required ones of each way to compare."""
    texts = _WORDS | {"maxLength": comparing.MAX_TEXT}
    numbers = _number(-_LARGEST, _LARGEST)
    ways = [
        (_ORDER | _EQUAL, texts, "text", None),
        (_PARTS, texts | {"minLength": 1}, "text", None),
        (_ORDER | _EQUAL, numbers, "number", "length"),
        (_EQUAL, {"type": "boolean"}, "boolean", None),
        (_ORDER | _EQUAL, {"type": "string", "pattern": _TIME}, "time", None),
        (_SETS, _list(texts), "text", None),
        (_SETS, _list(numbers), "number", None),
    ]
    made = [_comparison(*way) for way in ways]
    bare = {"value": _NULL, "type": _NULL, "of": _NULL}
    return [*made, ({"name": _ref("name"), "op": _any_of({Op.EXISTS, Op.MISSING}), **bare}, ["name", "op"])]  # fmt: skip


def _comparison(ops: set[Op], value: Schema, kind: str, of: str | None) -> tuple[Schema, list[str]]:
    told = {"const": kind} if kind == "time" else _maybe({"const": kind})
    fields = {
        "name": _ref("name"),
        "op": _any_of(ops),
        "value": value,
        "type": told,
        "of": _maybe({"const": of}) if of else _NULL,
    }
    return fields, ["name", "op", "value", *(["type"] if kind == "time" else [])]


def _message(key: str) -> Schema:
    named = {"letter": _NULL, "campaign": _NULL, "topic": _NULL}
    named[key] = _maybe(_word() if key == "topic" else _UUID)
    more = {**named, "times": _ref("times"), "within": _maybe(_ref("window"))}
    return _node("message", {"did": _any_of(Reaction)}, more)


def _place(key: str, more: Schema) -> Schema:
    others = {other: _NULL for other in _AREAS if other != key}
    rest = {name: _NULL for name in ("latitude", "longitude", "postcode") if name not in more}
    return _node("place", {key: _AREAS[key]}, {**others, **rest, **more})


def _node(kind: str, required: Schema, optional: Schema | None = None) -> Schema:
    fields = {"kind": {"const": kind}, **required, **(optional or {})}
    return _object(fields, required=["kind", *required])


def _object(fields: Schema, *, required: list[str] | None = None) -> Schema:
    together = fields.get("dependentRequired")
    made: Schema = {
        "type": "object",
        "properties": {key: item for key, item in fields.items() if key != "dependentRequired"},
        "required": list(fields) if required is None else required,
        "additionalProperties": False,
    }
    return made | ({"dependentRequired": together} if together else {})


def _one_of(limits: dict[str, int], least: int, also: tuple[str, ...] = ()) -> Schema:
    """Exactly one of the keys has a number; the others may be there as null."""
    return {
        "anyOf": [
            _object({**_with_null((*limits, *also)), key: _count(least, most)}, required=[key])
            for key, most in limits.items()
        ]
    }


def _between(others: Schema, day: Schema) -> Schema:
    return {
        "anyOf": [
            _object({**others, "from": day, "until": _maybe(day)}, required=["from"]),
            _object({**others, "from": _NULL, "until": day}, required=["until"]),
        ]
    }


def _with_null(keys: tuple[str, ...]) -> Schema:
    return dict.fromkeys(keys, _NULL)


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, _NULL]}


def _any_of(words: Any) -> Schema:
    return {"enum": sorted(str(word) for word in words)}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": comparing.MAX_IN_SET}


def _count(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def _number(least: float, most: float) -> Schema:
    return {"type": "number", "minimum": least, "maximum": most}


def _word() -> Schema:
    return _KEY | {"maxLength": rules.MAX_WORD}


def _region_pattern() -> str:
    """Every name of a region, in capitals or not."""
    letters = (
        "".join(f"[{one}{one.upper()}]" if one.isascii() else one for one in name)
        for name in region_names()
    )
    return rf"^\s*({'|'.join(letters)})\s*$"


_NULL: Schema = {"type": "null"}
_KEY: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": comparing.MAX_NAME,
    "pattern": "^(?=[^\\u0000]*$)[^\\u0000]*\\S",
}
_UUID: Schema = {
    "type": "string",
    "format": "uuid",
    "pattern": "^([0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$",
}
_EQUAL = {Op.EQ, Op.NE}
_ORDER = {Op.LT, Op.LE, Op.GT, Op.GE}
_PARTS = {Op.CONTAINS, Op.STARTS_WITH, Op.ENDS_WITH}
_SETS = {Op.IN, Op.NOT_IN, Op.HAS_ANY, Op.HAS_ALL}
_DAY_OPS = (DateOp.ON, DateOp.BEFORE, DateOp.AFTER)
_NEAR_OPS = (DateOp.LAST, DateOp.NEXT)
_LAT, _LON = _number(-90, 90), _number(-180, 180)
_AREAS: dict[str, Schema] = {
    "circle": _object(
        {
            "lat": _LAT,
            "lon": _LON,
            "radius_m": {"type": "number", "exclusiveMinimum": 0, "maximum": 1_000_000},
        }
    ),
    "polygon": {
        "type": "array",
        "items": {"type": "array", "prefixItems": [_LON, _LAT], "items": False, "minItems": 2},
        "minItems": 3,
        "maxItems": 1_000,
    },
    "postcodes": {
        "type": "array",
        "items": {"type": "string", "maxLength": 12, "pattern": "^[ -]*[0-9A-Za-z][0-9A-Za-z -]*$"},
        "minItems": 1,
        "maxItems": 1_000,
    },
    "regions": {
        "type": "array",
        "items": {"type": "string", "pattern": _region_pattern()},
        "minItems": 1,
        "maxItems": 17,
    },
}
