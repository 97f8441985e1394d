"""The answer to our own question whether recipients can reach us; see `speak.links.reach`."""

from litestar import Request, Response, get
from litestar.params import FromPath

from dangol.speak.links.reach import prove
from dangol.web.pages.showing import HEADERS

_LONGEST = 64


@get("/reach/{nonce:str}", include_in_schema=False)
async def answer(request: Request, nonce: FromPath[str]) -> Response[str]:
    """What only this installation can say to `nonce`."""
    if len(nonce) > _LONGEST:
        return Response("", status_code=404, media_type="text/plain", headers=HEADERS)
    said = prove(request.app.state.keyring, nonce)
    return Response(said, media_type="text/plain", headers=HEADERS)


ROUTES = [answer]
