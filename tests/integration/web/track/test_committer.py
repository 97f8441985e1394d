"""Acknowledged is durable, with the database dying in between; what waits is bounded."""

import asyncio
import contextlib
import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import httpx
import psycopg
import pytest

from dangol.listen.keys import create_key
from dangol.store.migrate import migrate
from dangol.store.pool import connect
from dangol.store.server import EmbeddedServer
from dangol.web.track.committer import Away, Committer, Overloaded
from dangol.web.track.keys import KeyCache
from dangol.web.track.tracker import Tracker

META = b'{"path":"/v1/track"}'


def bodies(dsn: str) -> list[bytes]:
    with connect(dsn, name="test") as conn:
        return [row[0] for row in conn.execute("select body from intake order by id")]


def test_what_arrives_together_is_kept_in_order(dsn: str) -> None:
    async def run() -> None:
        committer = Committer(dsn)
        await committer.start()
        await asyncio.gather(
            *(committer.append("track", "k", META, b"%d" % number) for number in range(500))
        )
        await committer.stop()

    asyncio.run(run())
    assert bodies(dsn) == [b"%d" % number for number in range(500)]
    with connect(dsn, name="test") as conn:
        row = conn.execute("select kind, source, meta, received_at from intake limit 1").fetchone()
    assert row[:3] == ("track", "k", {"path": "/v1/track"})
    assert abs(dt.datetime.now(dt.UTC) - row[3]) < dt.timedelta(minutes=1)


def test_lines_of_many_senders_become_one_row(dsn: str) -> None:
    async def hit(committer: Committer, number: int) -> None:
        await committer.gather("hit", "letter", b"{}", b"%d\n" % number)

    async def run() -> None:
        committer = Committer(dsn)
        await committer.start()
        hits = [asyncio.create_task(hit(committer, number)) for number in range(100)]
        await asyncio.sleep(0)
        hits[7].cancel()  # one hangs up: the others are told all the same
        done = await asyncio.gather(*hits, return_exceptions=True)
        assert [type(one) for one in done if one is not None] == [asyncio.CancelledError]
        await committer.gather("hit", "letter", b"{}", b"x" * 1_100_000)
        await committer.stop()
        with pytest.raises(Overloaded):
            committer.gather("hit", "letter", b"{}", b"too late")
        assert committer._held == 0

    asyncio.run(run())
    assert bodies(dsn) == [b"".join(b"%d\n" % number for number in range(100)), b"x" * 1_100_000]


def test_route_is_called_for_the_first_row_and_once_for_what_follows(dsn: str) -> None:
    async def run() -> int:
        committer = Committer(dsn)
        await committer.start()
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as conn:
            await conn.execute("listen intake")
            for _ in range(2):
                await committer.append("track", "k", META, b"{}")
            calls = [call async for call in conn.notifies(timeout=30, stop_after=2)]
        await committer.stop()
        return len(calls)

    assert asyncio.run(run()) == 2


def test_stopping_commits_what_waits(dsn: str) -> None:
    async def run() -> None:
        committer = Committer(dsn)
        await committer.start()
        future = committer.append("track", "k", META, b"last")
        await committer.stop()
        await future
        with pytest.raises(Overloaded):
            committer.append("track", "k", META, b"too late")

    asyncio.run(run())
    assert bodies(dsn) == [b"last"]


def test_every_acknowledged_row_survives_killed_sessions(dsn: str) -> None:
    acknowledged: list[bytes] = []
    failures = 0

    async def send(committer: Committer, worker: int) -> None:
        nonlocal failures
        for number in range(60):
            body = b"%d-%d-" % (worker, number) + b"x" * (number * 500)
            try:
                await committer.append("track", "k", META, body)
                acknowledged.append(body)
            except Away:
                failures += 1

    async def kill(conn: psycopg.AsyncConnection) -> None:
        while True:
            await conn.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'dangol intake' and datname = current_database()"
            )
            await asyncio.sleep(0.02)

    async def run() -> None:
        committer = Committer(dsn)
        await committer.start()
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as conn:
            killer = asyncio.create_task(kill(conn))
            await asyncio.gather(*(send(committer, worker) for worker in range(8)))
            killer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await killer
        await committer.append("track", "k", META, b"after all")
        await committer.stop()

    asyncio.run(run())
    kept = set(bodies(dsn))
    assert set(acknowledged) <= kept
    assert b"after all" in kept
    assert len(acknowledged) + failures == 480


