"""As whom the embedded server runs: as ourselves, or as an account of its own when we are root."""

import ctypes
import os
import pwd
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from dangol.errors import ServerError

ROOT_HOME = Path("/var/lib/dangol")
"""Where the server's files go when its account cannot get to where they were asked for."""

_ACCOUNT = "dangol"


class Account(NamedTuple):
    """The ids to run the server as; both None when we are an ordinary user ourselves."""

    uid: int | None
    gid: int | None

    def own(self, path: Path) -> None:
        """Give `path` to the account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def can_enter(self, path: Path) -> bool:
        """Whether the account may pass through every folder down to `path` (missing ones are ours)."""
        if self.uid is None:
            return True
        folders = [path, *path.parents]
        return all(folder.stat().st_mode & 0o001 for folder in folders if folder.exists())

    def drop_rights(self, *, die_with_parent: bool) -> Callable[[], None]:
        """What a child calls before its program starts, to be the account from then on."""
        uid, gid = self
        libc = ctypes.CDLL(None, use_errno=True)

        def drop() -> None:
            os.umask(0o077)
            if uid is not None and gid is not None:
                os.setgroups([])
                os.setgid(gid)
                os.setuid(uid)
            if die_with_parent:
                libc.prctl(1, signal.SIGINT, 0, 0, 0)  # PR_SET_PDEATHSIG: fast shutdown

        return drop


def find_account() -> Account:
    """Who the server is to run as; as root its account is made where there is none.

    Raises:
        ServerError: the account could not be made.
    """
    if os.geteuid() != 0:
        return Account(None, None)
    try:
        entry = pwd.getpwnam(_ACCOUNT)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        made = subprocess.run([*command, _ACCOUNT], capture_output=True, text=True)
        if made.returncode not in (0, 9):
            raise ServerError(
                "PostgreSQL refuses to run as root and the account "
                f"{_ACCOUNT!r} could not be created: {made.stderr.strip()}"
            ) from None
        entry = pwd.getpwnam(_ACCOUNT)
    return Account(entry.pw_uid, entry.pw_gid)


def clean_environment() -> dict[str, str]:
    """What PostgreSQL's programs see of our environment: nothing that changes what they do."""
    kept = {key: os.environ[key] for key in ("PATH", "TMPDIR") if key in os.environ}
    return kept | {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
