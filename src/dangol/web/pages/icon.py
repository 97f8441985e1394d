"""The small picture of a browser's tab: the first letter of the brand's name."""

from typing import Any

from litestar import Request, Response, get
from markupsafe import escape

from dangol.web.pages.showing import HEADERS
from dangol.web.pages.visit import Visit, visit

_PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="8" fill="#25221e"/>'
    '<text x="16" y="22.5" font-family="system-ui, sans-serif" font-size="18" font-weight="600"'
    ' fill="#fff" text-anchor="middle">{letter}</text></svg>'
)
_KEPT = {"Cache-Control": "public, max-age=86400"}


@get("/icon.svg", include_in_schema=False)
async def show_icon(request: Request) -> Response[Any]:
    """The same for everybody; browsers keep it for a day."""
    return await visit(request, _draw)


def _draw(at: Visit) -> Response[str]:
    picture = _PICTURE.format(letter=escape(initial_of(at.brand.name)))
    return Response(picture, media_type="image/svg+xml", headers=HEADERS | _KEPT)


def initial_of(name: str) -> str:
    """The first letter or digit, as a capital; a dot without any.

    >>> initial_of("단골 커피"), initial_of("“kaffa”"), initial_of("<>")
    ('단', 'K', '·')
    """
    return next((letter.upper()[0] for letter in name if letter.isalnum()), "·")


ROUTES = [show_icon]
