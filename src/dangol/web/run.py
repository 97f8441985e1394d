"""The web process: granian serving the application, configured by the environment alone."""

import os

from granian import Granian
from granian.constants import Interfaces

from dangol.settings import Settings


def run_web(settings: Settings) -> None:
    """Serve until told to stop; several processes where `settings.web_workers` says so."""
    os.environ |= {
        "DANGOL_DATABASE_URL": settings.database_url or "",
        "DANGOL_DATA": str(settings.data),
        "DANGOL_HOST": settings.host,
        "DANGOL_PORT": str(settings.port),
    }
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
