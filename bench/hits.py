"""Opens and clicks of letters per second, durable before the answer, over HTTP on loopback.

The whole web application with its embedded PostgreSQL (fsync on), one worker process. The
baseline is the same server answering the same click to HEAD, which is neither counted nor kept.
"""

import datetime as dt
import subprocess
import sys

from bench._ground import fresh_database
from bench._server import serving
from bench.report import Figure, show
from dangol.settings import Settings
from dangol.store.keyring import load_keyring
from dangol.store.pool import connect
from dangol.store.token import seal

SECONDS = 5.0
_CONNECTIONS = 256
_AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Mobile"


def main() -> None:
    """Measure and print."""
    with fresh_database() as settings:
        _add_send(settings)
        keyring = load_keyring(settings.keyring_path)
        paths = {
            "clicks": f"/c/{seal(keyring, 'c', 1, 77, 1)}",
            "opens": f"/o/{seal(keyring, 'o', 1, 77)}.gif",
        }
        with serving(settings) as port:
            answered, _, _ = _load(port, "HEAD", paths["clicks"])
            for name, path in paths.items():
                kept, p50, p99 = _load(port, "GET", path)
                show(
                    Figure(
                        f"{name} of letters",
                        kept,
                        "hits/s",
                        15_000,
                        answered,
                        "answering without keeping",
                        note=f"p50 {p50:.1f} ms, p99 {p99:.1f} ms",
                    )
                )


def _add_send(settings: Settings) -> None:
    now = dt.datetime.now(dt.UTC)
    with connect(settings.database_url or "", name="bench") as conn:
        conn.execute(
            "insert into send (id, kind, message_kind, created_at, created_by) "
            "values (1, 'campaign', 'news', %s, 'bench')",
            [now],
        )
        conn.execute("insert into send_link values (1, 1, 'https://shop.example/spring')")


def _load(port: int, method: str, path: str) -> tuple[float, float, float]:
    """Requests per second, and the 50th and 99th percentile of the waits in ms."""
    request = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {_AGENT}\r\n\r\n"
    command = [sys.executable, "-m", "bench._load", str(port), str(_CONNECTIONS), str(SECONDS)]
    made = subprocess.run(command, input=request.encode(), stdout=subprocess.PIPE, check=True)
    rate, p50, p99 = map(float, made.stdout.split())
    return rate, p50, p99


if __name__ == "__main__":
    main()
