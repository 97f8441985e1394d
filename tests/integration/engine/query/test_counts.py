"""What was counted once over a snapshot is not counted again, and is right."""

from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from dangol.engine.query import counts as counts_module
from dangol.engine.query.counts import Counts
from dangol.know.segment import parse
from dangol.know.segment.service import count, count_compiled
from dangol.settings import Settings
from dangol.store.lake import snapshot
from tests.integration.know.crowd import add_customer, add_event

NOW = datetime.now(UTC)


def _did(name: str, times: int, days: int | None = None) -> dict:
    found = {"kind": "did", "name": name, "times": {"op": "ge", "value": times}}
    return found | ({"within": {"days": days}} if days else {})


@pytest.mark.parametrize("most", [40, 2])
def test_questions_are_counted_once(
    conn: psycopg.Connection,
    dsn: str,
    tmp_path: Path,
    most: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counts_module, "MOST", most)
    for number in range(1, 8):
        add_customer(conn, number, {})
        for index in range(number):
            add_event(conn, number, "Bought", index * 10 + 0.1, {"total": index})
            add_event(conn, number, "Looked", index + 0.5)
    conn.commit()
    settings = Settings(data=tmp_path, engine_memory_mb=256)
    asked = [
        _did("Bought", 3),
        {"kind": "all", "of": [_did("Bought", 3), _did("Looked", 2, 5)]},
        {"kind": "any", "of": [_did("Bought", 6), {"kind": "did_not", "name": "Looked"}]},
        {"kind": "all", "of": [_did("Bought", 1, 30), _did("Looked", 2, 5), _did("Bought", 4)]},
        {"kind": "all", "of": []},
    ]
    with snapshot(settings, dsn) as snap:
        kept = Counts(snap, NOW, "UTC")
        for question in [*asked, *asked]:
            condition = parse(question)
            found = count_compiled(snap, kept.compile(condition))
            assert found == count(snap, condition, NOW)
        if most < 40:
            return
        snap.duck.execute("drop view events")
        for question in asked:
            count_compiled(snap, kept.compile(parse(question)))
