"""Which links of a letter are counted, and under which number."""

import re
from collections.abc import Iterator

from dangol.speak.letter.content import Block, Button, Letter, Photo, Text, Variant, lines_of

_COUNTED = re.compile(r"https?://[^\s{}\x00-\x1f]+", re.IGNORECASE)
_SAFE = re.compile(
    r"(https?://[^\s/?#{}\x00-\x20]+([/?#][^\s\x00-\x1f]*)?|mailto:\S+|tel:[+0-9().-]+)", re.I
)
OWN_LINK = re.compile(r"\{\{\s*link\.(unsubscribe|preferences|view|friend|confirm)\s*\}\}")
"""A link of our own, written as a name."""


def list_hrefs(variant: Variant) -> Iterator[tuple[str, str]]:
    """Every link target of a variant with the path that names it, in reading order."""
    for index, block in enumerate(variant.blocks):
        for path, href in _hrefs_of(block):
            yield f"blocks.{index}.{path}", href.strip()


def is_safe(href: str) -> bool:
    """Whether a letter may point there: http, https, mailto, tel, or one of our own names.

    Liquid may stand only after the host, so that nobody's trait decides where a link leads.

    >>> is_safe("https://shop.example/?c={{ customer.id }}"), is_safe("https://{{ customer.site }}")
    (True, False)
    >>> is_safe("javascript:alert(1)"), is_safe("{{ link.view }}")
    (False, True)
    """
    bare = re.sub(r"\{\{.*?\}\}", "{}", href)
    return bool(OWN_LINK.fullmatch(href) or _SAFE.fullmatch(bare))


def is_counted(href: str) -> bool:
    """Whether hits on this link can be counted: a plain web address, the same for everyone."""
    return bool(_COUNTED.fullmatch(href))


def collect_links(letter: Letter) -> tuple[str, ...]:
    """The counted targets of all variants, each once, in reading order: number 1 is the first."""
    found = (href for variant in letter.variants.values() for _, href in list_hrefs(variant))
    return tuple(dict.fromkeys(href for href in found if is_counted(href)))


def _hrefs_of(block: Block) -> Iterator[tuple[str, str]]:
    match block:
        case Text(parts):
            for part in parts:
                for line in lines_of(part):
                    yield from (("text", run.href) for run in line if run.href is not None)
        case Photo(href=str(href)):
            yield "href", href
        case Button(_, href):
            yield "href", href
        case _:
            pass
