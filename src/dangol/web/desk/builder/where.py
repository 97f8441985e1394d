"""What applies only to events of a kind: comparisons of their properties, and where they were."""

from collections.abc import Iterator

from dangol.web.desk.builder.clauses import fill_all, take_all, under
from dangol.web.desk.builder.compare import Compare
from dangol.web.desk.builder.fields import Field, Json, Row, Scope
from dangol.web.desk.builder.places import area, moment

MOST = 10
KINDS = ("", "place", "moment")
"""What may be asked of an event: a property, an area, a moment."""


class Where(Field, frozen=True, kw_only=True):
    """Clauses that all have to hold of one event; the form says how many there are."""

    control = "where"
    event: str
    """The form's field with the event."""

    def fill(self, leaf: Json) -> Row:
        return self._join([self._filled(test) for test in leaf.get(self.key, ())])

    def take(self, scope: Scope) -> Json:
        tests = [self._taken(one) for one in self.scopes(scope)]
        return {self.key: tests} if tests else {}

    def inner(self, scope: Scope) -> Iterator[tuple[Field, str]]:
        for one in self.scopes(scope):
            for field in self.fields(one.one("kind")):
                yield field, one.at

    def fields(self, kind: str) -> tuple[Field, ...]:
        """The fields of one clause."""
        if kind == "place":
            return area(self.event)
        if kind == "moment":
            return moment(self.event)
        return (Compare(key="", label="property", event=self.event),)

    def scopes(self, scope: Scope) -> list[Scope]:
        """One for each clause."""
        text = scope.one(self.key)
        count = min(int(text), MOST) if text.isascii() and text.isdigit() else 0
        return [scope.below(f"{self.key}.{index}") for index in range(count)]

    def grow(self, row: Row) -> Row:
        """The row with one more, empty."""
        return row | self._join([*self._split(row), self._filled({})][:MOST])

    def drop(self, row: Row, index: int) -> Row:
        """The row without one of them."""
        kept = [one for at, one in enumerate(self._split(row)) if at != index]
        rest = {name: value for name, value in row.items() if not name.startswith(f"{self.key}.")}
        return rest | self._join(kept)

    def _filled(self, test: Json) -> Row:
        kind = str(test.get("kind", ""))
        return {"kind": [kind]} | fill_all(self.fields(kind), test)

    def _taken(self, scope: Scope) -> Json:
        kind = scope.one("kind")
        told = {"kind": kind} if kind in KINDS[1:] else {}
        return told | take_all(self.fields(kind), scope)

    def _split(self, row: Row) -> list[Row]:
        return [
            {name[len(one.at) :]: value for name, value in row.items() if name.startswith(one.at)}
            for one in self.scopes(Scope(row))
        ]

    def _join(self, tests: list[Row]) -> Row:
        joined: Row = {self.key: [str(len(tests))]}
        for index, test in enumerate(tests):
            joined |= under(f"{self.key}.{index}", test)
        return joined
