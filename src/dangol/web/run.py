"""The web process: granian serving the application, configured by the environment alone.

What granian runs in is not what answers: it only watches the processes that do. So this module
loads nothing of the application, and `dangol web` becomes it rather than calling it.
"""

import os
import sys
from typing import NoReturn

from granian import Granian
from granian.constants import Interfaces

from dangol.settings import Settings, load_settings
from dangol.thrift import forgo_colours


def run_web(settings: Settings) -> None:
    """Serve until told to stop; several processes where `settings.web_workers` says so."""
    os.environ |= _environment(settings)
    Granian(
        "dangol.web.app:app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.web_workers,
        factory=True,
        respawn_failed_workers=True,
        backlog=1024,
        log_level="warning",
        websockets=False,
    ).serve()


def become_web(settings: Settings) -> NoReturn:
    """End what this process is and serve in its place, with the memory of a fresh start."""
    command = [sys.executable, "-m", "dangol.web.run"]
    os.execve(sys.executable, command, os.environ | _environment(settings))


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "DANGOL_DATABASE_URL": settings.database_url or "",
        "DANGOL_DATA": str(settings.data),
        "DANGOL_HOST": settings.host,
        "DANGOL_PORT": str(settings.port),
    }


if __name__ == "__main__":
    forgo_colours()
    run_web(load_settings())
