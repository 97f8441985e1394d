"""`python -m bench [NAME …] [--write FILE.md]`: run all measurements, or those named.

Each runs in a fresh process. With `--write` the figures also become a table in Markdown.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NOT_MEASUREMENTS = {"__init__", "__main__", "report"}


def main(args: list[str]) -> int:
    """The number of measurements that failed to run."""
    target = Path(args[args.index("--write") + 1]) if "--write" in args else None
    names = args[: args.index("--write")] if target else args
    known = sorted(
        path.stem
        for path in HERE.glob("*.py")
        if path.stem not in NOT_MEASUREMENTS and path.stem[0] != "_"
    )
    wrong = [name for name in names if name not in known]
    if wrong:
        print(f"no measurement named {', '.join(wrong)}; there are {', '.join(known)}")
        return 1
    failed, rows = 0, []
    for name in names or known:
        status, figures = _run(name)
        failed += status != 0
        rows += [(name, figure) for figure in figures]
    if target:
        target.write_text(_page(rows), encoding="utf-8")
    return failed


def _run(name: str) -> tuple[int, list[dict[str, Any]]]:
    print(f"— {name}", flush=True)
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as collected:
        environment = os.environ | {"DANGOL_BENCH_JSON": collected.name}
        command = [sys.executable, "-m", f"bench.{name}"]
        status = subprocess.run(command, cwd=HERE.parent, env=environment).returncode
        return status, [json.loads(line) for line in collected]


def _page(rows: list[tuple[str, dict[str, Any]]]) -> str:
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`, which runs `python -m bench --write docs/benchmarks.md`; one",
        "measurement alone is `python -m bench NAME`. Machines differ and drift, so each figure",
        "stands beside a baseline measured in the same run: the ratio is what to compare.",
        "",
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, everything on the loopback address of one machine.",
        "",
        "| measurement | what | figure | budget | ratio to the baseline |",
        "|---|---|---:|---:|---|",
    ]
    lines += [_line(name, figure) for name, figure in rows]
    return "\n".join(lines) + "\n"


def _line(name: str, figure: dict[str, Any]) -> str:
    budget = ratio = "–"
    if figure["budget"] is not None:
        sign = "≥" if figure["higher_is_better"] else "≤"
        budget = f"{sign} {_number(figure['budget'])}"
        budget += "" if figure["meets_budget"] else " **missed**"
    if figure["ratio"] is not None:
        ratio = f"{figure['ratio']:,.1f}× {figure['baseline_name']}"
        ratio += f" ({_number(figure['baseline'])})"
    what = figure["name"] + (f" ({figure['note']})" if figure["note"] else "")
    return (
        f"| `{name}` | {what} | {_number(figure['value'])} {figure['unit']} | {budget} | {ratio} |"
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.3g}"


sys.exit(main(sys.argv[1:]))
