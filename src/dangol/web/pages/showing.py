"""Customers' pages as HTML: no script, no cookie, nothing from elsewhere, in the letter's language."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Request, Response

from dangol.store.brand import Brand
from dangol.web import words

POLICY = "; ".join(
    [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("dangol.web", "templates/pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def language_of(request: Request, *known: str | None) -> str:
    """The language of a page: the first known one that we speak, else what the browser asks for."""
    for locale in known:
        language = (locale or "").replace("_", "-").split("-")[0].lower()
        if language in words.LOCALES:
            return language
    return words.choose(request.headers.get("accept-language", ""))


def show(
    template: str, locale: str, brand: Brand, *, status: int = 200, **values: Any
) -> Response[str]:
    """The page `template` with its values."""
    given = {"t": words.words(locale), "locale": locale, "brand": brand, "path": ""}
    html = _environment().get_template(template).render(given | values)
    return Response(html, status_code=status, media_type="text/html", headers=HEADERS)


def show_not_found(request: Request, brand: Brand) -> Response[str]:
    """The page for links that are not genuine, or lead to nothing any more."""
    locale = language_of(request, None)
    return show(
        "message.html",
        locale,
        brand,
        status=404,
        title="pages.lost.title",
        said=["pages.lost.text"],
        values={},
    )


def show_trouble(request: Request, brand: Brand) -> Response[str]:
    """The page for what could not be kept: nothing is acknowledged that is not durable."""
    locale = language_of(request, None)
    page = show(
        "message.html",
        locale,
        brand,
        status=503,
        title="pages.trouble.title",
        said=["pages.trouble.text"],
        values={},
    )
    page.headers["Retry-After"] = "5"
    return page
