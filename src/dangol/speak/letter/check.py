"""What keeps a letter from being sent: each problem with its place and what to do about it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import msgspec

from dangol.model.address import normalise_email
from dangol.speak.letter.content import (
    AnswerBy,
    Letter,
    Photo,
    Question,
    Variant,
    texts_of,
)
from dangol.speak.letter.drafting import Draft, draft
from dangol.speak.letter.headers import is_address
from dangol.speak.letter.names import BRAND_NAMES, BUILT_IN, LINK_NAMES, Reader
from dangol.speak.letter.postbox import Postbox
from dangol.speak.letter.press import CompiledLetter
from dangol.speak.letter.template import Fault, TemplateRefused, find_faults
from dangol.speak.links.collect import collect_links, is_safe, list_hrefs
from dangol.store.brand import Brand
from dangol.store.keyring import Keyring

WARN_BYTES = 90_000
"""Gmail cuts HTML off at 102 KB, and with it the way out."""
MAX_FAULTS = 50
"""Problems told of one text; whoever has more begins with these."""
_PROBE = Keyring(keys={0: bytes(32)}, addresses=bytes(32))


class ProblemCode(StrEnum):
    """What can be wrong with a letter."""

    NO_VARIANT = "no_variant"
    EMPTY_SUBJECT = "empty_subject"
    EMPTY_BODY = "empty_body"
    UNKNOWN_NAME = "unknown_name"
    UNKNOWN_FILTER = "unknown_filter"
    UNKNOWN_TAG = "unknown_tag"
    LIQUID_SYNTAX = "liquid_syntax"
    LIQUID_ENDLESS = "liquid_endless"
    BAD_LINK = "bad_link"
    BAD_PHOTO = "bad_photo"
    NO_ALT = "no_alt"
    NO_SENDER = "no_sender"
    NO_POSTAL_ADDRESS = "no_postal_address"
    NO_CONTACT = "no_contact"
    NO_PUBLIC_ADDRESS = "no_public_address"
    PUBLIC_ADDRESS_UNVERIFIED = "public_address_unverified"
    NO_WAY_OUT = "no_way_out"
    NO_ANSWER_ADDRESS = "no_answer_address"
    TOO_LARGE = "too_large"


_WARNINGS = frozenset({ProblemCode.NO_ALT, ProblemCode.TOO_LARGE})


class Problem(msgspec.Struct, frozen=True):
    """One thing to put right. Lines and columns count from 1 in the text named by `where`."""

    code: ProblemCode
    where: str = ""
    """Locale and path, such as `ko.blocks.2.label`; empty for the letter or the brand."""
    line: int = 0
    column: int = 0
    seen: dict[str, Any] = {}

    @property
    def blocks(self) -> bool:
        """Whether a launch is refused; the others are advice."""
        return self.code not in _WARNINGS


def check(letter: Letter, brand: Brand, traits: Iterable[str], *, real: bool) -> list[Problem]:
    """Everything that is wrong with `letter`, the text first, then the sender.

    `traits` are the known names of customer traits. `real` is False for the sandbox mailbox,
    which needs no address that recipients can reach.
    """
    if not letter.variants:
        return [Problem(ProblemCode.NO_VARIANT)]
    names = frozenset(traits)
    problems = [
        problem
        for locale, variant in letter.variants.items()
        for problem in _check_variant(letter, locale, variant, brand, names)
    ]
    return problems + list(_check_sender(letter, brand, real=real))


def _check_variant(
    letter: Letter, locale: str, variant: Variant, brand: Brand, traits: frozenset[str]
) -> list[Problem]:
    problems = [
        msgspec.structs.replace(problem, where=f"{locale}.{problem.where}")
        for problem in (*_check_content(variant), *_check_links(variant))
    ]
    sheet = draft(letter, locale, _postbox(letter, brand), to_korea=True)
    faults = [
        Problem(ProblemCode(fault.code), f"{locale}.{fault.where}", *_rest(fault))
        for fault in _faults(sheet, locale, traits)
    ]
    return problems + (faults or list(_try_out(letter, locale, sheet, brand)))


def _check_content(variant: Variant) -> Iterable[Problem]:
    if not variant.subject.strip():
        yield Problem(ProblemCode.EMPTY_SUBJECT, "subject")
    if not any(text.strip() for path, text in texts_of(variant) if path.startswith("blocks.")):
        yield Problem(ProblemCode.EMPTY_BODY, "blocks")
    for index, block in enumerate(variant.blocks):
        if isinstance(block, Photo):
            if not block.blob and not (block.url or "").startswith("https://"):
                yield Problem(ProblemCode.BAD_PHOTO, f"blocks.{index}", seen={"url": block.url})
            if not block.alt.strip():
                yield Problem(ProblemCode.NO_ALT, f"blocks.{index}.alt")


def _check_links(variant: Variant) -> Iterable[Problem]:
    for where, href in list_hrefs(variant):
        if not is_safe(href):
            yield Problem(ProblemCode.BAD_LINK, where, seen={"href": href[:200]})


def _faults(sheet: Draft, locale: str, traits: frozenset[str]) -> list[Fault]:
    allowed = {
        "customer": traits | frozenset(BUILT_IN),
        "brand": frozenset(BRAND_NAMES),
        "link": frozenset(LINK_NAMES),
    }
    found = [*sheet.faults]
    for source in (sheet.subject, sheet.html, sheet.text):
        typed = find_faults(source, locale, allowed)
        found += [fault for fault in typed if fault.where or fault.code != "unknown_name"]
    # The same text stands in the HTML and in the text part: said once.
    once = {(fault.code, fault.where, fault.line, fault.column): fault for fault in found}
    return list(once.values())[:MAX_FAULTS]


def _rest(fault: Fault) -> tuple[int, int, dict[str, Any]]:
    return fault.line, fault.column, fault.seen


def _try_out(letter: Letter, locale: str, sheet: Draft, brand: Brand) -> Iterable[Problem]:
    postbox = _postbox(letter, brand)
    if postbox.fault:  # told by itself; the letter is tried with a sender that works
        postbox = _postbox(letter, Brand(name=brand.name, sender_email="check@check.invalid"))
    compiled = CompiledLetter(letter, locale, sheet, postbox)
    nameless = Reader(0, "nobody@example.invalid", {}, locale)
    try:
        raw = compiled.render(nameless, datetime(2026, 1, 1, tzinfo=UTC))
        size = len(compiled.html(nameless).encode("utf-8", "replace"))
    except TemplateRefused as error:
        yield Problem(ProblemCode.LIQUID_ENDLESS, locale, seen={"message": str(error)})
        return
    if letter.needs_way_out and b"\r\nList-Unsubscribe: <" not in raw:
        yield Problem(ProblemCode.NO_WAY_OUT, locale)
    if size > WARN_BYTES:
        yield Problem(ProblemCode.TOO_LARGE, locale, seen={"bytes": size, "limit": WARN_BYTES})


def _check_sender(letter: Letter, brand: Brand, *, real: bool) -> Iterable[Problem]:
    if normalise_email(brand.sender_email) is None or not (brand.sender_name or brand.name).strip():
        yield Problem(ProblemCode.NO_SENDER, seen={"sender_email": brand.sender_email})
    if letter.needs_way_out and not brand.postal_address.strip():
        yield Problem(ProblemCode.NO_POSTAL_ADDRESS)
    if letter.advertises and not ((brand.email or brand.sender_email) and brand.phone):
        yield Problem(ProblemCode.NO_CONTACT)
    if not _can_be_answered(letter, brand):
        yield Problem(ProblemCode.NO_ANSWER_ADDRESS, seen={"reply_domain": brand.reply_domain})
    if real:
        yield from _check_public_address(letter, brand)


def _check_public_address(letter: Letter, brand: Brand) -> Iterable[Problem]:
    if not _is_public(brand.public_url):
        yield Problem(ProblemCode.NO_PUBLIC_ADDRESS, seen={"public_url": brand.public_url})
        if letter.needs_way_out:
            yield Problem(ProblemCode.NO_WAY_OUT)
    elif brand.public_url_verified_at is None:
        yield Problem(ProblemCode.PUBLIC_ADDRESS_UNVERIFIED, seen={"public_url": brand.public_url})


def _is_public(url: str) -> bool:
    """Whether an address looks like one that recipients can reach, safely: https, a real host."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "https" and "." in host and not host.endswith((".local", ".internal"))


def _can_be_answered(letter: Letter, brand: Brand) -> bool:
    if brand.reply_domain:
        return is_address(f"r@{brand.reply_domain}")
    return bool(brand.email or brand.sender_email) or not _asks(letter)


def _asks(letter: Letter) -> bool:
    return any(
        isinstance(block, Question) and block.answer_by is AnswerBy.REPLY
        for variant in letter.variants.values()
        for block in variant.blocks
    )


def _postbox(letter: Letter, brand: Brand) -> Postbox:
    return Postbox(
        send_id=0,
        keyring=_PROBE,
        brand=brand,
        links=collect_links(letter),
        base_url=brand.public_url or "https://check.invalid",
    )
