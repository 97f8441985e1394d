"""How old an answer may be: always new in a small shop, never over a minute in a large one."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import psycopg
import pytest

from dangol.engine.query import warm as warm_module
from dangol.engine.query.warm import Warm
from dangol.settings import Settings
from dangol.store.lake import mirror
from tests.integration.know.crowd import add_customer, add_event


@pytest.fixture
def warm(tmp_path: Path, dsn: str) -> Iterator[Warm]:
    found = Warm(Settings(data=tmp_path / "data", database_url=dsn, engine_memory_mb=256))
    yield found
    found.close()


def _people(warm: Warm) -> int:
    rows = warm.as_of().snapshot.query("select count(*) as n from customers")
    return rows.column("n")[0].as_py()


def test_a_small_shop_sees_the_newest(
    warm: Warm, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm_module, "PATIENCE", 0)
    monkeypatch.setattr(warm_module, "FRESH_S", 0)
    for number in (1, 2, 3):
        add_customer(conn, number, {})
        conn.commit()
        assert _people(warm) == number


def test_a_large_shop_answers_at_once_and_catches_up(
    warm: Warm, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm_module, "PATIENCE", 1e9)
    monkeypatch.setattr(warm_module, "FRESH_S", 0)
    assert _people(warm) == 0
    add_customer(conn, 1, {})
    conn.commit()
    assert _people(warm) == 0, "the last snapshot answers while the next is loaded"
    while _people(warm) == 0:
        pass


def test_nothing_is_older_than_a_minute(
    warm: Warm, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm_module, "PATIENCE", 1e9)
    assert _people(warm) == 0
    add_customer(conn, 1, {})
    conn.commit()
    assert _people(warm) == 0
    monkeypatch.setattr(warm_module, "FRESH_S", 0)
    monkeypatch.setattr(warm_module, "OLDEST_S", 0)
    assert _people(warm) == 1


def test_a_failed_load_is_tried_again(
    warm: Warm, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = warm.settings
    warm.settings = Settings(data=good.data, database_url=dsn.replace("/test_", "/gone_"))
    with pytest.raises(psycopg.OperationalError):
        warm.as_of()
    warm.settings = good
    assert _people(warm) == 0


def test_a_renewal_fetches_only_what_is_new(
    warm: Warm, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm_module, "PATIENCE", 0)
    monkeypatch.setattr(warm_module, "FRESH_S", 0)
    assert _people(warm) == 0
    monkeypatch.setattr(mirror, "copy", None)  # loading whole tables would fail from here on
    add_customer(conn, 1, {"name": "Mina"})
    add_event(conn, 1, "Order Completed", 0)
    conn.commit()
    assert _people(warm) == 1
    assert warm.as_of().snapshot.query("select name from events").num_rows == 1


def test_a_view_is_left_after_a_failed_query_and_now_and_then_altogether(
    warm: Warm, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(duckdb.Error, match="spoiled"):
        warm.as_of().snapshot.query("select error('spoiled')")
    warm.turn()
    assert _people(warm) == 0
    monkeypatch.setattr(warm_module, "RELOAD_S", -1)
    monkeypatch.setattr(warm_module, "PATIENCE", 0)
    monkeypatch.setattr(warm_module, "FRESH_S", 0)
    for number in (1, 2):
        add_customer(conn, number, {})
        conn.commit()
        assert _people(warm) == number
