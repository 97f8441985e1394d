"""The command line: `dangol up` for everything, one command for each part and each task."""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from dangol.errors import DangolError
from dangol.settings import load_settings
from dangol.store.files import REFUSALS, storage_error

app = typer.Typer(
    name="dangol",
    help="단골: relationship marketing on your own machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_GROUPS = (
    "operate", "checking", "keys", "door", "rhythm", "segment", "import_", "backup", "upgrade", "practice",
)  # fmt: skip
"""Modules of this package with an `app` (a group) or a `register` function (single commands)."""


@app.command()
def up(
    data: Annotated[Path | None, typer.Option(help="Folder that keeps everything.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    demo: Annotated[
        int | None, typer.Option(help="Open a practice shop with 300 or 5000 customers.")
    ] = None,
) -> None:
    """Start the database, web, engine, dispatcher and post; stop with Ctrl-C."""
    settings = load_settings(data=data, host=host, port=port)
    environment = os.environ | {
        "DANGOL_DATA": str(settings.data),
        "DANGOL_HOST": settings.host,
        "DANGOL_PORT": str(settings.port),
    }
    if demo is not None:
        if demo not in (300, 5000):
            raise typer.BadParameter("takes 300 or 5000", param_hint="--demo")
        environment["DANGOL_DEMO"] = str(demo)
    os.execve(sys.executable, [sys.executable, "-m", "dangol.supervisor"], environment)


def main() -> None:
    """Run a command; a known error is one line on standard error and exit status 1.

    So is what a disk or its rights refuse, wherever that happens.
    """
    for name in _GROUPS:
        import_module(f"dangol.cli.{name}").register(app)
    try:
        app(args=_with_demo_size(sys.argv[1:]))
    except DangolError as error:
        sys.exit(_say(error))
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        sys.exit(_say(storage_error(Path(error.filename or load_settings().data), error)))


def _say(error: DangolError) -> int:
    print(f"dangol: {error}", file=sys.stderr)
    return 1


def _with_demo_size(args: list[str]) -> list[str]:
    """`--demo` alone means 300 customers."""
    out: list[str] = []
    for position, arg in enumerate(args):
        out.append(arg)
        following = args[position + 1] if position + 1 < len(args) else ""
        if arg == "--demo" and not following.isdigit():
            out.append("300")
    return out
