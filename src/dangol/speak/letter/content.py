"""A letter as it is stored: a small document, never raw HTML.

Every text may hold Liquid (`{{ customer.first_name | default: "friend" }}`); nothing else in it is
markup. What enters is JSON of the editor, what leaves is frozen values within stated sizes.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from dangol.errors import InputError
from dangol.model.message import MessageKind

MAX_BLOCKS = 100
MAX_TEXT = 60_000
"""Characters of all texts of one variant together."""
MAX_SUBJECT = 300
MAX_ADDRESS = 2_000
"""Characters of one link."""


class AnswerBy(StrEnum):
    """How a question in a letter is answered."""

    REPLY = "reply"
    LINK = "link"


class Run(msgspec.Struct, frozen=True, omit_defaults=True):
    """Some text of one look; with `href` it is a link."""

    text: str
    bold: bool = False
    italic: bool = False
    href: str | None = None


Line = tuple[Run, ...]


class Paragraph(msgspec.Struct, frozen=True, tag="paragraph", tag_field="type"):
    """One paragraph; a newline inside a run breaks the line."""

    runs: Line


class Heading(msgspec.Struct, frozen=True, tag="heading", tag_field="type"):
    """A heading within the letter."""

    runs: Line


class ItemList(msgspec.Struct, frozen=True, tag="list", tag_field="type"):
    """A list with bullets, or numbered when `ordered`."""

    items: tuple[Line, ...]
    ordered: bool = False


Part = Paragraph | Heading | ItemList


class Text(msgspec.Struct, frozen=True, tag="text", tag_field="type"):
    """Paragraphs, headings and lists."""

    parts: tuple[Part, ...]


class Photo(msgspec.Struct, frozen=True, tag="photo", tag_field="type", omit_defaults=True):
    """A picture: one of our own files, or an https address."""

    alt: str
    blob: UUID | None = None
    url: str | None = None
    href: str | None = None


class Button(msgspec.Struct, frozen=True, tag="button", tag_field="type"):
    """One thing to do."""

    label: str
    href: str


class Question(msgspec.Struct, frozen=True, tag="question", tag_field="type", omit_defaults=True):
    """A question to the reader; without choices the answer is free text."""

    prompt: str
    choices: tuple[str, ...] = ()
    answer_by: AnswerBy = AnswerBy.REPLY


class Divider(msgspec.Struct, frozen=True, tag="divider", tag_field="type"):
    """A thin line."""


Block = Text | Photo | Button | Question | Divider


class Variant(msgspec.Struct, frozen=True, omit_defaults=True):
    """The letter in one language."""

    subject: str
    preheader: str = ""
    blocks: tuple[Block, ...] = ()


class Letter(msgspec.Struct, frozen=True, omit_defaults=True):
    """One version of a letter, as `letter_version.content` holds it."""

    kind: MessageKind
    variants: dict[str, Variant]
    """By locale, such as `ko` or `en-GB`; the first is the last resort."""
    topic: str = "*"
    advertises: bool = False
    tracks: bool = True
    """False: no pixel and no counted links in this letter, whatever the brand says."""

    @property
    def needs_way_out(self) -> bool:
        """Whether it must carry an unsubscribe link and the List-Unsubscribe headers."""
        return self.advertises or self.kind.is_marketing


def parse_letter(raw: Any) -> Letter:
    """The letter in `raw` (decoded JSON, or bytes of it).

    Raises:
        InputError: it is no letter, or larger than letters may be; says where.
    """
    try:
        if isinstance(raw, bytes | str):
            letter = msgspec.json.decode(raw, type=Letter)
        else:
            letter = msgspec.convert(raw, Letter)
    except msgspec.ValidationError as error:
        raise InputError("This is no letter: {error}", error=error) from None
    except msgspec.DecodeError as error:
        raise InputError("The letter is no JSON: {error}", error=error) from None
    for locale, variant in letter.variants.items():
        _refuse_oversize(locale, variant)
    return letter


def choose_locale(letter: Letter, *wanted: str | None) -> str:
    """The variant for a reader: the first of `wanted` that exists, each also without its region.

    The first variant of the letter is the last resort.

    >>> letter = Letter(MessageKind.NEWS, {"en": Variant("Hi"), "ko": Variant("안녕")})
    >>> choose_locale(letter, "ko-KR", "en"), choose_locale(letter, None, "fr"),
    ('ko', 'en')
    """
    by_key = {key.replace("_", "-").lower(): key for key in letter.variants}
    for locale in wanted:
        key = (locale or "").replace("_", "-").lower()
        while key:
            if key in by_key:
                return by_key[key]
            key = key.rpartition("-")[0]
    return next(iter(letter.variants))


def texts_of(variant: Variant) -> list[tuple[str, str]]:
    """Every text of a variant with the path that names it, in reading order."""
    found = [("subject", variant.subject), ("preheader", variant.preheader)]
    for index, block in enumerate(variant.blocks):
        found += [(f"blocks.{index}.{path}", text) for path, text in _texts_of_block(block)]
    return found


def _texts_of_block(block: Block) -> list[tuple[str, str]]:
    match block:
        case Text(parts):
            lines = [line for part in parts for line in lines_of(part)]
            return [("text", run.text) for line in lines for run in line]
        case Photo(alt=alt):
            return [("alt", alt)]
        case Button(label, _):
            return [("label", label)]
        case Question(prompt, choices):
            return [("prompt", prompt), *(("choices", choice) for choice in choices)]
        case _:
            return []


def _addresses_of(variant: Variant) -> Iterator[str]:
    for block in variant.blocks:
        match block:
            case Text(parts):
                runs = (run for part in parts for line in lines_of(part) for run in line)
                yield from (run.href or "" for run in runs)
            case Photo():
                yield from (block.url or "", block.href or "")
            case Button(_, href):
                yield href
            case _:
                pass


def lines_of(part: Part) -> tuple[Line, ...]:
    """The lines of runs that a part consists of."""
    return part.items if isinstance(part, ItemList) else (part.runs,)


def _refuse_oversize(locale: str, variant: Variant) -> None:
    if len(variant.blocks) > MAX_BLOCKS:
        raise InputError(
            "The {locale} text has more than {most} blocks; split the letter.",
            locale=locale,
            most=MAX_BLOCKS,
        )
    if len(variant.subject) > MAX_SUBJECT:
        raise InputError(
            "The {locale} subject is longer than {most} characters.",
            locale=locale,
            most=MAX_SUBJECT,
        )
    if any(len(address) > MAX_ADDRESS for address in _addresses_of(variant)):
        raise InputError(
            "The {locale} text has a link longer than {most:,} characters.",
            locale=locale,
            most=MAX_ADDRESS,
        )
    size = sum(len(text) for _, text in texts_of(variant))
    if size > MAX_TEXT:
        raise InputError(
            "The {locale} text has {size:,} characters; a letter takes {most:,}.",
            locale=locale,
            size=size,
            most=MAX_TEXT,
        )
