"""A whole installation doing nothing: how fast it starts, what it costs to leave on.

Memory is the proportional share (PSS) of every process, so that shared pages count once.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

from bench._installation import begin, end
from bench.report import Figure, show
from dangol.settings import temporary

SETTLE_SECONDS = 10.0
WATCH_SECONDS = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Start twice (the first start makes the database), then watch the second one idle."""
    home = temporary("idle")
    home.chmod(0o755)
    try:
        first, seconds = begin(home / "data")
        end(first)
        show(Figure("first start, database made", seconds, "s", higher_is_better=False))
        second, again = begin(home / "data")
        show(Figure("start", again, "s", 5, seconds, "the first start", higher_is_better=False))
        _watch(second)
        end(second)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _watch(process: subprocess.Popen[str]) -> None:
    time.sleep(SETTLE_SECONDS)
    before, begun = _cpu_seconds(_tree(process.pid)), time.monotonic()
    time.sleep(WATCH_SECONDS)
    used = _cpu_seconds(_tree(process.pid)) - before
    share = 100 * used / (time.monotonic() - begun)
    pids = _tree(process.pid)
    memory = {pid: _pss_mb(pid) for pid in pids}
    show(Figure("idle processor", share, "% of a core", 1, higher_is_better=False))
    largest = sorted(memory.items(), key=lambda item: -item[1])[:6]
    note = ", ".join(f"{_name(pid)} {mb:.0f}" for pid, mb in largest)
    show(Figure("idle memory", sum(memory.values()), "MB", 500, higher_is_better=False, note=note))


def _tree(root: int) -> list[int]:
    """`root` and all that descends from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def _cpu_seconds(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15]))  # own and waited-for children's
    return total / _TICKS


def _pss_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    line = next((line for line in text.splitlines() if line.startswith("Pss:")), "Pss: 0 kB")
    return int(line.split()[1]) / 1024


def _name(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "?"
    words = [word for word in text.split(b"\0") if word] or [b"?"]  # a title leaves its rest empty
    return (words[3] if len(words) > 3 else words[0]).decode(errors="replace")[-12:]


if __name__ == "__main__":
    main()
