"""A click becomes an event of the customer, once, however often Route reads."""

from datetime import UTC, datetime

from dangol.engine.route import route_once
from dangol.speak.links.hearer import make_hearer
from dangol.store.journal import Journal
from dangol.store.pool import connect
from tests.integration.web.hits.test_counting import SHOP, Web, web

__all__ = ["web"]


def test_click_reaches_the_inbox_once(web: Web, dsn: str, tmp_path) -> None:
    web.conn.execute(
        "insert into customer (bucket, customer_id, first_seen_at, last_seen_at, created_at)"
        " values (77, 77, now(), now(), now())"
    )
    web.conn.commit()
    web.ask(web.click(12, 77, 1))
    web.ask(web.pixel(12, 77))
    hearers = {"hit": make_hearer(web.keyring, Journal(tmp_path / "journal"))}
    with connect(dsn, name="test") as conn:
        while route_once(conn, hearers, datetime.now(UTC)).waiting:
            pass
        rows = conn.execute(
            "select name, customer_id, props, origin, effect from inbox order by name"
        ).fetchall()
    clicked = {"send_id": 12, "machine": False, "link": 1, "url": SHOP}
    assert rows == [
        ("Message Clicked", 77, clicked, "send:12", "live"),
        ("Message Opened", 77, {"send_id": 12, "machine": False}, "send:12", "live"),
    ]
    assert web.rows() == []
