"""The desk on a real database: `desk` signs in as any role, `shop` fills in customers."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from litestar.testing import TestClient
from psycopg.types.json import Jsonb

from dangol.know.profile.derive import search_text
from dangol.model.customer import bucket_of
from dangol.settings import Settings
from dangol.web import query
from dangol.web.app import create_app
from dangol.web.signin.role import Role
from dangol.web.signin.service import create_login_link

NOW = datetime.now(UTC)


class Desk:
    """A browser at the desk, without scripts."""

    def __init__(self, client: TestClient, conn: psycopg.Connection) -> None:
        self.client = client
        self.conn = conn
        self.csrf = ""

    def sign_in(self, role: Role, locale: str = "en") -> None:
        """Sign in as a new member of this role."""
        member = uuid4()
        self.conn.execute(
            "insert into member (id, email, name, role, locale, created_at) "
            "values (%s, %s, 'Mina Park', %s, %s, %s)",
            [member, f"{member}@shop.example", role.word, locale, NOW],
        )
        token = create_login_link(self.conn, member, datetime.now(UTC))
        self.conn.execute("update member set password_hash = 'x' where id = %s", [member])
        self.conn.commit()
        self.client.cookies.clear()
        answer = self.client.post(f"/sign-in/link/{token}", follow_redirects=False)
        assert answer.status_code == 303, answer.text
        row = self.conn.execute(
            "select csrf_token from session where member_id = %s", [member]
        ).fetchone()
        self.csrf = row[0]
        self.conn.commit()

    def get(self, url: str, status: int = 200) -> str:
        """The page at `url`."""
        answer = self.client.get(url, follow_redirects=False)
        assert answer.status_code == status, f"{url}: {answer.status_code}\n{answer.text[:2000]}"
        return answer.text

    def post(self, url: str, status: int = 303, **fields: object) -> str:
        """Send a form; returns where it leads, or the page when it does not."""
        data = {"csrf": self.csrf} | fields
        answer = self.client.post(url, data=data, follow_redirects=False)
        assert answer.status_code == status, f"{url}: {answer.status_code}\n{answer.text[:2000]}"
        return answer.headers.get("location", "") or answer.text


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    """Boot settings of an installation in a temporary folder."""
    return Settings(data=tmp_path, database_url=dsn)


@pytest.fixture
def desk(settings: Settings, conn: psycopg.Connection) -> Iterator[Desk]:
    """The desk, nobody signed in yet."""
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8080") as client:
        yield Desk(client, conn)
    query.stop_started()


@pytest.fixture
def add_customer(conn: psycopg.Connection) -> Callable[..., int]:
    """Adds one customer with a stage, as Route and Live would leave it."""
    counter = iter(range(1, 10_000))

    def add(name: str = "", stage: str | None = None, *, was: str | None = None, **more) -> int:
        number = next(counter)
        bucket = bucket_of(number)
        traits = ({"name": name} if name else {}) | more.get("traits", {})
        email = traits.get("email")
        since = NOW - timedelta(days=more.get("since", 100))
        conn.execute(
            "insert into customer (bucket, customer_id, traits, first_seen_at, last_seen_at, "
            "created_at, search) values (%s, %s, %s, %s, %s, %s, %s)",
            [bucket, number, Jsonb(traits), since, NOW, since, search_text(traits, email)],
        )
        if not more.get("visitor"):
            conn.execute(
                "insert into identity values ('user', %s, %s, %s, %s)",
                [f"u{number}", bucket, number, NOW],
            )
        if email:
            conn.execute(
                "insert into contact_point values (%s, %s, 'email', %s, %s, '')",
                [bucket, number, email, email.encode()],
            )
        if stage:
            conn.execute(
                "insert into stage (bucket, customer_id, stage, since, previous, cause, repeats, "
                "first_day, last_day, scored_at) "
                "values (%s, %s, %s, %s, %s, 'time', %s, %s, %s, %s)",
                [bucket, number, stage, since, was, more.get("repeats", 3),
                 NOW.date() - timedelta(days=90), NOW.date() - timedelta(days=40), NOW],
            )  # fmt: skip
        conn.commit()
        return number

    return add


def counted_links(html: str) -> list[tuple[int, str]]:
    """(number, address) of every number on the page that links to its list."""
    found = []
    for tag in re.findall(r"<a [^>]*data-count[^>]*>", html):
        url = re.search(r'href="([^"]+)"', tag)[1].replace("&amp;", "&")
        found.append((int(re.search(r'data-count="(\d+)"', tag)[1]), url))
    return found
