"""`dangol segment`: who a condition means, asked from the command line."""

import json
import sys
from typing import Annotated, Any

import msgspec
import typer

from dangol.cli.operate import shared_settings
from dangol.errors import InputError
from dangol.settings import Settings

_segment = typer.Typer(help="Ask who a condition means.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the group to `app`."""
    app.add_typer(_segment, name="segment")


@_segment.command()
def count(
    source: Annotated[str, typer.Argument(help="A JSON file with the condition, or - for stdin.")],
    sample: Annotated[int, typer.Option(min=0, max=1000, help="How many people to show.")] = 10,
    show_sql: Annotated[bool, typer.Option("--sql", help="Show the SQL as well.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count exactly the people for whom a condition is true, and show some of them."""
    found = _count(shared_settings(), _read(source), sample)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, default=str))
        return
    print(f"{found['people']:,} of {found['of']:,}: {found['words']['en']}")
    for person in found["sample"]:
        print(f"  {person['customer_id']}\t{person['name'] or ''}\t{person['email'] or ''}")
    for note in found["never_heard"]:
        print(f"never heard of {note['kind']} “{note['name']}” ({note['path']})", file=sys.stderr)
    if show_sql:
        print(found["sql"])


def _count(settings: Settings, text: bytes, sample: int) -> dict[str, Any]:
    from dangol.engine.query.people import preview_condition
    from dangol.know.segment import parse_json

    answer = preview_condition(settings, parse_json(text), sample)
    return msgspec.to_builtins(answer)


def _read(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read()
    try:
        with open(source, "rb") as file:
            return file.read()
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}.") from None
