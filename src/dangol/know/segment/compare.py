"""A comparison of a trait or a property, or where an event lay, as SQL; true or false, never null."""

from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from dangol.know.segment import value
from dangol.know.segment.condition import AnyOf, Comparison, Place, Requirement
from dangol.know.segment.place import place_sql
from dangol.know.segment.terms import Aspect, Op, ValueType
from dangol.know.segment.value import Values

SIGNS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_READERS: dict[ValueType, Callable[[str, str], str]] = {
    ValueType.NUMBER: value.number_sql,
    ValueType.BOOLEAN: value.boolean_sql,
}
_IN_COLUMNS = {ValueType.TEXT, ValueType.NUMBER, ValueType.BOOLEAN}
"""Times are read from the JSON: a column holds none of those without an offset."""
_CASTS = {ValueType.TEXT: "varchar", ValueType.NUMBER: "double", ValueType.BOOLEAN: "boolean"}
_LISTS = {Op.HAS_ANY: "list_has_any", Op.HAS_ALL: "list_has_all"}
_PARTS = {Op.CONTAINS: "contains", Op.STARTS_WITH: "starts_with", Op.ENDS_WITH: "ends_with"}

PROPS = "props"


class Comparer:
    """Turns comparisons into SQL over a JSON column, or over a typed column of `events`."""

    def __init__(
        self, values: Values, zone: ZoneInfo, columns: Mapping[tuple[str, str], str]
    ) -> None:
        self._values = values
        self._zone = zone
        self._columns = columns

    def require(self, test: Requirement) -> str:
        """Whether a resolved requirement holds for an event.

        Raises:
            TypeError: it still names a moment.
        """
        match test:
            case Comparison():
                return self.compare(test, PROPS)
            case Place():
                return place_sql(test, self._values, PROPS, self._column)
            case AnyOf():
                tests = " or ".join(f"({self.require(part)})" for part in test.of)
                return f"({tests or 'false'})"
        raise TypeError(f"{type(test).__name__} must be resolved before it is compiled")

    def compare(self, test: Comparison, json: str) -> str:
        """Whether the comparison holds for the JSON object in the column `json`."""
        if test.op is Op.EXISTS:
            return f"coalesce(json_type({json}, {self._path(test)}) <> 'NULL', false)"
        if test.op is Op.MISSING:
            return f"coalesce(json_type({json}, {self._path(test)}) = 'NULL', true)"
        if test.type is ValueType.TIME:
            return self._compare_time(test, json)
        return f"coalesce({self._operate(test, json)}, false)"

    def number(self, name: str | tuple[str, ...]) -> str:
        """A property of an event as a double, or null."""
        column = self._column(name, ValueType.NUMBER)
        return column or value.number_sql(PROPS, self._values.add(value.pointer(name)))

    def distinct(self, name: str | tuple[str, ...]) -> str:
        """A property of an event as something to tell different values by, or null."""
        found = value.distinct_sql(PROPS, self._values.add(value.pointer(name)))
        text, number = (self._column(name, kind) for kind in (ValueType.TEXT, ValueType.NUMBER))
        known = [f"'t' || ({value.fold_sql(text)})"] if text else []
        known += [f"'n' || ({number} + 0)::varchar"] if number else []
        return f"coalesce({', '.join([*known, found])})" if known else found

    def is_in(self, expression: str, wanted: list, cast: str) -> str:
        """Whether an expression is one of these."""
        return f"list_contains({self._values.add(wanted)}::{cast}[], {expression})"

    def _path(self, test: Comparison) -> str:
        return self._values.add(value.pointer(test.name))

    def _column(self, name: str | tuple[str, ...], kind: ValueType | None) -> str | None:
        column = self._columns.get((name, str(kind))) if isinstance(name, str) else None
        return _quoted(column) if column and kind in _IN_COLUMNS else None

    def _found(self, test: Comparison, json: str) -> str:
        """The value in question, or null when it is absent or of another type."""
        assert test.type is not None
        if test.of is Aspect.LENGTH:
            return value.length_sql(json, self._path(test))
        column = self._column(test.name, test.type) if json == PROPS else None
        if test.type is ValueType.TEXT:
            wanted = _equal_to(test)
            if column:
                return value.fold_sql(column, wanted)
            return value.text_sql(json, self._path(test), wanted)
        return column or _READERS[test.type](json, self._path(test))

    def _operate(self, test: Comparison, json: str) -> str:
        assert test.type is not None
        cast = _CASTS[test.type]
        if test.op in _LISTS:
            items = value.items_sql(json, self._path(test), test.type)
            return f"{_LISTS[test.op]}({items}, {self._values.add(_wanted(test))}::{cast}[])"
        found = self._found(test, json)
        if test.op is Op.IN:
            return self.is_in(found, _wanted(test), cast)
        if test.op is Op.NOT_IN:
            return f"not {self.is_in(found, _wanted(test), cast)}"
        wanted = f"{self._values.add(value.readable(test.value))}::{cast}"
        if test.op in _PARTS:
            return f"{_PARTS[test.op]}({found}, {wanted})"
        return f"({found}) {SIGNS[test.op]} {wanted}"

    def _compare_time(self, test: Comparison, json: str) -> str:
        clock = value.clock_of(str(test.value), self._zone)
        if clock is None:
            return "false"
        path = self._path(test)
        utc, wall = self._values.add(clock.utc), self._values.add(clock.wall)
        return f"coalesce({value.time_sql(json, path, SIGNS[test.op], utc, wall)}, false)"


def _equal_to(test: Comparison) -> list[str] | None:
    """The folded texts that a text is compared with for being equal; None for other comparisons."""
    if test.op in (Op.IN, Op.NOT_IN):
        return [str(item) for item in _wanted(test)]
    return [str(value.readable(test.value))] if test.op in (Op.EQ, Op.NE) else None


def _wanted(test: Comparison) -> list[object]:
    assert isinstance(test.value, tuple)
    return [value.readable(item) for item in test.value]


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
