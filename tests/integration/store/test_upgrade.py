"""The embedded database from a real PostgreSQL 16 to this version's, killed on the way and not.

The wheel brings the binaries of 16 beside those that we use.
"""

import datetime as dt
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from dangol.errors import NotFound, Refused, SchemaMismatch, ServerError, StorageError
from dangol.store import binaries
from dangol.store.binaries import MAJOR, find_older, name_wheel, own_binaries
from dangol.store.migrate import migrate
from dangol.store.pool import connect
from dangol.store.rights import clean_environment, find_account
from dangol.store.server import EmbeddedServer
from dangol.store.upgrade import upgrade
from dangol.store.upgrade.comparing import SQL, compare
from dangol.supervisor import take_lock

from .lake.history import append, fact

OLD = 16
NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def made_by_16() -> Iterator[tuple[Path, dict[str, list[str]]]]:
    """The folder of a shop that PostgreSQL 16 keeps, stopped, and every row of its tables."""
    home = new_folder()
    (home / "postgres.password").write_text("a-password\n")
    folder = home / "postgres"
    folder.mkdir(mode=0o700)
    account = find_account()
    account.own(folder)
    given = folder / "given"
    given.write_text("a-password\n")
    account.own(given)
    old = find_older(OLD, None, None)
    subprocess.run(
        [old.folder / "initdb", "-D", folder / "data", "-U", "dangol", "--pwfile", given]
        + ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
        check=True,
        capture_output=True,
        cwd=folder,
        env=clean_environment(),
        preexec_fn=account.drop_rights(die_with_parent=True),
    )
    given.unlink()
    server = EmbeddedServer(home, binaries=old, settings={"listen_addresses": "", "fsync": "off"})
    dsn = server.start()
    try:
        with connect(dsn, name="test", autocommit=True) as conn:
            migrate(conn)
            assert conn.info.server_version // 10_000 == OLD
            fill(conn)
            rows = read_rows(conn)
    finally:
        server.stop()
    yield home, rows
    shutil.rmtree(home)


def new_folder() -> Path:
    """In memory where there is room: what a test throws away need not reach the disk."""
    memory = Path("/dev/shm")
    has_room = memory.is_dir() and shutil.disk_usage(memory).free > 2 << 30
    folder = Path(mkdtemp(prefix="dangol-upgrade-", dir=memory if has_room else None))
    folder.chmod(0o755)
    return folder


def fill(conn: psycopg.Connection) -> None:
    """Events, money, Korean, bytes, a counter that was used."""
    append(
        conn,
        [
            fact(
                n,
                props='{"품목": "원두 \\\\ 200g\\n\\t\\"단골\\" 🌱", "revenue": 12345678901234567890.12}',
            )
            for n in range(2000)
        ],
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into intake (received_at, kind, source, body) values (%s, 'track', 'k', %s)",
            [(NOW, bytes(range(256)) * (n % 3)) for n in range(100)],
        )
        cursor.executemany(
            "insert into customer (bucket, customer_id, traits, first_seen_at, last_seen_at, "
            "created_at, search) values (%s, %s, %s, %s, %s, %s, %s)",
            [
                (n % 1024, n, Jsonb({"이름": "김\u0001단골", "n": n}), NOW, NOW, NOW, "ㄱㄷㄱ\\N")
                for n in range(2000)
            ],
        )


def read_rows(conn: psycopg.Connection) -> dict[str, list[str]]:
    """Every row of every table as text, in an order of its own."""
    found = {}
    for schema, table in conn.execute(SQL.list_tables).fetchall():
        name = sql.Identifier(schema, table)
        text = sql.SQL('select t::text from {} t order by t::text collate "C"').format(name)
        found[table] = [row[0] for row in conn.execute(text)]
    return found


@pytest.fixture
def shop(made_by_16: tuple[Path, dict[str, list[str]]]) -> Iterator[Path]:
    """A copy of that folder."""
    home = new_folder()
    subprocess.run(["cp", "-a", f"{made_by_16[0]}/.", home], check=True)
    yield home
    shutil.rmtree(home)


