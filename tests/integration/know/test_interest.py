"""Interests told from history agree with a plain count, and telling them twice changes nothing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from dangol.engine.schedule import prepare_schedule
from dangol.engine.upkeep import has_tellings
from dangol.errors import InputError, NotFound
from dangol.know.interest.items import Given, list_items, post_items, remove_item
from dangol.know.interest.lookup import list_interests, list_tags
from dangol.know.interest.tell import tell_interests
from dangol.settings import Settings
from tests.integration.know.crowd import NOW, add_customer, add_event

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, database_url=dsn)


@pytest.fixture
def shop(conn: psycopg.Connection) -> psycopg.Connection:
    """Two customers, and events of the ways in which shops say what they are about."""
    add_customer(conn, 1, {"name": "김하나"})
    add_customer(conn, 2, {"name": "Ann"})
    for owner, name in (("Product Viewed", "category"), ("Article Read", "article_id")):
        conn.execute(
            "insert into catalogue_property (owner, name, type, count, last_at)"
            " values (%s, %s, 'text', 1, %s)",
            [owner, name, NOW],
        )
    post_items(conn, [Given(id="a1", kind="article", title="홈 데코", tags=("Home Décor",))], NOW)
    add_event(conn, 1, "Product Viewed", 0, {"category": " 원두 "})
    add_event(conn, 1, "Product Viewed", 90, {"category": "원두", "tags": ["원두", "decaf"]})
    add_event(conn, 1, "Order Completed", 90, {"products": [{"category": "원두"}, {"sku": "a1"}]})
    add_event(conn, 2, "Article Read", 180, {"article_id": "a1"})
    add_event(conn, 2, "Message Clicked", 0, {"url": "https://shop.example/a2"})
    add_event(conn, 2, "Opinion Stated", 0, {"category": "원두"})  # not heard of: not looked at
    conn.commit()
    return conn


def test_acts_say_what_somebody_likes(shop: psycopg.Connection, settings: Settings) -> None:
    assert tell_interests(settings, "Order Completed", LATER) == 4
    mine = {found.tag: found for found in list_interests(shop, 1, NOW)}
    assert {tag: (one.reads, one.clicks, one.buys) for tag, one in mine.items()} == {
        "원두": (2, 0, 1),
        "decaf": (1, 0, 0),
        "home décor": (0, 0, 1),
    }
    assert mine["원두"].score == pytest.approx(1 + 0.5 + 3 * 0.5)
    assert mine["원두"].is_regular
    assert mine["decaf"].score == pytest.approx(0.5)
    assert not mine["decaf"].is_regular
    assert list_interests(shop, 2, NOW)[0].score == pytest.approx(0.25)


def test_telling_twice_changes_nothing(shop: psycopg.Connection, settings: Settings) -> None:
    tell_interests(settings, "Order Completed", LATER)
    assert tell_interests(settings, "Order Completed", LATER + timedelta(days=30)) == 0


def test_a_new_item_is_about_what_was_clicked_before(
    shop: psycopg.Connection, settings: Settings
) -> None:
    given = Given(id="a2", title="여름 음료", url="https://shop.example/a2", tags=("음료",))
    post_items(shop, [given], NOW)
    shop.commit()
    tell_interests(settings, "Order Completed", LATER)
    found = {one.tag: one.clicks for one in list_interests(shop, 2, NOW)}
    assert found["음료"] == 1
    assert ("음료", 1) in list_tags(shop)


def test_what_history_does_not_say_any_more_is_gone(
    shop: psycopg.Connection, settings: Settings
) -> None:
    tell_interests(settings, "Order Completed", LATER)
    remove_item(shop, "a1")
    shop.execute("update customer set erased_at = %s where customer_id = 1", [NOW])
    shop.execute("delete from event_recent where customer_id = 1")
    shop.commit()
    assert tell_interests(settings, "Order Completed", LATER) == 4
    assert list_interests(shop, 1, NOW) == []
    assert list_interests(shop, 2, NOW) == []


def test_an_item_keeps_its_day_when_it_is_posted_again(conn: psycopg.Connection) -> None:
    first = datetime(2026, 3, 1, tzinfo=UTC)
    post_items(conn, [Given(id="x", title="Old", posted_at=first)], NOW)
    [item] = post_items(conn, [Given(id=" x ", title="New", tags=("a", " a ", "b"))], NOW)
    assert (item.title, item.posted_at, item.tags) == ("New", first, ["a", "b"])
    assert list_items(conn, "NEW")[1] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        Given(id=" ", title="x"),
        Given(id="x", title=""),
        Given(id="x", title="a\0b"),
        Given(id="x", title="x", tags=tuple(map(str, range(51)))),
        Given(id="x", title="x" * 501),
        Given(id="x", title="x", posted_at=datetime(2026, 1, 1)),
    ],
)
def test_an_item_that_cannot_be_used_is_refused_and_none_is_kept(
    conn: psycopg.Connection, wrong: Given
) -> None:
    with pytest.raises(InputError):
        post_items(conn, [Given(id="good", title="x"), wrong], NOW)
    assert list_items(conn)[1] == 0


def test_removing_an_unknown_item_says_so(conn: psycopg.Connection) -> None:
    with pytest.raises(NotFound):
        remove_item(conn, "nothing")


def test_interests_are_told_when_something_was_heard_and_not_otherwise(
    shop: psycopg.Connection, settings: Settings
) -> None:
    prepare_schedule(shop)
    assert has_tellings(shop, NOW)
    shop.execute(
        "update schedule set last_started_at = now() - interval '1 hour',"
        " last_finished_at = now() - interval '59 minutes'"
    )
    shop.execute("update item set changed_at = now() - interval '2 hours'")
    assert not has_tellings(shop, NOW)
    shop.execute("insert into catalogue_event values ('Product Viewed', now(), now(), 1)")
    assert has_tellings(shop, NOW)
    shop.execute("update schedule set last_started_at = now() - interval '61 minutes'")
    assert not has_tellings(shop, NOW), "a telling that takes minutes waits for hours"
