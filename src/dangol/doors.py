"""The ports of an installation, and whether they are free. Standard library only.

A web server that shares its port with another one (`SO_REUSEPORT`) starts without a complaint, and
requests reach either of the two; so the ports are looked at before anything is started.
"""

import errno
import os
import socket
import time

from dangol.errors import SettingError

_PORTS = (("DANGOL_PORT", 8080), ("DANGOL_MAIL_PORT", 8025), ("DANGOL_SANDBOX_PORT", 8026))
_STEP_SECONDS = 0.2


def check_doors(host: str, *, patience: float = 8.0) -> None:
    """Return as soon as all ports are free; the parts of an earlier run may need some seconds.

    Raises:
        SettingError: a port is still taken after `patience` seconds; names it and its setting.
    """
    deadline = time.monotonic() + patience
    for name, default in _PORTS:
        port = int(os.environ.get(name) or default)
        where = "127.0.0.1" if name == "DANGOL_SANDBOX_PORT" else host
        while is_taken(where, port):
            if time.monotonic() > deadline:
                raise SettingError(
                    "Port {port} is in use by another program; stop that, or choose another "
                    "port with {setting}.",
                    port=str(port),
                    setting=name,
                )
            time.sleep(_STEP_SECONDS)


def is_taken(host: str, port: int) -> bool:
    """Whether somebody listens on `port` at `host`."""
    for family, kind, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind) as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                door.bind(address)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    return True
    return False
