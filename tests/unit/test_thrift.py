"""What the long-running processes do to be light."""

import subprocess
import sys


def test_a_process_that_froze_what_it_loaded_ends_without_a_word() -> None:
    """DuckDB's types and functions lie in cycles, and it lists those that nobody collected."""
    code = "import duckdb; from dangol.thrift import calm_collector; calm_collector()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""
