"""`dangol keys`: keys for sending events (track) and for the REST API (api)."""

import datetime as dt
import json
from typing import Annotated

import typer

from dangol.cli.operate import shared_settings
from dangol.store.pool import connect

_keys = typer.Typer(help="Keys for sending events and for the REST API.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the group to `app`."""
    app.add_typer(_keys, name="keys")


@_keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for, such as 'online store'.")],
    scope: Annotated[str, typer.Option(help="track or api.")] = "track",
    origin: Annotated[
        list[str] | None, typer.Option(help="Allow browsers on this origin only; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a key and print it; it is shown this once."""
    from dangol.listen.keys import create_key

    if scope not in ("track", "api"):
        raise typer.BadParameter("takes track or api", param_hint="--scope")
    settings = shared_settings()
    with connect(settings.database_url or "", name="keys") as conn:
        secret = create_key(
            conn, name, scope, origins=origin or [], by="cli", now=dt.datetime.now(dt.UTC)
        )
    print(json.dumps({"name": name, "scope": scope, "key": secret}) if as_json else secret)
