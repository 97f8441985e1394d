"""Heard → known: tracked events through Route and Live, on one core each at most.

Requests of 100 events about 20,000 customers stand in `intake`: six of ten are tracked events, two
are pages, one is an identify call, one an order. Measured until the inbox is empty; the baseline is
a bare COPY of the same events into `event_recent`, which no loop can beat.
"""

import datetime as dt
import random
import threading
import time

import msgspec
import psycopg

from bench._ground import fresh_database
from bench.report import Figure, show
from dangol.engine.leases import leave, share_leases
from dangol.engine.route import route_once
from dangol.engine.tick import Ground, Pace, turn_once
from dangol.listen.intake import append_intake
from dangol.settings import Settings
from dangol.store.journal import Journal
from dangol.store.keyring import load_keyring
from dangol.store.pool import connect
from dangol.thrift import calm_collector

EVENTS = 200_000
CUSTOMERS = 20_000
_SIZE = 100


def main() -> None:
    """Measure and print."""
    calm_collector()  # as the engine's process does
    with fresh_database() as settings:
        _fill(settings, EVENTS // 10)  # so that customers exist, as they do in a shop
        _run(settings)
        _fill(settings, EVENTS)
        seconds, route_s, live_s = _run(settings)
        copy_s = _copy_again(settings)
    show(
        Figure(
            "route+live",
            EVENTS / seconds,
            "events/s",
            budget=20_000,
            baseline=EVENTS / copy_s,
            baseline_name="bare COPY",
            note=f"busy: route {route_s:.1f} s, live {live_s:.1f} s of {seconds:.1f} s",
        )
    )


def _fill(settings: Settings, events: int) -> None:
    dice = random.Random(events)
    now = dt.datetime.now(dt.UTC)
    with connect(settings.database_url or "", name="bench") as conn:
        for number in range(events // _SIZE):
            items = [_item(dice, f"{events}-{number}-{place}", now) for place in range(_SIZE)]
            body = msgspec.json.encode({"batch": items, "sentAt": now.isoformat()})
            meta = {"path": "/v1/batch"}
            append_intake(conn, kind="track", source="bench", body=body, meta=meta, at=now)


def _item(dice: random.Random, message_id: str, now: dt.datetime) -> dict:
    user = dice.randrange(CUSTOMERS)
    at = now - dt.timedelta(seconds=dice.randrange(3_000))
    item = {"messageId": message_id, "userId": f"u{user}", "timestamp": at.isoformat()}
    kind = dice.random()
    if kind < 0.6:
        props = {"sku": f"s{dice.randrange(500)}", "price": dice.randrange(99), "list": "home"}
        return item | {"type": "track", "event": f"Viewed {dice.randrange(9)}", "properties": props}
    if kind < 0.8:
        return item | {"type": "page", "properties": {"url": f"https://s.example/{user}"}}
    if kind < 0.9:
        traits = {
            "email": f"u{user}@s.example",
            "name": f"홍길동{user}",
            "visits": dice.randrange(9),
        }
        return item | {"type": "identify", "traits": traits}
    order = {"revenue": dice.randrange(90_000), "currency": "KRW", "orderId": message_id}
    return item | {"type": "track", "event": "Order Completed", "properties": order}


def _run(settings: Settings) -> tuple[float, float, float]:
    """Route and Live in a thread each until all is applied; seconds in all, and busy in each."""
    begun = time.monotonic()
    routed = threading.Event()
    busy = {"route": 0.0, "live": 0.0}

    def route() -> None:
        with connect(settings.database_url or "", name="route") as conn:
            while True:
                start = time.monotonic()
                more = route_once(conn, {}, dt.datetime.now(dt.UTC)).waiting
                busy["route"] += time.monotonic() - start
                if not more:
                    break
        routed.set()

    thread = threading.Thread(target=route)
    thread.start()
    with connect(settings.database_url or "", name="live") as conn:
        _live(conn, settings, routed, busy)
    thread.join()
    return time.monotonic() - begun, busy["route"], busy["live"]


def _live(
    conn: psycopg.Connection, settings: Settings, routed: threading.Event, busy: dict[str, float]
) -> None:
    ground = Ground(load_keyring(settings.keyring_path), Journal(settings.journal_dir))
    pace, leases = Pace(), share_leases(conn, "bench", ())
    while True:
        was_routed = routed.is_set()
        leases = share_leases(conn, "bench", leases)
        start = time.monotonic()
        turn = turn_once(conn, leases, ground, dt.datetime.now(dt.UTC), pace)
        if turn.taken:
            busy["live"] += time.monotonic() - start
        elif was_routed and turn.last_bucket is None:
            return leave(conn, "bench", leases)
        else:
            time.sleep(0.02)


def _copy_again(settings: Settings) -> float:
    """The same events once more, copied into a table of the same shape; seconds."""
    with connect(settings.database_url or "", name="bench") as conn:
        conn.execute("create table again (like event_recent including indexes)")
        conn.commit()
        rows = f"(select * from event_recent order by recorded_at desc limit {EVENTS})"
        with conn.cursor() as cursor, cursor.copy(f"copy {rows} to stdout (format binary)") as out:
            data = b"".join(bytes(part) for part in out)
        begun = time.monotonic()
        with conn.cursor() as cursor, cursor.copy("copy again from stdin (format binary)") as copy:
            copy.write(data)
        conn.commit()
        return time.monotonic() - begun


if __name__ == "__main__":
    main()
