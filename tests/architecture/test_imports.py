"""The packages are stages of one loop, and imports go one way round it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_imports_go_one_way() -> None:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]


def test_the_supervisor_loads_the_standard_library_only() -> None:
    code = (
        "import sys, dangol.supervisor;"
        "print([n for n in sys.modules if n.split('.')[0] not in sys.stdlib_module_names"
        " and n.split('.')[0] not in ('dangol', '__main__') and not n.startswith('__')"
        " and 'site' not in n and 'editable' not in n])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert found.stdout.strip() == "[]", found.stdout + found.stderr
