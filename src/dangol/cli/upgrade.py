"""`dangol upgrade`: the embedded database to the PostgreSQL of this version."""

from pathlib import Path
from typing import Annotated

import typer

from dangol.errors import NotFound, SettingError
from dangol.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add this module's command to `app`."""
    app.command()(upgrade)


def upgrade(
    data: Annotated[Path | None, typer.Option(help="Folder that keeps everything.")] = None,
    old_server: Annotated[
        Path | None,
        typer.Option(help="Folder of the PostgreSQL that made the database, if it is not found."),
    ] = None,
    remove_old: Annotated[
        bool, typer.Option("--remove-old", help="Only remove the database kept by an upgrade.")
    ] = False,
) -> None:
    """Move the embedded database to this version's PostgreSQL. Stop `dangol up` first."""
    from dangol.store.upgrade import remove_kept
    from dangol.store.upgrade import upgrade as move
    from dangol.supervisor import take_lock

    settings = load_settings(data=data)
    if settings.database_url:
        raise SettingError(
            "DANGOL_DATABASE_URL names a server of your own; upgrade it by its own means."
        )
    if not (settings.data / "postgres.password").exists():
        raise NotFound(f"{settings.data} holds no installation; name its folder with --data.")
    with take_lock(settings.data, "dangol upgrade"):
        if remove_old:
            remove_kept(settings.data, _say)
        else:
            move(settings.data, _say, old_server=old_server)


def _say(line: str) -> None:
    print(line, flush=True)
