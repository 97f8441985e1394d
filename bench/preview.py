"""Previews: exact counts of segments of three conditions over a million customers.

A lake of 1 M customers and EVENTS events (the budget's 50 M when DANGOL_BENCH_FULL is set) is laid out
as the mover and compaction would leave it; then segments of three conditions are counted, the
first time over a snapshot that is loaded, then again with one question of three changed, as who
edits a segment does. What asks for one thing after another over all of history has figures of its
own. The baseline is DuckDB counting
rows of one event name in the same files, which any preview has to do at least.
"""

import os
import statistics
import time
from datetime import UTC, datetime

from bench._cost import forget_peak, postmaster_of, show_memory
from bench._ground import fresh_database
from bench._history import fill_history
from bench.report import Figure, show
from dangol.engine.query.people import Asked, preview
from dangol.engine.query.warm import Warm

FULL = bool(os.environ.get("DANGOL_BENCH_FULL"))
CUSTOMERS = int(os.environ.get("DANGOL_BENCH_CUSTOMERS", 1_000_000 if FULL else 200_000))
EVENTS = 50 * CUSTOMERS

_ORDER = "Order Completed"
SEGMENTS = {
    "typical": {
        "kind": "all",
        "of": [
            {"kind": "trait", "name": "city", "op": "eq", "value": "서울"},
            {"kind": "stage", "in": ["loyal", "active"]},
            {"kind": "did", "name": _ORDER, "within": {"days": 30}},
        ],
    },
    "worst": {
        "kind": "any",
        "of": [
            {
                "kind": "did",
                "name": "Product Viewed",
                "times": {"op": "ge", "value": 5},
                "where": [{"name": "category", "op": "eq", "value": "원두"}],
            },
            {
                "kind": "did",
                "name": _ORDER,
                "times": {"op": "ge", "value": 2},
                "where": [{"name": "total", "op": "gt", "value": 50_000}],
            },
            {"kind": "did_not", "name": "Product Viewed", "within": {"days": 365}},
        ],
    },
}


_THEN = {"name": "Product Viewed", "then": {"name": _ORDER}, "after": {"days": 1}}
SEQUELS = {
    "A and no B within a day, ever": {"kind": "not_followed", **_THEN},
    "A then B within a day, ever": {"kind": "followed", **_THEN},
    "A and no B since": {
        "kind": "not_followed",
        "name": _ORDER,
        "then": {"name": "Product Viewed"},
    },
}


def main() -> None:
    """Measure and print."""
    with fresh_database() as settings:
        fill_history(settings, CUSTOMERS, EVENTS, datetime.now(UTC))
        forget_peak()
        warm = Warm(settings)
        started = time.monotonic()
        warm.as_of()
        load_s = time.monotonic() - started
        bare_s = _bare(warm)
        for name, condition in SEGMENTS.items():
            _show(warm, f"{name} segment", condition, bare_s)
        for name, condition in SEQUELS.items():
            _show(warm, name, {"kind": "all", "of": [condition]}, bare_s)
        show(Figure("preview: load snapshot", load_s, "s", higher_is_better=False, note=_size()))
        show_memory("preview", postmaster_of(settings), _size())
        warm.close()


def _show(warm: Warm, name: str, condition: dict, bare_s: float) -> None:
    took, busy = [], []
    for _ in range(3):
        warm.as_of().counts.forget()
        started, cpu = time.monotonic(), time.process_time()
        found = preview(warm, Asked(condition=condition))
        took.append(time.monotonic() - started)
        busy.append(time.process_time() - cpu)
    started = time.monotonic()
    preview(warm, Asked(condition=_edited(condition)))
    edited_s = time.monotonic() - started
    show(
        Figure(
            f"preview: {name}",
            statistics.median(took),
            "s",
            budget=1.0 if name.startswith("typical") else 3.0,
            baseline=bare_s,
            baseline_name="counting one event name",
            higher_is_better=False,
            note=f"{found.people:,} of {found.of:,}; slowest {max(took):.2f} s;"
            f" {statistics.median(busy):.2f} s of CPU on two threads;"
            f" {edited_s:.2f} s after a change of one question; {_size()}",
        )
    )


def _edited(condition: dict) -> dict:
    """The same with its last question negated."""
    *others, last = condition["of"]
    return {**condition, "of": [*others, {"kind": "not", "of": last}]}


def _bare(warm: Warm) -> float:
    started = time.monotonic()
    warm.as_of().snapshot.query("select count(*) from events where name = $1", [_ORDER])
    return time.monotonic() - started


def _size() -> str:
    return f"{CUSTOMERS:,} customers, {EVENTS:,} events"


if __name__ == "__main__":
    main()
