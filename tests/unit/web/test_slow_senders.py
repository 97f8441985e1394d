"""Senders who never finish: after a while they have hung up, and their place is free again."""

import asyncio
from typing import Any

import pytest

from dangol.web import front
from dangol.web.track import incoming
from dangol.web.track.answer import Trouble
from dangol.web.track.committer import Committer


async def never() -> dict[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError


def test_the_desk_does_not_wait_for_the_rest_of_a_body(monkeypatch) -> None:
    parts = iter([{"type": "http.request", "body": b"a", "more_body": True}])

    async def receive() -> dict[str, Any]:
        return next(parts, None) or await never()

    async def read() -> list[dict[str, Any]]:
        ask = front.patiently(receive)
        return [await ask(), await ask()]

    monkeypatch.setattr(front, "IDLE_SECONDS", 0.01)
    first, second = asyncio.run(read())
    assert (first["body"], second) == (b"a", {"type": "http.disconnect"})


def test_an_answer_may_take_as_long_as_it_takes(monkeypatch) -> None:
    """What is asked for after the body is whether the reader is still there: no reason to hurry."""
    parts = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        if (message := next(parts, None)) is None:
            await asyncio.sleep(0.05)
            return {"type": "http.disconnect", "is": "real"}
        return message

    async def read() -> dict[str, Any]:
        ask = front.patiently(receive)
        await ask()
        return await ask()

    monkeypatch.setattr(front, "IDLE_SECONDS", 0.01)
    assert asyncio.run(read())["is"] == "real"


def test_tracking_gives_a_slow_body_back_its_room(monkeypatch) -> None:
    committer = Committer("")

    async def read() -> None:
        head = incoming.Incoming("POST", "/v1/batch", b"", {b"content-length": b"9"}, "http")
        await incoming.read_body(head, never, committer)

    monkeypatch.setattr(incoming, "BODY_SECONDS", 0.01)
    with pytest.raises(Trouble) as caught:
        asyncio.run(read())
    assert caught.value.status == 408
