"""What the desk shows must not load what it does not need: each process imports its own."""

import subprocess
import sys

import pytest

HEAVY = ("pyarrow", "scipy", "duckdb")
SHOWN = [
    "dangol.converse.thread",
    "dangol.converse.sandbox",
    "dangol.know.rhythm.explain",
    "dangol.know.rhythm.lookup",
]


@pytest.mark.parametrize("module", SHOWN)
def test_it_is_light(module: str) -> None:
    code = f"import {module}, sys; print([one for one in {HEAVY} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
