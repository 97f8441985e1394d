"""Answers to event questions over one snapshot, kept as long as the snapshot is.

Who edits a segment changes one question at a time; the others need no second look at the history.
"""

from collections.abc import Sequence
from datetime import datetime

from dangol.know.segment import Condition
from dangol.know.segment.compile import Column, compile, compile_questions
from dangol.know.segment.plan import Question, needs_of, plan
from dangol.store.lake import Snapshot
from dangol.store.lake.reading import VIEWS, widen

MOST = 40
"""Questions kept; with a million customers each takes some 16 MB."""


class Counts:
    """Compiles conditions against one snapshot at one instant."""

    def __init__(self, snapshot: Snapshot, now: datetime, zone: str, dsn: str = "") -> None:
        self._snapshot = snapshot
        self._dsn = dsn
        self._views = set(VIEWS)
        self._now = now
        self._zone = zone
        self._known: dict[Question, Column] = {}
        self._tables: list[str] = []
        self._made = 0

    def compile(self, condition: Condition) -> tuple[str, list[object]]:
        """SQL and parameters for a resolved condition; what it has to count is counted now.

        Views that few conditions read are fetched when the first one does.
        """
        if missing_views := set(needs_of(condition, self._now).views) - self._views:
            widen(self._snapshot, self._dsn, missing_views)
            self._views |= missing_views
        wanted = plan(condition, self._now).questions
        missing = [question for question in wanted if question not in self._known]
        if missing and len(self._known) + len(missing) > MOST:
            self.forget()
            missing = list(wanted)
        if missing:
            self._count(missing)
        columns = self._snapshot.typed_columns
        return compile(condition, self._now, self._zone, columns, self._known)

    def _count(self, questions: Sequence[Question]) -> None:
        """A table for each pass over the history: one for all counters, one for each sequel."""
        columns = self._snapshot.typed_columns
        for asked, sql, values in compile_questions(questions, self._now, self._zone, columns):
            self._made += 1
            name = f"counted_{self._made}"
            self._snapshot.duck.execute(f"create table {name} as {sql}", values)
            self._tables.append(name)
            for index, question in enumerate(asked):
                self._known[question] = Column(name, f"n{index}")

    def forget(self) -> None:
        """Let go of everything that was counted."""
        for name in self._tables:
            self._snapshot.duck.execute(f"drop table {name}")
        self._tables.clear()
        self._known.clear()
