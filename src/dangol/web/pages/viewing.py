"""A letter in the browser, as its receiver got it, and the pictures in letters.

The letter is shown in a sandbox of its own: no scripts, no forms, no cookies, no pixel.
"""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from dangol.errors import NotFound
from dangol.speak.letter.names import Reader
from dangol.speak.letter.postbox import Postbox
from dangol.speak.letter.press import Press
from dangol.speak.letter.service import find_picture, find_reader
from dangol.speak.links.service import load_links
from dangol.web.pages.recipient import find_letter, find_recipient
from dangol.web.pages.showing import HEADERS
from dangol.web.pages.visit import Visit, visit

_LETTER_POLICY = "; ".join(
    [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src 'self' https:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation",
    ]
)
_PICTURE_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


@get("/v/{token:str}", include_in_schema=False)
async def show_letter(request: Request, token: FromPath[str]) -> Response[Any]:
    """The letter of a signed link."""
    return await visit(request, lambda at: _letter(at, token))


@get("/b/{picture_id:str}", include_in_schema=False)
async def show_picture(request: Request, picture_id: FromPath[str]) -> Response[Any]:
    """A picture of a letter; anything that is none is not found."""
    return await visit(request, lambda at: _picture(at, picture_id))


def _letter(at: Visit, token: str) -> Response[Any]:
    found = find_recipient(at.conn, at.keyring, "u", token)
    if found is None:
        raise NotFound()
    recipient, _ = found
    letter = find_letter(at.conn, recipient)
    if letter is None:
        raise NotFound()
    brand = msgspec.structs.replace(at.brand, tracks_opens=False)
    postbox = Postbox(
        send_id=recipient.send_id,
        keyring=at.keyring,
        brand=brand,
        links=load_links(at.conn, recipient.send_id),
        base_url=at.base_url,
    )
    who = recipient.named_id if recipient.send_kind == "test" else recipient.customer_id
    known = find_reader(at.conn, who) if who else None
    reader = known or Reader(recipient.named_id, recipient.address)
    # Links stay those of the letter that went out, whoever the customer was merged into.
    reader = msgspec.structs.replace(
        reader, customer_id=recipient.named_id, locale=recipient.locale or reader.locale
    )
    html = Press(letter, postbox).compiled(reader).html(reader)
    headers = HEADERS | {"Content-Security-Policy": _LETTER_POLICY}
    return Response(html, media_type="text/html", headers=headers)


def _picture(at: Visit, picture_id: str) -> Response[Any]:
    try:
        picture = find_picture(at.conn, UUID(picture_id))
    except ValueError:
        picture = None
    if picture is None:
        raise NotFound()
    return Response(picture.data, media_type=picture.content_type, headers=_PICTURE_HEADERS)


ROUTES = [show_letter, show_picture]