def dangol(home: Path, *args: object, succeeds: bool = True) -> str:
    """Run the command line on `home`; what it printed."""
    command = [sys.executable, "-m", "dangol.cli", *map(str, args), "--data", str(home)]
    environment = {key: value for key, value in os.environ.items() if key[:7] != "DANGOL_"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode == 0) == succeeds, done.stdout + done.stderr
    return done.stdout + done.stderr


def rows_of_today(home: Path) -> dict[str, list[str]]:
    """What this version's server finds, started as `dangol up` starts it."""
    server = EmbeddedServer(home)
    try:
        with connect(server.start(), name="test") as conn:
            assert conn.info.server_version // 10_000 == MAJOR
            next_id = conn.execute(
                "insert into intake (received_at, kind, source, body) "
                "values (now(), 'track', 'k', '') returning id"
            ).fetchone()[0]
            assert next_id == 101
            conn.rollback()
            return read_rows(conn)
    finally:
        server.stop()


_KILLED = """
import os, signal, sys
from pathlib import Path
from dangol.store import swap
from dangol.store.upgrade import upgrade
home, where = Path(sys.argv[1]), sys.argv[2]
renames = []
really = swap._rename
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def rename(source, target):
    really(source, target)
    renames.append(source)
    if where == f"rename {len(renames)}":
        die()
swap._rename = rename
upgrade(home, lambda line: die() if line.startswith(where) else None)
"""


def upgrade_killed_at(where: str, home: Path) -> set[str]:
    """Start an upgrade, kill it there without a warning; the databases that are left."""
    command = [sys.executable, "-c", _KILLED, home, where]
    killed = subprocess.run(command, capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    return databases(home)


def databases(home: Path) -> set[str]:
    return {path.name for path in (home / "postgres").glob("data*")}


def test_every_row_comes_over_however_often_it_was_killed_before(
    shop: Path, made_by_16: tuple[Path, dict[str, list[str]]]
) -> None:
    with pytest.raises(SchemaMismatch, match=f"run `dangol upgrade --data {shop}`"):
        EmbeddedServer(shop).start()
    assert upgrade_killed_at("Moving", shop) == {"data", "data.new"}
    assert upgrade_killed_at("rename 1", shop) == {"data", "data.ready"}
    said = dangol(shop, "upgrade")
    assert "PostgreSQL 16 → 18" in said
    assert f"{sum(map(len, made_by_16[1].values())):,} rows" in said
    assert rows_of_today(shop) == made_by_16[1]
    assert databases(shop) == {"data", "data.old-16"}
    assert EmbeddedServer(shop).find_wheel() == name_wheel()
    assert "already" in dangol(shop, "upgrade")
    assert "Removed" in dangol(shop, "upgrade", "--remove-old")
    assert databases(shop) == {"data"}


def test_what_fails_leaves_the_old_one_and_what_is_killed_at_last_is_finished_by_the_next_start(
    shop: Path, made_by_16: tuple[Path, dict[str, list[str]]]
) -> None:
    def run_out(line: str) -> None:
        if line.startswith("Moved"):
            raise OSError("the terminal is gone")

    with pytest.raises(OSError, match="terminal"):
        upgrade(shop, run_out)
    assert databases(shop) == {"data"}
    assert upgrade_killed_at("rename 2", shop) == {"data.ready", "data.old-16"}
    assert rows_of_today(shop) == made_by_16[1]
    assert databases(shop) == {"data", "data.old-16"}


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A folder that looks like an installation."""
    (tmp_path / "postgres.password").write_text("p\n")
    return tmp_path


@pytest.fixture
def root(empty: Path) -> Iterator[Path]:
    """The server's own folder of `empty`, with what looks like a database of PostgreSQL 16."""
    root = EmbeddedServer(empty).root
    (root / "data").mkdir()
    (root / "data" / "PG_VERSION").write_text("16\n")
    yield root
    shutil.rmtree(root)


def test_little_room_is_refused(empty: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100 << 20))
    with pytest.raises(StorageError, match="make room"):
        upgrade(empty, print)
    assert {path.name for path in root.iterdir()} == {"data"}


