"""One variant of a letter laid out as three templates, before anybody's name is in them."""

import msgspec

from dangol.speak.letter.content import Letter
from dangol.speak.letter.footer import footer_of
from dangol.speak.letter.headers import clean_line
from dangol.speak.letter.layout import Frame, draw
from dangol.speak.letter.phrases import ADVERTISEMENT
from dangol.speak.letter.plain import write_plain
from dangol.speak.letter.postbox import Postbox
from dangol.speak.letter.template import Fault, Place, Source, Vault


class Draft(msgspec.Struct, frozen=True):
    """The templates of one variant, and what was found wrong while laying them out."""

    subject: Source
    html: Source
    text: Source
    faults: tuple[Fault, ...] = ()


def draft(letter: Letter, locale: str, postbox: Postbox, *, to_korea: bool) -> Draft:
    """Lay out the variant of exactly `locale`, with footer, label and links."""
    variant = letter.variants[locale]
    vault = Vault(msgspec.json.encode(variant).decode())
    frame = _frame(letter, locale, postbox, to_korea=to_korea)
    subject = _subject(letter, variant.subject, to_korea=to_korea)
    laid_out = (
        vault.fill(vault.hide(subject, Place.TEXT, "subject")),
        draw(variant, frame, vault),
        write_plain(variant, frame, vault),
    )
    return Draft(*laid_out, faults=tuple(vault.faults))


def _frame(letter: Letter, locale: str, postbox: Postbox, *, to_korea: bool) -> Frame:
    brand = postbox.brand
    numbers = {url: number for number, url in enumerate(postbox.links, 1)}
    counts = letter.tracks and brand.tracks_clicks
    return Frame(
        locale=locale,
        base_url=postbox.url,
        link_number=numbers.get if counts else _no_number,
        pixel=letter.tracks and brand.tracks_opens,
        footer=footer_of(letter, brand, locale, to_korea=to_korea),
    )


def _no_number(url: str) -> int | None:
    return None


def _subject(letter: Letter, typed: str, *, to_korea: bool) -> str:
    subject = clean_line(typed)
    if not (letter.advertises and to_korea):
        return subject
    return f"{ADVERTISEMENT} {subject.removeprefix(ADVERTISEMENT).lstrip()}"
