"""A shop in which memberships are kept, one step at a time and under the test's own clock."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from psycopg.types.json import Jsonb

from dangol.engine.following import Following
from dangol.engine.leases import Lease, ensure_leases, share_leases
from dangol.engine.standing.follower import Standing
from dangol.engine.tick import Ground, Pace, turn_once
from dangol.know.interest.score import ORIGIN
from dangol.know.segment.membership.service import list_members
from dangol.know.segment.oracle import Happening, Person, evaluate
from dangol.know.segment.service import create_segment, resolve
from dangol.know.segment.store import find_segment
from dangol.model.consent import ConsentState
from dangol.model.customer import bucket_of
from dangol.model.event import event_key
from dangol.model.message import Channel
from dangol.model.stage import Stage
from dangol.settings import Settings
from dangol.store.journal import Journal
from dangol.store.keyring import load_keyring
from dangol.store.lake import Snapshot, snapshot

START = dt.datetime(2026, 11, 21, 3, 0, tzinfo=dt.UTC)
ORDER, VIEW = "Order Completed", "Product Viewed"


class Shop:
    """One database, an engine that can be killed, and a clock."""

    def __init__(
        self, conn: psycopg.Connection, settings: Settings, ground: Ground, holder: str = "test"
    ) -> None:
        self.conn, self.settings, self.ground, self.holder = conn, settings, ground, holder
        self.now = START
        self.leases = share_leases(conn, holder, [])
        conn.commit()
        self.following = Following(settings)
        self._told = 0

    # -- what happens ------------------------------------------------------------------

    def tell(self, customer: int, name: str, props: dict[str, Any] | None = None, **more) -> None:
        """A fact enters the inbox; `ago` is how long before now it happened."""
        self._told += 1
        row = {
            "bucket": bucket_of(customer),
            "customer_id": customer,
            "name": name,
            "time": self.now - more.pop("ago", dt.timedelta()),
            "received_at": self.now,
            "props": Jsonb(props or {}),
            "source": "test",
            "effect": "live",
            "cause": "behaviour",
            "event_id": event_key(self.holder, str(self._told)),
        } | more
        names = ", ".join(row)
        values = ", ".join(f"%({name})s" for name in row)
        self.conn.execute(f"insert into inbox ({names}) values ({values})", row)
        self.conn.commit()

    def segment(self, definition: dict[str, Any], name: str = "s") -> UUID:
        """A segment of this definition."""
        saved = create_segment(self.conn, name, definition, "member:1", self.now)
        self.conn.commit()
        return saved.segment.id

    def turn(self) -> None:
        """Live until the inbox is empty, without anybody following."""
        pace = Pace()
        while True:
            ground = self.following.prepare(self.conn, self.ground, self.now)
            turn = turn_once(self.conn, self.leases, ground, self.now, pace)
            self.conn.commit()
            if self.following._standing:
                self.following._standing.hear(turn.told)
            if turn.taken == 0:
                return

    def step(self, between: Callable[[], None] = lambda: None) -> bool:
        """A turn, what happens between, and what follows; whether there may be more to do."""
        ground = self.following.prepare(self.conn, self.ground, self.now)
        turn = turn_once(self.conn, self.leases, ground, self.now, Pace())
        self.conn.commit()
        between()
        self.following._followed_at = 0.0
        more = self.following.follow(self.conn, self.leases, turn, self.now)
        self.conn.commit()
        standing = self.following._standing
        has_read = standing is not None and standing.settle()
        return more or has_read or turn.taken > 0

    def catch_up(self) -> None:
        """Live and those who follow it until nothing is left to do."""
        for _ in range(200):
            if not self.step() and not self._waits():
                return
        raise AssertionError("it never comes to rest")

    def kill(self) -> None:
        """The engine loses all that it had in memory."""
        self.following.close()
        self.following = Following(self.settings)

    def check_told(self) -> None:
        """Entries and exits of each person alternate, and each is an event once, or none for an edit."""
        rows = self.conn.execute(
            "select c.segment_id, c.customer_id, c.entered, c.cause, (p.merged_into is not null),"
            " (select count(*) from event_recent e where e.name like 'Segment %%'"
            "   and e.props ->> 'segment_id' = c.segment_id::text and e.time = c.at"
            "   and e.customer_id = coalesce(p.merged_into, c.customer_id))"
            " from segment_change c join customer p using (bucket, customer_id)"
            " order by c.segment_id, c.customer_id, c.at"
        ).fetchall()
        assert rows
        for one, other in pairwise(rows):
            if one[:2] == other[:2]:
                assert one[2] != other[2]
        moved = {path for (path,) in self.conn.execute("select path from lake_file")}
        for _, _, _, cause, is_merged, told in rows:
            if not is_merged and not moved:
                assert told == (cause != "definition")

    def _waits(self) -> bool:
        found = self.conn.execute("select exists (select from inbox)").fetchone()[0]
        self.conn.commit()
        return found

    # -- what is so --------------------------------------------------------------------

    def members(self, segment: UUID) -> list[int]:
        """Who is in it, as stored."""
        found = sorted(one.customer_id for one in list_members(self.conn, segment, limit=10_000))
        stored = self.conn.execute(
            "select coalesce(sum(people), 0) from segment_member where segment_id = %s", [segment]
        ).fetchone()
        self.conn.commit()
        assert stored == (len(found),)  # nobody is left in it who is gone
        return found

    def changes(self, segment: UUID) -> list[tuple[int, bool, str]]:
        """Entries and exits in order."""
        rows = self.conn.execute(
            "select customer_id, entered, cause from segment_change where segment_id = %s"
            " order by at, customer_id",
            [segment],
        ).fetchall()
        self.conn.commit()
        return rows

    def events(self) -> list[tuple[int, str, str]]:
        """What was told of entries and exits."""
        rows = self.conn.execute(
            "select customer_id, name, cause from event_recent where name like 'Segment %%'"
            " order by time, customer_id"
        ).fetchall()
        self.conn.commit()
        return rows

    def oracle(self, *segments: UUID) -> list[list[int]]:
        """Who should be in each, by the plain evaluation of everything that is known."""
        conditions = [
            resolve(self.conn, find_segment(self.conn, one).definition, self.now)
            for one in segments
        ]
        self.conn.commit()
        with snapshot(self.settings, self.settings.database_url or "") as lake:
            found = sorted(_people(lake), key=lambda one: one.customer_id)
            events: dict[int, list[Happening]] = {}
            for row in lake.query("select customer_id, name, time, props from events").to_pylist():
                props = msgspec.json.decode(row["props"])
                happening = Happening(name=row["name"], time=row["time"], props=props)
                events.setdefault(row["customer_id"], []).append(happening)
        likes = {one.customer_id: likes_of(events.get(one.customer_id, [])) for one in found}
        people = [msgspec.structs.replace(one, interests=likes[one.customer_id]) for one in found]
        return [
            [
                one.customer_id
                for one in people
                if evaluate(each, one, events.get(one.customer_id, []), self.now, "Asia/Seoul")
            ]
            for each in conditions
        ]


def likes_of(events: Iterable[Happening]) -> dict[str, float]:
    """Weights of interests by hand, from categories and tags of views and orders."""
    weights: dict[str, float] = {}
    for one in events:
        worth = {VIEW: 1.0, ORDER: 3.0}.get(one.name, 0.0)
        age = (one.time - ORIGIN) / dt.timedelta(days=90)
        things = [one.props, *one.props.get("products", ())]
        said = [tag for each in things for tag in [each.get("category"), *each.get("tags", ())]]
        for tag in {tag.lower() for tag in said if tag}:
            weights[tag] = weights.get(tag, 0.0) + worth * 2**age
    return weights


def _people(lake: Snapshot) -> Iterator[Person]:
    stages = {row["customer_id"]: row for row in lake.query("select * from stages").to_pylist()}
    consents = {row["customer_id"]: row for row in lake.query("select * from consents").to_pylist()}
    for row in lake.query("select customer_id, traits, zone from customers").to_pylist():
        stage = stages.get(row["customer_id"], {})
        consent = consents.get(row["customer_id"], {}).get("consent", "unknown")
        yield Person(
            customer_id=row["customer_id"],
            traits=msgspec.json.decode(row["traits"]),
            zone=row["zone"],
            stage=Stage(stage.get("stage", "unknown")),
            stage_since=stage.get("since"),
            stage_before=Stage(stage.get("previous") or "unknown"),
            consents={Channel.EMAIL: ConsentState(consent)},
        )


@pytest.fixture
def shop(conn: psycopg.Connection, dsn: str, tmp_path: Path) -> Iterator[Shop]:
    settings = Settings(data=tmp_path, database_url=dsn)
    ensure_leases(conn, 4)
    conn.commit()
    ground = Ground(load_keyring(tmp_path / "keyring.json"), Journal(tmp_path / "journal"))
    shop = Shop(conn, settings, ground)
    yield shop
    shop.following.close()


__all__ = ["Lease", "Shop", "Standing"]
