"""What processes cost: CPU seconds and the most memory they had, as the kernel counts them."""

import os
from pathlib import Path

from bench.report import Figure, show
from dangol.settings import Settings

_TICK = os.sysconf("SC_CLK_TCK")
MOST_MB = 1_500
"""DESIGN 8: a process has at most so much under load."""


def postmaster_of(settings: Settings) -> int:
    """The process of the embedded server."""
    (found,) = (settings.data / "postgres").rglob("postmaster.pid")
    return int(found.read_text().split()[0])


def server_cpu(postmaster: int) -> float:
    """CPU seconds of PostgreSQL until now: its living processes, and those that have ended."""
    ended = _times(postmaster)[2:4]
    living = [_times(pid)[:2] for pid in (postmaster, *_children(postmaster))]
    return (sum(ended) + sum(sum(times) for times in living)) / _TICK


def forget_peak() -> None:
    """From here on the most memory of this process is counted anew."""
    Path("/proc/self/clear_refs").write_text("5")


def show_memory(what: str, postmaster: int, note: str) -> None:
    """Print the most memory this process had, and the largest process of PostgreSQL."""
    own, mapped = _peak(os.getpid()), _status(os.getpid(), "RssFile")
    named = f"{note}; {mapped:,} MB of what it has now are files that the kernel may page out"
    _show_peak(f"{what}: memory of this process at most", own, named)
    largest = max(_peak(pid) for pid in (postmaster, *_children(postmaster)))
    shared = "shared buffers counted in"
    _show_peak(f"{what}: memory of the largest process of PostgreSQL", largest, shared)


def _show_peak(name: str, peak: int, note: str) -> None:
    show(Figure(name, peak, "MB", budget=MOST_MB, higher_is_better=False, note=note))


def _peak(pid: int) -> int:
    return _status(pid, "VmHWM")


def _status(pid: int, field: str) -> int:
    """A line of the process's status in MB; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith(field)), 0)


def _times(pid: int) -> list[int]:
    """utime, stime, cutime and cstime in ticks; nothing when it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return [0, 0, 0, 0]
    return [int(field) for field in text.rpartition(")")[2].split()[11:15]]


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