def test_no_more_than_the_limit_waits(dsn: str) -> None:
    async def run() -> int:
        committer = Committer(dsn, most_bytes=100_000)
        futures = []
        with contextlib.suppress(Overloaded):
            while len(futures) < 1_000:
                futures.append(committer.append("track", "k", META, b"x" * 1_000))
        await committer.start()
        await asyncio.gather(*futures)
        await committer.append("track", "k", META, b"room again")
        await committer.stop()
        return len(futures)

    held = asyncio.run(run())
    assert 50 < held < 100
    assert len(bodies(dsn)) == held + 1


def test_a_sender_that_is_too_much_is_told_when_to_come_back(
    dsn: str, conn: psycopg.Connection
) -> None:
    key = create_key(conn, "k", "track", by="test", now=dt.datetime.now(dt.UTC))
    conn.commit()

    async def run() -> httpx.Response:
        committer, keys = Committer(dsn, most_bytes=10), KeyCache(dsn)
        await committer.start()
        transport = httpx.ASGITransport(Tracker(committer, keys))
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            answer = await client.post("/v1/track", json={"userId": "u"}, auth=(key, ""))
        await committer.stop()
        await keys.close()
        return answer

    answer = asyncio.run(run())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["code"] == "overloaded"


@pytest.fixture
def own_server() -> Iterator[EmbeddedServer]:
    """A database server of the test's own, to stop and start."""
    home = Path(mkdtemp(prefix="dangol-test-"))
    home.chmod(0o755)
    sizes = {"shared_buffers": "16MB", "max_wal_size": "64MB", "min_wal_size": "32MB"}
    server = EmbeddedServer(home, settings=sizes)
    server.start()
    with connect(server.dsn, name="test", autocommit=True) as conn:
        migrate(conn)
    yield server
    server.stop()
    shutil.rmtree(home, ignore_errors=True)


def test_while_the_database_is_away_senders_are_told_to_come_back(
    own_server: EmbeddedServer,
) -> None:
    dsn = own_server.dsn
    with connect(dsn, name="test") as conn:
        key = create_key(conn, "k", "track", by="test", now=dt.datetime.now(dt.UTC))

    async def run() -> list[httpx.Response]:
        committer, keys = Committer(dsn), KeyCache(dsn)
        await committer.start()
        transport = httpx.ASGITransport(Tracker(committer, keys))
        answers = []
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:

            async def post(number: int, secret: str = key) -> None:
                call = {"userId": "u", "event": "A", "messageId": str(number)}
                answers.append(await client.post("/v1/track", json=call, auth=(secret, "")))

            await post(1)
            own_server.stop()
            await post(2)
            await post(3, "unknown")
            own_server.start()
            await post(4)
        await committer.stop()
        await keys.close()
        return answers

    answers = asyncio.run(run())
    assert [answer.status_code for answer in answers] == [200, 503, 503, 200]
    assert answers[1].headers["retry-after"] == "2"
    assert answers[2].json()["code"] == "unavailable", "no key is refused without having looked"
    assert [json.loads(body)["messageId"] for body in bodies(dsn)] == ["1", "4"]


def test_idle_sessions_that_died_cost_nobody_an_answer(dsn: str, conn: psycopg.Connection) -> None:
    key = create_key(conn, "k", "track", by="test", now=dt.datetime.now(dt.UTC))
    conn.commit()

    async def run() -> list[int]:
        committer, keys = Committer(dsn), KeyCache(dsn)
        await committer.start()
        transport = httpx.ASGITransport(Tracker(committer, keys))
        statuses = []
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            for _ in range(5):
                answer = await client.post("/v1/track", json={"userId": "u"}, auth=(key, ""))
                statuses.append(answer.status_code)
                conn.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where application_name = 'dangol intake' and datname = current_database()"
                )
        await committer.stop()
        await keys.close()
        return statuses

    assert asyncio.run(run()) == [200] * 5


def test_a_defect_of_ours_is_told_in_the_shape_that_clients_know() -> None:
    class Broken:
        async def find(self, secret: str) -> None:
            raise RuntimeError("a defect")

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(Tracker(Committer(""), Broken()))
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            return await client.post("/v1/track", json={"userId": "u"}, auth=("key", ""))

    answer = asyncio.run(run())
    assert (answer.status_code, answer.json()["code"]) == (500, "failed")
