"""What the documents say is there: links, commands with their options, settings, addresses."""

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import msgspec
import pytest
import typer.core

from dangol import cli
from dangol.settings import Settings
from dangol.web.api import CALLS
from dangol.web.app import create_app
from dangol.web.pages import ROUTES as PAGES

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_LINK = re.compile(r"(?<!\\)\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"")
_CODE = re.compile(r"`(dangol [^`\n]+)`|^\s*(?:\$ )?(dangol [^\n]+)$", re.MULTILINE)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document: Path) -> None:
    for found in _LINK.findall(document.read_text()):
        target, _, heading = (found[0] or found[1]).partition("#")
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path = (document.parent / target).resolve() if target else document
        assert path.exists(), f"{target} does not exist"
        assert not heading or heading in headings(path), f"{target} has no heading {heading}"


def headings(path: Path) -> set[str]:
    """The addresses of a document's headings, as code forges make them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands_shown() -> Iterator[tuple[str, str]]:
    for document in DOCUMENTS:
        for inline, line in _CODE.findall(document.read_text()):
            yield name_of(document), (inline or line).split("#")[0].strip()


@pytest.fixture(scope="module")
def command() -> typer.core.TyperGroup:
    for name in cli._GROUPS:
        import_module(f"dangol.cli.{name}").register(cli.app)
    return typer.main.get_command(cli.app)


@pytest.mark.parametrize(("document", "line"), sorted(set(commands_shown())))
def test_commands_exist_with_their_options(
    command: typer.core.TyperGroup, document: str, line: str
) -> None:
    found, words = command, shlex.split(line)[1:]
    while words and hasattr(found, "commands"):
        assert words[0] in found.commands, f"{document}: there is no command {words[0]!r}"
        found = found.commands[words.pop(0)]
    known = {option for one in found.params for option in one.opts}
    used = {word.split("=")[0] for word in words if re.match(r"--[a-z]", word)}
    assert used <= known, f"{document}: {line}"


def test_settings_are_described_with_their_defaults() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text()
    rows = dict(re.findall(r"^\| `(DANGOL_\w+)`[^|]*\| ([^|]+) \|", text, re.MULTILINE))
    fields = {f"DANGOL_{one.name.upper()}": one for one in msgspec.structs.fields(Settings)}
    assert rows.keys() == fields.keys()
    for name, field in fields.items():
        if field.default is not None:
            assert str(field.default) in rows[name], name


def test_the_api_describes_itself() -> None:
    app = create_app(Settings(database_url="postgresql://nowhere"))
    described = app.openapi_schema.to_schema()["paths"]
    paths = {re.sub(r":\w+}", "}", route.path) for route in app.routes}
    api = {path for path in paths if path.startswith("/api/v1/") and "/schema" not in path}
    assert api
    assert api <= described.keys()


@pytest.mark.parametrize("call", ["identify", "track", "page", "screen", "group", "alias", "batch"])
def test_tracking_calls_are_described(call: str) -> None:
    assert f"/v1/{call}" in (ROOT / "docs/reference/tracking-api.md").read_text()


def test_who_hides_the_desk_knows_every_page_of_customers() -> None:
    text = (ROOT / "docs/how-to/real-provider.md").read_text()
    for path in {path for handler in PAGES for path in handler.paths}:
        assert f"`/{path.split('/')[1]}" in text, path


def test_every_call_of_the_rest_api_is_in_its_reference() -> None:
    text = (ROOT / "docs/reference/rest-api.md").read_text()
    told = re.findall(r"`((?:(?:GET|POST|PUT|DELETE)(?:`, `)?)+ /[^`?\s]+)`", text)
    named = {(m, one.split()[-1]) for one in told for m in re.findall(r"[A-Z]{3,}", one)}
    calls = {
        (m, re.sub(r":\w+}", "}", p))
        for call in CALLS
        for m in call.http_methods
        for p in call.paths
    }
    assert named - {("GET", "/api/v1/schema/openapi.json"), ("GET", "/api/v1/keys")} <= calls
    assert calls - named <= {("GET", "/keys")}
