"""What a disk or its rights refuse is one line that says what to do, and the command ends with 1.

One process tries everything as an ordinary user would: run as root, it gives up root's leave to
pass over rights; so what is not its own is not its to read.
"""

import ctypes
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dangol.store.files import storage_error

_TRY = """
import contextlib, io, json, os, sys
from dangol import supervisor
from dangol.cli import main

def attempt(folder, *args):
    os.environ["DANGOL_DATA"] = folder
    sys.argv = ["dangol", *args]
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        try:
            code = main() if args else supervisor.main()
        except SystemExit as ended:
            code = ended.code
    return [code, out.getvalue()]

print(json.dumps([attempt(*case) for case in json.loads(sys.argv[1])]))
"""
_OTHER = 65534
_PASS_OVER_RIGHTS = (0, 1, 2, 3)
"""CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER."""


def forgo_privileges() -> None:
    """Before a program starts: as root, without the leave to pass over rights."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None)
        for capability in _PASS_OVER_RIGHTS:
            libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def attempt(*cases: list[object]) -> list[tuple[int, str]]:
    """Status and words of each: a data folder, and a command; without one, `dangol up`."""
    given = json.dumps([[str(part) for part in case] for case in cases])
    done = subprocess.run(
        [sys.executable, "-c", _TRY, given],
        env=os.environ | {"DANGOL_DATABASE_URL": ""},
        preexec_fn=forgo_privileges,
        capture_output=True,
        text=True,
        check=True,
    )
    return [(code, said.strip()) for code, said in json.loads(done.stdout)]


def test_each_refusal_says_what_to_do(tmp_path: Path) -> None:
    locked, file, whole = tmp_path / "locked", tmp_path / "file", tmp_path / "whole"
    locked.mkdir(mode=0o500)
    file.write_text("no folder")
    whole.mkdir()
    (whole / "keyring.json").touch(mode=0)
    (whole / "run").mkdir()
    (whole / "run" / "database_url").touch(mode=0)
    said = attempt(
        [locked],
        [file],
        [whole, "check"],
        [whole, "backup", locked],
        [whole, "backup", tmp_path / "none" / "b.tar"],
        [whole, "backup", whole / "run"],
        [whole, "backup", whole / "b.tar"],
        [locked / "inner", "restore", file],
    )
    locked.chmod(0o700)
    assert [code for code, _ in said] == [1] * len(said), said
    up, no_folder, checked, unwritable, missing, inside, also_inside, restored = (
        words for _, words in said
    )
    assert up.endswith(f"may not use {locked}. Change its rights: chmod -R u+rwX {locked}")
    assert f"{file} is no folder" in no_folder
    assert f"FAIL  keyring: {_me()} may not use {whole / 'keyring.json'}. Change" in checked
    assert f"FAIL  database: {_me()} may not use {whole / 'run' / 'database_url'}. " in checked
    assert unwritable.endswith(f"chmod -R u+rwX {locked}")
    assert missing == f"dangol: There is no folder {tmp_path / 'none'}; make it first."
    assert "is inside the data folder" in inside
    assert "is inside the data folder" in also_inside
    assert "is no backup of Dangol" in restored
    assert all(words.count("dangol: ") == 1 for words in (up, no_folder, unwritable))
    assert list(locked.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder that is another's")
def test_a_folder_of_another_run_names_its_owner(tmp_path: Path) -> None:
    others = tmp_path / "data"
    others.mkdir(mode=0o700)
    os.chown(others, _OTHER, -1)
    owner = "nobody"
    (up, checked) = attempt([others], [others, "check"])
    assert up == (
        1,
        f"dangol: root may not use {others}: it belongs to {owner}. Run this as {owner}, or hand "
        f"it over: sudo chown -R root {others}",
    )
    assert checked[0] == 1
    assert f"FAIL  keyring: root may not use {others}: it belongs to {owner}" in checked[1]


def test_a_read_only_file_system_and_a_full_one_are_named(tmp_path: Path) -> None:
    for number, words in (
        (errno.EROFS, "read-only file system"),
        (errno.ENOSPC, "The disk is full"),
        (errno.EDQUOT, "The disk is full"),
        (errno.EIO, "could not be written"),
    ):
        said = str(storage_error(tmp_path, OSError(number, os.strerror(number))))
        assert words in said
        assert str(tmp_path) in said


def _me() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name
