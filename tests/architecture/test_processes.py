"""What each process loads: memory and start-up of one are not to be paid by another."""

import subprocess
import sys

import pytest

HEAVY = ("duckdb", "pyarrow", "scipy")
PROCESSES = {
    "web": (
        "from dangol.settings import Settings; from dangol.web.app import create_app; "
        "create_app(Settings(database_url='postgresql:///none'))",
        HEAVY,
    ),
    "web, the process that watches": (
        "import dangol.web.run",
        (*HEAVY, "litestar", "psycopg", "numpy", "jinja2", "dangol.web.app"),
    ),
    "engine": (
        "from dangol.thrift import forgo_colours; forgo_colours(); import dangol.engine.workers",
        ("scipy.optimize", "litestar", "granian", "pygments"),
    ),
    "dispatch": (
        "from dangol.thrift import forgo_colours; forgo_colours(); "
        "import dangol.converse.answering, dangol.speak.dispatch",
        (*HEAVY, "litestar", "granian", "pygments"),
    ),
    "post": (
        "from dangol.thrift import forgo_colours; forgo_colours(); import dangol.converse.post",
        (*HEAVY, "litestar", "granian", "pygments", "liquid"),
    ),
    "supervisor": (
        "import dangol.supervisor",
        (*HEAVY, "psycopg", "litestar", "granian", "numpy", "msgspec"),
    ),
}
"""Name of the process: what makes it load everything, and what must not come along."""


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_loads_only_its_own(process: str) -> None:
    code, forbidden = PROCESSES[process]
    asked = f"{code}; import sys; print([one for one in {forbidden} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"
