"""What is refused before any page or call is reached: an unknown address, a method, a body too large."""

from datetime import UTC, datetime

from litestar import Request, Response
from litestar.exceptions import HTTPException

from dangol.web import words
from dangol.web.api.failure import say_http
from dangol.web.render import render
from dangol.web.security import desk_headers

_FOR_PROGRAMS = ("/v1/", "/beacon/", "/sourceConfig", "/pixel/")
"""Addresses of the tracking API, whose clients read the status only."""
_KINDS = {404: "notfound", 405: "notfound", 413: "toolarge"}


def refuse(request: Request, error: Exception) -> Response:
    """A page for people, JSON for programs."""
    assert isinstance(error, HTTPException)
    path, status = request.url.path, error.status_code
    if path.startswith("/api/"):
        return say_http(request, error)
    if path.startswith(_FOR_PROGRAMS):
        return Response({"status_code": status, "detail": error.detail}, status_code=status)
    locale = words.choose(request.headers.get("accept-language", ""))
    kind = _KINDS.get(status, "inputerror" if status < 500 else "broken")
    html = render("desk/error_bare.html", locale, "UTC", datetime.now(UTC), {"kind": kind})
    headers = desk_headers() | (error.headers or {})
    return Response(html, status_code=status, headers=headers, media_type="text/html")
