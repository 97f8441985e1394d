"""`dangol door`: a way in for a member of the team who cannot sign in any more."""

import datetime as dt
from typing import Annotated

import typer

from dangol.cli.operate import shared_settings
from dangol.store.pool import connect


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(door)


def door(
    email: Annotated[
        str | None, typer.Argument(help="Whose; the first owner's where none is named.")
    ] = None,
) -> None:
    """Print a link that signs one member of the team in, once and within an hour."""
    from dangol.web.signin.members import find_door
    from dangol.web.signin.service import create_login_link, record, sign_in_url

    settings, now = shared_settings(), dt.datetime.now(dt.UTC)
    with connect(settings.database_url or "", name="door") as conn:
        member = find_door(conn, email)
        token = create_login_link(conn, member["id"], now)
        record(conn, "cli", "link_created", member["email"], now)
    print(sign_in_url(f"http://{settings.host}:{settings.port}", token))
