"""The end of every letter, put in by the program: who wrote it, and the way out."""

from dangol.speak.letter.content import Letter
from dangol.speak.letter.phrases import phrase
from dangol.store.brand import Brand

FooterLine = tuple[str, str | None]
"""A text, and the name of the link it carries (`link.unsubscribe`), if any."""


def footer_of(
    letter: Letter, brand: Brand, locale: str, *, to_korea: bool
) -> tuple[FooterLine, ...]:
    """The lines at the end of `letter`.

    An advertising letter to Korea names sender, e-mail, phone and address, and tells the way out
    in Korean and English (Network Act, art. 50, and annex 6 of its Decree).
    """
    reason = "why" if letter.needs_way_out else "why_service"
    lines: list[FooterLine] = [(phrase(locale, reason), None)]
    if letter.advertises and to_korea:
        lines += _korean_sender(brand)
        lines += [
            (phrase("ko", "opt_out"), "link.unsubscribe"),
            (phrase("en", "opt_out"), "link.unsubscribe"),
        ]
    else:
        lines += _sender(brand)
        if letter.needs_way_out:
            lines.append((phrase(locale, "unsubscribe"), "link.unsubscribe"))
    if letter.needs_way_out:
        lines.append((phrase(locale, "preferences"), "link.preferences"))
    lines.append((phrase(locale, "view"), "link.view"))
    return tuple(lines)


def sender_name(brand: Brand) -> str:
    """The name that letters come from."""
    return brand.sender_name or brand.name


def _sender(brand: Brand) -> list[FooterLine]:
    known = [brand.legal_name or sender_name(brand), brand.postal_address]
    return [(text, None) for text in known if text]


def _korean_sender(brand: Brand) -> list[FooterLine]:
    rows = [
        (None, brand.legal_name or sender_name(brand)),
        ("email", brand.email or brand.sender_email),
        ("phone", brand.phone),
        ("address", brand.postal_address),
    ]
    return [(f"{phrase('ko', key)}: {text}" if key else text, None) for key, text in rows if text]
