"""A bad network, as a client meets it: refuses some requests, and cuts some lines after the commit."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PASS, REFUSE, CUT = "pass", "refuse", "cut"


class Proxy:
    """Forwards to a server; what happens to each POST is taken from `plan`, then all pass."""

    def __init__(self, upstream: int, plan: list[str]) -> None:
        self.upstream = upstream
        self.plan = list(plan)
        self.done: list[str] = []
        self.bodies: list[bytes] = []
        self._lock = threading.Lock()

    def next_act(self) -> str:
        """What happens to this POST."""
        with self._lock:
            act = self.plan.pop(0) if self.plan else PASS
            self.done.append(act)
            return act


@contextmanager
def unsteady(upstream: int, plan: list[str]) -> Iterator[tuple[Proxy, int]]:
    """A proxy in front of `upstream`, and its port."""
    proxy = Proxy(upstream, plan)

    class Handler(_Handler):
        script = proxy

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield proxy, server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Proxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        act = self.script.next_act()
        if act == REFUSE:
            self._refuse()
            return
        status, headers, answer = self._forward(body)
        if act == CUT:
            # the server has committed and answered; the client never learns of it
            self.close_connection = True
            return
        self._reply(status, headers, answer)

    def do_GET(self) -> None:
        self._reply(*self._forward(None))

    do_OPTIONS = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _refuse(self) -> None:
        body = b'{"success":false,"code":"unavailable","message":"later"}'
        headers = [("Retry-After", "1"), ("Content-Type", "application/json")]
        origin = self.headers.get("origin")
        if origin:
            headers.append(("Access-Control-Allow-Origin", origin))
            headers.append(("Access-Control-Expose-Headers", "Retry-After"))
        self._reply(503, headers, body)

    def _forward(self, body: bytes | None) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = http.client.HTTPConnection("127.0.0.1", self.script.upstream, timeout=30)
        try:
            upstream.request(self.command, self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            upstream.close()

    def _reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "server", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
