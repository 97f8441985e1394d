"""Commands of the one who runs it: the parts by themselves, and `migrate`."""

import datetime as dt
import json
import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer
from msgspec.structs import replace

from dangol.errors import SettingError
from dangol.settings import Settings, find_database_url, load_settings
from dangol.thrift import calm_collector, forgo_colours


def register(app: typer.Typer) -> None:
    """Add this module's commands to `app`."""
    for command in (web, engine, dispatch, post, migrate):
        app.command()(command)
    app.command(hidden=True)(prepare)


def web(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Answer pages, desk and APIs against the database of DANGOL_DATABASE_URL."""
    from dangol.web.run import become_web

    settings = shared_settings(host=host, port=port)
    _refuse_other_keyring(settings)
    become_web(settings)


def engine() -> None:
    """Route, apply, move and schedule; run as many of these as you like."""
    forgo_colours()
    from dangol.engine.workers import run_engine

    _until_signal(run_engine)


def dispatch() -> None:
    """Hand messages over to the providers; run as many of these as you like."""
    forgo_colours()
    from dangol.converse.answering import render_answers
    from dangol.speak.dispatch import run_dispatch

    # speak must not know converse: who writes an answer is handed in here
    _until_signal(
        partial(run_dispatch, renderers={"answer": render_answers, "personal": render_answers})
    )


def post() -> None:
    """Receive answers by SMTP or IMAP, and keep the sandbox mailbox."""
    forgo_colours()
    from dangol.converse.post import run_post

    _until_signal(run_post)


def migrate() -> None:
    """Make a shared database ready: this version's schema, partitions, a first owner.

    Needed once before `dangol web`, `engine`, `dispatch` and `post` join a database of your own;
    `dangol up` does it at every start.
    """
    from dangol.cli.preparing import prepare as make_ready

    said = make_ready(shared_settings(), demo=None, now=dt.datetime.now(dt.UTC))
    print("ready" + (f"; sign in once at {said['login']} of your web address" if said else ""))


def prepare() -> None:
    """Migrate and make the first owner; the last line printed is JSON for the supervisor."""
    from dangol.cli.preparing import prepare as make_ready

    demo = os.environ.get("DANGOL_DEMO")
    said = make_ready(
        shared_settings(), demo=int(demo) if demo else None, now=dt.datetime.now(dt.UTC)
    )
    print(json.dumps(said))


def shared_settings(**given: object) -> Settings:
    """The settings of a command that joins a running installation, its database filled in.

    Raises:
        SettingError: no database is named and no `dangol up` runs on the data folder.
    """
    settings = load_settings(**given)
    url = find_database_url(settings)
    if url is None:
        raise SettingError(
            "Nothing runs on {folder}: start `dangol up`, name its folder with DANGOL_DATA, "
            "or set DANGOL_DATABASE_URL.",
            folder=settings.data,
        )
    return replace(settings, database_url=url)


def _until_signal(run: Callable[[Settings, threading.Event], None]) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = shared_settings()
    _refuse_other_keyring(settings)
    calm_collector()
    run(settings, stop)


def _refuse_other_keyring(settings: Settings) -> None:
    """A part on another machine, or beside a lost file, must not begin with keys of its own."""
    import psycopg

    from dangol.store.keyring import check_keyring, load_keyring
    from dangol.store.pool import connect

    try:
        with connect(settings.database_url or "", name="keyring") as conn:
            check_keyring(conn, load_keyring(settings.keyring_path))
    except psycopg.Error:
        return  # away, or not made ready yet: the part itself says so, and waits
