"""Mail that came back: what class of failure it is, and what follows for the address."""

import re
from enum import StrEnum

import msgspec

from dangol.converse.mail import Mail, clean_line


class BounceClass(StrEnum):
    """What a failure says about the address; only the first three say anything."""

    HARD = "hard"
    """There is no such mailbox: never write again."""
    SOFT = "soft"
    """Full or unreachable for now: stop after five over at least seven days."""
    ROUTE = "route"
    """No way to that domain: stop after two."""
    CONTENT = "content"
    """This letter was refused (too large), not the person."""
    BLOCK = "block"
    """We were refused (policy, reputation): the sender's affair, never the person's."""


class Bounce(msgspec.Struct, frozen=True):
    """One failed delivery as its report tells it."""

    bounce_class: BounceClass
    status: str
    """Enhanced status code (RFC 3463), empty where none was given."""
    address: str
    """Whom it failed for, lower case; empty where the report does not say."""
    detail: str


_EXACT = {
    "5.1.1": BounceClass.HARD, "5.1.2": BounceClass.HARD, "5.1.3": BounceClass.HARD,
    "5.1.6": BounceClass.HARD, "5.1.10": BounceClass.HARD, "5.2.1": BounceClass.HARD,
    "5.4.1": BounceClass.ROUTE, "5.4.4": BounceClass.ROUTE, "5.2.2": BounceClass.SOFT,
    "4.2.2": BounceClass.SOFT, "5.3.4": BounceClass.CONTENT, "5.2.3": BounceClass.CONTENT,
}  # fmt: skip
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_NO_SUCH = re.compile(
    r"user unknown|unknown user|no such (?:user|recipient|mailbox|person|address)"
    r"|(?:user|recipient|mailbox|account|address) (?:does not exist|doesn.t exist|not found|unknown|disabled)"
    r"|(?:does not|doesn't) have (?:an|a) .{0,30}account|invalid (?:recipient|mailbox)"
    r"|존재하지 않는|없는 (?:계정|사용자|주소|메일)|탈퇴한|휴면",
    re.IGNORECASE,
)
_FULL = re.compile(
    r"mailbox (?:is )?full|over ?quota|quota exceeded|용량.{0,10}초과|편지함.{0,10}(?:가득|초과)",
    re.IGNORECASE,
)
_BLOCKED = re.compile(
    r"spam|block(?:ed|list)|blacklist|reputation|policy|spf|dkim|dmarc|not authori[sz]ed|차단|스팸",
    re.IGNORECASE,
)
_VAGUE = frozenset(["5.0.0", "4.0.0", "5.7.0", "5.7.1", ""])


def bounces_in(mail: Mail) -> list[Bounce]:
    """The failures that `mail` reports; empty when it only tells of delays or deliveries.

    A bounce that is no proper report (RFC 3464) is read by its words and the code in them.
    """
    if mail.report_type == "delivery-status" and len(mail.report_fields) > 1:
        failed = [block for block in mail.report_fields[1:] if _is_failed(block)]
        return [_from_block(block) for block in failed]
    text = f"{mail.subject}\n{mail.text[:4000]}"
    found = _STATUS.search(text)
    status = found.group(1) if found else ""
    address = mail.headers.get("x-failed-recipients", "").split(",")[0].strip().lower()
    detail = clean_line(_line_with(text, status))
    return [Bounce(classify(status, text), status, address, detail)]


def classify(status: str, text: str) -> BounceClass:
    """The class of a failure by its enhanced status code and the server's words.

    Where the code is vague the words decide: servers give 5.7.1 and 5.0.0 for everything.

    >>> classify("5.1.1", "unknown").value, classify("5.7.1", "no such user").value
    ('hard', 'hard')
    >>> classify("5.7.26", "unauthenticated").value, classify("4.4.1", "timeout").value
    ('block', 'soft')
    """
    if status in _VAGUE:
        return _by_words(status, text)
    if status in _EXACT:
        is_block = status == "5.1.1" and _BLOCKED.search(text) and not _NO_SUCH.search(text)
        return BounceClass.BLOCK if is_block else _EXACT[status]
    if status.startswith("4."):
        return BounceClass.SOFT
    return BounceClass.BLOCK if status.startswith("5.7.") else BounceClass.SOFT


def _by_words(status: str, text: str) -> BounceClass:
    if _NO_SUCH.search(text):
        return BounceClass.HARD
    if _FULL.search(text):
        return BounceClass.SOFT
    if status.startswith("5.7.") or _BLOCKED.search(text):
        return BounceClass.BLOCK
    return BounceClass.SOFT


def _is_failed(block: dict[str, str]) -> bool:
    return block.get("action", "").strip().lower() == "failed"


def _from_block(block: dict[str, str]) -> Bounce:
    found = _STATUS.search(block.get("status", ""))
    detail = clean_line(block.get("diagnostic-code", ""))
    inner = _STATUS.search(detail)
    status = found.group(1) if found else inner.group(1) if inner else ""
    if status in _VAGUE and inner:
        status = inner.group(1)
    address = block.get("original-recipient") or block.get("final-recipient", "")
    return Bounce(
        classify(status, detail), status, address.rpartition(";")[2].strip().lower(), detail
    )


def _line_with(text: str, status: str) -> str:
    return next((line for line in text.split("\n") if status and status in line), text[:300])
