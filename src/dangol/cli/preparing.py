"""What must be true before the parts start: the schema, the leases, a first owner."""

import datetime as dt

from dangol.engine.jobs import enqueue
from dangol.engine.leases import ensure_leases
from dangol.know.giving.fans import ensure_fans
from dangol.settings import Settings
from dangol.store.backup.restoring import refuse_unfinished
from dangol.store.brand import read_brand
from dangol.store.keyring import bind_keyring, load_keyring
from dangol.store.migrate import migrate
from dangol.store.pool import connect
from dangol.web.signin.service import create_login_link, ensure_first_owner


def prepare(settings: Settings, *, demo: int | None, now: dt.datetime) -> dict[str, str]:
    """Make the installation ready and return what to tell: `login`, a path, on the first start.

    `demo` opens a practice shop of that many customers when there are no customers yet.
    Safe to run at every start.

    Raises:
        Refused: a restore into the folder was interrupted.
        KeyringError: the keyring is damaged, or not that of the database.
    """
    refuse_unfinished(settings.data)
    for folder in (settings.lake_dir, settings.journal_dir, settings.temp_dir):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ring = load_keyring(settings.keyring_path)
    dsn = settings.database_url or ""
    with connect(dsn, name="prepare", autocommit=True) as conn:
        migrate(conn)
    said: dict[str, str] = {}
    with connect(dsn, name="prepare") as conn:
        bind_keyring(conn, ring)
        ensure_leases(conn, settings.partitions)
        ensure_fans(conn, read_brand(conn).locale, now)
        owner = ensure_first_owner(conn, now)
        if owner is not None and not _has_signed_in(conn):
            said["login"] = f"/sign-in/link/{create_login_link(conn, owner, now)}"
        if demo is not None and _is_empty(conn):
            enqueue(conn, "practice", {"customers": demo}, by="system", now=now)
    return said


def _has_signed_in(conn) -> bool:
    return conn.execute("select exists (select from session)").fetchone()[0]


def _is_empty(conn) -> bool:
    query = (
        "select not exists (select from customer) and "
        "not exists (select from job where kind = 'practice')"
    )
    return conn.execute(query).fetchone()[0]
