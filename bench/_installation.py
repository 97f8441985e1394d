"""A whole installation as `dangol up` starts it, for measurements."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PORT = 18431


def begin(data: Path) -> tuple[subprocess.Popen[str], float]:
    """The supervisor of an installation on `data` that answers at `PORT`, and the seconds it took."""
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "dangol.cli", "up", "--data", data, "--port", str(PORT)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"DANGOL_MAIL_PORT": "18432", "DANGOL_SANDBOX_PORT": "18433"},
    )
    for line in process.stdout or ():
        if line.startswith("ready"):
            return process, time.monotonic() - begun
    raise RuntimeError("it did not start")


def end(process: subprocess.Popen[str]) -> None:
    """Stop it and wait until nothing is left."""
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
