"""The tracking API: events taken per second, durable before the answer, over HTTP on loopback.

The whole web application with its embedded PostgreSQL (fsync on), one worker process. The
baseline is the same server with the same bytes as something that is checked and not stored: an
empty batch whose events stand beside it.
"""

import base64
import datetime as dt
import subprocess
import sys

import msgspec

from bench._ground import fresh_database
from bench._server import serving
from bench.report import Figure, show
from dangol.listen.keys import create_key
from dangol.store.pool import connect

SIZE = 100
SECONDS = 5.0
_CONNECTIONS = {1: 64, SIZE: 16}


def main() -> None:
    """Measure and print."""
    with fresh_database() as settings, serving(settings) as port:
        with connect(settings.database_url or "", name="bench") as conn:
            key = create_key(conn, "bench", "track", by="bench", now=dt.datetime.now(dt.UTC))
        for size, budget in ((SIZE, 50_000), (1, 3_000)):
            path = "/v1/batch" if size > 1 else "/v1/track"
            stored, p50, p99 = _load(port, _request(path, key, size), size)
            answered, _, _ = _load(port, _request("/v1/batch", key, size, is_stored=False), size)
            show(
                Figure(
                    f"intake, {size} per request" if size > 1 else "intake, single requests",
                    stored * size,
                    "events/s",
                    budget=budget,
                    baseline=answered * size,
                    baseline_name="checking without storing",
                    note=f"p50 {p50:.1f} ms, p99 {p99:.1f} ms",
                )
            )


def _load(port: int, request: bytes, size: int) -> tuple[float, float, float]:
    """Requests per second, and the 50th and 99th percentile of the waits in ms."""
    command = [sys.executable, "-m", "bench._load", str(port), str(_CONNECTIONS[size])]
    made = subprocess.run([*command, str(SECONDS)], input=request, capture_output=True, check=True)
    rate, p50, p99 = map(float, made.stdout.split())
    return rate, p50, p99


def _request(path: str, key: str, size: int, *, is_stored: bool = True) -> bytes:
    items = [_item(number) for number in range(size)]
    call: dict[str, object] = {"batch": items, "sentAt": _now()} if size > 1 else items[0]
    if not is_stored:
        call = {"batch": [], "beside": items, "sentAt": _now()}
    body = msgspec.json.encode(call)
    login = base64.b64encode(f"{key}:".encode()).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {login}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _item(number: int) -> dict[str, object]:
    return {
        "type": "track",
        "messageId": f"0c5e7a1e-6d53-4a3b-8f0a-{number:012d}",
        "userId": f"customer-{number}",
        "event": "Product Viewed",
        "properties": {"product_id": f"p{number}", "price": 12_000, "name": "예가체프 200 g"},
        "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
        "timestamp": _now(),
    }


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()


if __name__ == "__main__":
    main()