def test_an_earlier_upgrade_is_not_overwritten(empty: Path, root: Path) -> None:
    (root / "data.old-16").mkdir()
    with pytest.raises(Refused, match="--remove-old"):
        upgrade(empty, print)


def test_a_folder_in_use_is_refused(empty: Path) -> None:
    with take_lock(empty, "http://127.0.0.1:8080"):
        assert "in use by" in dangol(empty, "upgrade", succeeds=False)


def test_a_newer_folder_is_refused(empty: Path, root: Path) -> None:
    (root / "data" / "PG_VERSION").write_text("99\n")
    for refused in (lambda: upgrade(empty, print), EmbeddedServer(empty).start):
        with pytest.raises(SchemaMismatch, match="newer version of Dangol"):
            refused()


def test_a_damaged_database_is_left_alone(empty: Path, root: Path) -> None:
    (root / "data" / "PG_VERSION").write_text("")
    for refused in (lambda: upgrade(empty, print), EmbeddedServer(empty).start):
        with pytest.raises(ServerError, match="restore a backup"):
            refused()


def test_a_missing_database_is_not_replaced_by_an_empty_one(empty: Path, root: Path) -> None:
    (root / "data").rename(root / "data.old-16")
    for refused in (lambda: upgrade(empty, print), EmbeddedServer(empty).start):
        with pytest.raises(ServerError, match="rename it"):
            refused()
    shutil.rmtree(root / "data.old-16")
    with pytest.raises(NotFound, match="no database"):
        upgrade(empty, print)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """After it is called, no server but our own is where one is looked for."""
    wheel = tmp_path / "wheel"
    (wheel / f"pginstall{MAJOR}").mkdir(parents=True)
    (wheel / f"pginstall{MAJOR}" / "bin").symlink_to(own_binaries().folder)

    def go() -> None:
        monkeypatch.setattr(binaries, "_wheel", lambda: wheel)
        monkeypatch.setattr(binaries, "_SYSTEM", ())

    return go


def test_without_the_old_server_it_says_how_to_bring_it(
    elsewhere: Callable[[], None], tmp_path: Path
) -> None:
    known = find_older(OLD, None, None)
    elsewhere()
    with pytest.raises(NotFound, match=r"--target postgresql-16 some-wheel==1\.2"):
        find_older(OLD, None, "some-wheel==1.2")
    with pytest.raises(NotFound, match="Install PostgreSQL 16"):
        find_older(OLD, None, None)
    with pytest.raises(NotFound, match="in /"):
        find_older(OLD, own_binaries().folder, None)
    brought = tmp_path / "postgresql-16" / "some_wheel"
    brought.mkdir(parents=True)
    (brought / "pginstall").symlink_to(known.folder.parent)
    for given in (brought.parent, known.folder, known.folder.parent):
        assert find_older(OLD, given, None).folder == known.folder


def test_a_difference_is_noticed(dsn: str) -> None:
    with connect(dsn, name="test", autocommit=True) as conn:
        name = conn.info.dbname
        copy = f"{name}_copy"
    admin = dsn.replace(f"/{name}?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as other:
        other.execute(f"create database {copy} template {name}")
        try:
            assert compare(dsn, dsn.replace(name, copy)).migrations
            with connect(dsn, name="test") as conn:
                conn.execute(
                    "insert into intake (received_at, kind, source, body) values (now(), 'x', 'x', '')"
                )
            with pytest.raises(ServerError, match=r"public.intake: 1 became 0; public.intake_id"):
                compare(dsn, dsn.replace(name, copy))
        finally:
            other.execute(f"drop database {copy} with (force)")
