"""`dangol backup`, `dangol restore`, `dangol confirm-restore`."""

import datetime as dt
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from dangol.errors import NotFound
from dangol.settings import Settings, find_database_url, load_settings
from dangol.store.journal import Journal, JournalEntry
from dangol.store.pool import connect


def register(app: typer.Typer) -> None:
    """Add this module's commands to `app`."""
    for command in (backup, restore, confirm_restore):
        app.command()(command)


def backup(
    target: Annotated[Path, typer.Argument(help="New file, or a folder to put it in.")],
    data: Annotated[Path | None, typer.Option(help="Folder that keeps everything.")] = None,
) -> None:
    """Write everything into one file: database, history, keys, journal. All may keep running."""
    from dangol.store.backup.making import check_target, make_backup

    settings = load_settings(data=data)
    now = dt.datetime.now(dt.UTC)
    if target.is_dir():
        target = target / f"dangol-{now:%Y%m%d-%H%M%S}.tar"
    if target.exists():
        raise typer.BadParameter(f"{target} exists", param_hint="TARGET")
    check_target(settings, target)
    with running_database(settings) as dsn:
        made = make_backup(settings, dsn, target.absolute(), now)
    print(f"{made.path}: {made.bytes:,} bytes, {made.files} history files")
    print("It holds the keys: whoever can read it can read everything. Keep it safe.")
    for damage in made.damaged:
        print(f"dangol: {damage}", file=sys.stderr)
    if made.damaged:
        print("dangol: Do not delete older backups: they may hold these files.", file=sys.stderr)
        raise typer.Exit(1)


def restore(
    archive: Annotated[Path, typer.Argument(help="A file made by `dangol backup`.")],
    data: Annotated[Path | None, typer.Option(help="New folder to restore into.")] = None,
    journal: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of a later opt-out journal, such as the old data folder's."),
    ] = None,
) -> None:
    """Bring a backup back into a new data folder. Nothing is sent until you confirm it."""
    from dangol.store.backup.restoring import finish_restore, place_backup, unpack_backup

    settings = load_settings(data=data)
    now = dt.datetime.now(dt.UTC)
    later = [entry for folder in journal or [] for entry in _read_journal(folder)]
    header = unpack_backup(archive, settings)
    with own_database(settings) as dsn:
        kept = place_backup(settings, dsn, header, now)
        kept.append(later)
        done = _replay(dsn, kept, now)
    finish_restore(settings)
    print(f"Restored the state of {header.created_at:%Y-%m-%d %H:%M} UTC into {settings.data}.")
    print(f"From the journal: {done.suppressions} opt-outs, {done.erasures} people to erase again.")
    print("Nothing is sent until you run `dangol confirm-restore` or confirm it in the desk.")


def confirm_restore(
    data: Annotated[Path | None, typer.Option(help="Folder that keeps everything.")] = None,
    send_waiting: Annotated[
        bool,
        typer.Option(help="Also send what waited when the backup was made; it may have gone out."),
    ] = False,
) -> None:
    """Let a restored installation send again."""
    from dangol.store.backup.hold import find_hold, release
    from dangol.store.backup.restoring import refuse_unfinished

    settings = load_settings(data=data)
    refuse_unfinished(settings.data)
    now = dt.datetime.now(dt.UTC)
    with running_database(settings) as dsn, connect(dsn, name="restore") as conn:
        if find_hold(conn) is None:
            print("Nothing waits for a confirmation.")
            return
        conn.commit()
        _replay(dsn, Journal(settings.journal_dir), now)
        silenced = release(conn, by="cli", now=now, send_waiting=send_waiting)
    print(f"It may send again; {silenced} messages that waited in the backup stay unsent.")


@contextmanager
def running_database(settings: Settings) -> Iterator[str]:
    """The database of a running installation, or the embedded one, started for the while."""
    url = find_database_url(settings)
    if url and (settings.database_url or _answers(url)):
        yield url
        return
    if not (settings.data / "postgres.password").exists():
        raise NotFound(f"{settings.data} holds no installation; name its folder with --data.")
    with own_database(settings) as dsn:
        yield dsn


@contextmanager
def own_database(settings: Settings) -> Iterator[str]:
    """The database that is set, or the embedded one of the data folder, for us alone."""
    if settings.database_url:
        yield settings.database_url
        return
    from dangol.store.server import EmbeddedServer
    from dangol.supervisor import take_lock

    with take_lock(settings.data, "a command"):
        server = EmbeddedServer(settings.data)
        dsn = server.start()
        try:
            yield dsn
        finally:
            server.stop()


def _replay(dsn: str, journal: Journal, now: dt.datetime):
    from dangol.know.erasure.replay import replay

    with connect(dsn, name="restore") as conn:
        return replay(conn, journal.read().entries, now)


def _read_journal(folder: Path) -> list[JournalEntry]:
    if not any(folder.glob("*.jsonl")):
        raise NotFound(f"{folder} holds no journal.")
    return Journal(folder).read().entries


def _answers(url: str) -> bool:
    try:
        connect(url, name="probe").close()
    except psycopg.OperationalError:
        return False
    return True
