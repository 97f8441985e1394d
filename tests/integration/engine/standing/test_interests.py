"""What people like follows what they do: at once, and to the instant at which it has faded."""

import datetime as dt
import math
import random

import pyarrow as pa
import pytest

from dangol.know.interest.fold import buying_names, telling_names
from dangol.know.interest.items import Given, post_items
from dangol.know.interest.score import ORIGIN, REGULAR
from dangol.know.interest.tell import keep_told, read_told, tell_interests
from dangol.know.segment.interest import ROUNDING
from dangol.store.lake import snapshot

from .conftest import ORDER, VIEW, Shop

READERS = {"kind": "interest", "in": ["Home Décor", "정원"]}
KEEN = {"kind": "all", "of": [
    {"kind": "interest", "in": ["원두"], "at_least": 1.5},
    {"kind": "not", "of": {"kind": "interest", "in": ["home décor"], "at_least": 4}}]}  # fmt: skip
TAGS = ["home décor", "Home Décor", "원두", "정원"]


@pytest.fixture
def reader(shop: Shop) -> Shop:
    """A shop whose events are known to tell what they are about."""
    for name in ("category", "tags"):
        shop.conn.execute(
            "insert into catalogue_property (owner, name, type, count, last_at)"
            " values (%s, %s, 'text', 1, %s)",
            [VIEW, name, shop.now],
        )
    shop.conn.commit()
    return shop


def test_the_third_read_makes_a_regular_reader_and_time_unmakes_it(reader: Shop) -> None:
    segment = reader.segment(READERS)
    reader.catch_up()
    for _ in range(3):
        reader.tell(1, VIEW, {"category": " Home  Décor "})
    reader.tell(2, VIEW, {"tags": ["home décor", "정원"]})
    reader.catch_up()
    assert reader.members(segment) == [1]
    reader.now += dt.timedelta(minutes=1)  # three reads of a minute ago are not three any more
    reader.catch_up()
    assert reader.members(segment) == []
    reader.tell(2, ORDER, {"products": [{"tags": ["home décor"]}]})
    reader.catch_up()
    assert reader.members(segment) == [2]
    weight = 4 * 2.0 ** ((reader.now - ORIGIN) / dt.timedelta(days=90))  # about: a minute between
    falls_at = ORIGIN + dt.timedelta(days=90) * math.log2(weight / (REGULAR - ROUNDING))
    reader.now = falls_at + dt.timedelta(minutes=5)
    reader.catch_up()
    assert reader.members(segment) == []
    assert [cause for _, _, cause in reader.changes(segment)] == ["behaviour", "time"] * 2
    left = reader.conn.execute("select max(at) from segment_change").fetchone()[0]
    assert abs(left - falls_at) < dt.timedelta(minutes=1)
    assert reader.oracle(segment) == [[]]


def test_a_telling_of_an_older_instant_loses_nothing_and_counts_nothing_twice(
    reader: Shop,
) -> None:
    reader.segment(READERS)
    reader.catch_up()
    reader.tell(1, VIEW, {"category": "원두"})
    reader.tell(2, VIEW, {"category": "정원"})
    reader.catch_up()
    names = (telling_names(reader.conn), buying_names(ORDER))
    items = {"key": [""], "tag": [""]}
    reader.conn.commit()
    views = ("events", "fresh_interests")
    with snapshot(reader.settings, reader.settings.database_url or "", views=views) as lake:
        reader.tell(1, VIEW, {"category": "원두"})  # while the history is being read
        reader.tell(3, VIEW, {"category": "원두"})
        reader.catch_up()
        lake.duck.register("items", pa.table(items))
        told = read_told(lake, names, (0, 1023), reader.now)
    keep_told(reader.conn, told, (0, 1023), reader.now)
    rows = reader.conn.execute(
        "select customer_id, tag, reads, fresh_reads from interest order by customer_id"
    ).fetchall()
    assert rows == [(1, "원두", 2, 1), (2, "정원", 1, 0), (3, "원두", 1, 1)]
    tell_interests(reader.settings, ORDER, reader.now)
    again = (
        "select customer_id, reads, fresh_reads, fresh_weight from interest order by customer_id"
    )
    assert reader.conn.execute(again).fetchall() == [(1, 2, 0, 0), (2, 1, 0, 0), (3, 1, 0, 0)]


def test_an_item_that_is_posted_later_makes_readers_of_those_who_read_it(reader: Shop) -> None:
    reader.conn.execute(
        "insert into catalogue_property (owner, name, type, count, last_at)"
        " values (%s, 'product_id', 'text', 1, %s)",
        [VIEW, reader.now],
    )
    segment = reader.segment(READERS)
    reader.catch_up()
    for _ in range(4):
        reader.tell(1, VIEW, {"product_id": "p1"})
    reader.catch_up()
    post_items(reader.conn, [Given(id="p1", title="화분", tags=("정원",))], reader.now)
    reader.conn.commit()
    tell_interests(reader.settings, ORDER, reader.now)
    reader.catch_up()
    assert reader.changes(segment) == [(1, True, "refit")]
    reader.tell(2, ORDER, {"product_id": "p1"})  # and now at once
    reader.catch_up()
    assert reader.members(segment) == [1, 2]


@pytest.mark.parametrize("seed", [1, 2])
def test_readers_are_what_the_oracle_says_whatever_happens(reader: Shop, seed: int) -> None:
    dice = random.Random(seed)
    segments = [reader.segment(one, f"s{place}") for place, one in enumerate((READERS, KEEN))]
    reader.catch_up()
    for _ in range(6):
        for _ in range(dice.randrange(1, 9)):
            _act(reader, dice)
        if dice.random() < 0.3:
            reader.turn()
            reader.kill()
        if dice.random() < 0.4:
            tell_interests(reader.settings, ORDER, reader.now)
        reader.now += dt.timedelta(minutes=dice.choice([1, 50, 1441, 50_000]))
        reader.catch_up()
        assert [reader.members(one) for one in segments] == reader.oracle(*segments)


def _act(shop: Shop, dice: random.Random) -> None:
    who, ago = dice.randrange(1, 6), dt.timedelta(minutes=dice.choice([0, 5, 4000]))
    props = {"category": dice.choice(TAGS), "tags": dice.sample(TAGS, dice.randrange(3))}
    name = VIEW if dice.random() < 0.8 else ORDER
    shop.tell(who, name, props, ago=ago, effect=dice.choice(["live", "history"]))
