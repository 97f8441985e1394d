"""`python -m bench [NAME …]`: run all measurements, or those named, each in a fresh process."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NOT_MEASUREMENTS = {"__init__", "__main__", "report"}


def main(names: list[str]) -> int:
    """The number of measurements that failed to run."""
    known = sorted(
        path.stem
        for path in HERE.glob("*.py")
        if path.stem not in NOT_MEASUREMENTS and path.stem[0] != "_"
    )
    wrong = [name for name in names if name not in known]
    if wrong:
        print(f"no measurement named {', '.join(wrong)}; there are {', '.join(known)}")
        return 1
    failed = 0
    for name in names or known:
        print(f"— {name}", flush=True)
        failed += (
            subprocess.run([sys.executable, "-m", f"bench.{name}"], cwd=HERE.parent).returncode != 0
        )
    return failed


sys.exit(main(sys.argv[1:]))
