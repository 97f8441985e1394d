"""The whole web application as a process of its own, one worker, for measurements."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dangol.settings import Settings

_SERVE = """
import sys
from pathlib import Path
from dangol.settings import Settings
from dangol.web.run import run_web
data, url, port = sys.argv[1:]
run_web(Settings(data=Path(data), database_url=url, port=int(port)))
"""


@contextmanager
def serving(settings: Settings) -> Iterator[int]:
    """The port of a running web; it is ended afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", _SERVE, str(settings.data), settings.database_url or ""]
    process = subprocess.Popen([*command, str(port)], process_group=0)
    try:
        _wait(port)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the web server did not start")
