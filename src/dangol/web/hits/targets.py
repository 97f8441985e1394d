"""Where counted links lead: looked up once, then remembered, since a link never changes."""

import asyncio
from urllib.parse import quote, urlsplit

from psycopg_pool import ConnectionPool

from dangol.speak.links.service import load_links

_REMEMBERED = 10_000
"""Sends whose links are kept in memory."""


class Targets:
    """The links of sends, by number."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._links: dict[int, tuple[bytes, ...]] = {}

    def recall(self, send_id: int, link: int) -> bytes | None:
        """Where the link leads, if that is remembered."""
        links = self._links.get(send_id, ())
        return links[link - 1] if 0 < link <= len(links) else None

    async def find(self, send_id: int, link: int) -> bytes | None:
        """Where the link leads; None when the send has no such link."""
        links = await asyncio.to_thread(self._load, send_id)
        if links:
            if len(self._links) >= _REMEMBERED:
                self._links.clear()
            self._links[send_id] = links
        return self.recall(send_id, link)

    def _load(self, send_id: int) -> tuple[bytes, ...]:
        with self._pool.connection(timeout=5) as conn:
            return tuple(location_of(url) for url in load_links(conn, send_id))


def location_of(url: str) -> bytes:
    """`url` as a Location header takes it: ASCII, without line ends.

    >>> location_of("https://카페.example/원두?맛=좋음#위"), location_of("https://x.example/a%20b")
    (b'https://xn--ob7b27g.example/%EC%9B%90%EB%91%90?%EB%A7%9B=%EC%A2%8B%EC%9D%8C#%EC%9C%84', b'https://x.example/a%20b')
    """
    if not url.isascii():
        try:
            host = urlsplit(url).hostname or ""
            url = url.replace(host, host.encode("idna").decode(), 1)
        except (UnicodeError, ValueError):
            pass
    return quote(url, safe="%/:?#[]@!$&'()*+,;=~").encode()
