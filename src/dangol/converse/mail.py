"""Raw mail as values, whatever somebody sent: read leniently, bounded everywhere, never raising.

Python's lenient parser reads the structure; headers, charsets and bodies are decoded here, since
real mail names charsets wrongly, mixes raw bytes into headers and ends in the middle.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

import msgspec

from dangol.converse.html import html_to_text

LARGEST_MAIL = 25 * 1024 * 1024
LONGEST_TEXT = 150_000
MOST_ATTACHMENTS = 15
_LONGEST_HEADER = 8_000
_MOST_PARTS = 200
_MOST_NESTING = 50
_MOST_RECIPIENTS = 100
_MOST_REFERENCES = 50

_CHARSETS = {
    "euc-kr": "cp949", "euc_kr": "cp949", "ks_c_5601-1987": "cp949", "ks_c_5601": "cp949",
    "ksc5601": "cp949", "korean": "cp949", "uhc": "cp949", "x-windows-949": "cp949",
    "windows-949": "cp949", "ms949": "cp949", "utf8mb4": "utf-8", "unicode-1-1-utf-8": "utf-8",
    "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "us-ascii": "utf-8",
    "ascii": "utf-8", "unknown-8bit": "utf-8", "default": "utf-8", "iso-8859-1": "cp1252",
}  # fmt: skip
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,900}>")
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_RECIPIENT_HEADERS = frozenset(
    ["to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to"]
    + ["x-forwarded-to", "resent-to"]
)


class Attachment(msgspec.Struct, frozen=True):
    """One file that came along."""

    name: str
    content_type: str
    data: bytes


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One mail, decoded. Text holds nothing that a database refuses; ids keep their brackets."""

    envelope_from: str | None
    """Lower case; empty for the null sender `<>`, None when the envelope is not known."""
    recipients: tuple[str, ...]
    """Envelope first, then every header that names one; lower case, each once."""
    sender: str
    sender_name: str
    subject: str
    message_id: str | None
    in_reply_to: str | None
    references: tuple[str, ...]
    """Oldest first."""
    date: datetime | None
    text: str
    """The readable body, with what it quotes (quoted HTML as lines beginning with `>`)."""
    html: str | None
    """The HTML as it came, where there is any; never to be shown outside a sandboxed frame."""
    attachments: tuple[Attachment, ...]
    headers: dict[str, str]
    """By lower-case name, the first of each."""
    report_type: str | None
    """`delivery-status` or `feedback-report` where it is a multipart/report."""
    report_fields: tuple[dict[str, str], ...] = ()
    """The report's blocks of fields by lower-case name, the per-message one first."""
    returned: dict[str, str] = {}
    """Headers of the mail that a report is about, by lower-case name."""


def read_mail(
    raw: bytes, *, mail_from: str | None = None, recipients: Sequence[str] = ()
) -> Mail | None:
    """The mail in `raw`; None where nothing can be made of it.

    `mail_from` and `recipients` are the envelope's, where known. Never raises: the parser of the
    standard library does on some inputs, and those are no mail that a person wrote.
    """
    if len(raw) > LARGEST_MAIL or raw.lower().count(b"multipart/") > _MOST_NESTING:
        return None
    try:
        return _read(message_from_bytes(raw), mail_from, recipients)
    except (Exception, RecursionError):  # any input may come; the caller keeps it as unreadable
        return None


def clean_text(text: str) -> str:
    """`text` without control characters and lone surrogates, with plain line ends."""
    return _UNSAFE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def clean_line(text: str) -> str:
    """`text` on one line, of at most 500 characters."""
    return " ".join(clean_text(text).split())[:500]


def _read(message: Message, mail_from: str | None, recipients: Sequence[str]) -> Mail:
    headers = _headers(message)
    name, sender = _sender(headers)
    is_report = message.get_content_type() == "multipart/report"
    report_type = _parameter(message, "report-type").lower() if is_report else None
    parts = [part for part in _parts(message) if not part.is_multipart()]
    ids = _MESSAGE_ID.findall(headers.get("references", ""))
    return Mail(
        envelope_from=_envelope_from(headers, mail_from),
        recipients=_recipients(message, recipients),
        sender=sender,
        sender_name=name,
        subject=clean_line(headers.get("subject", "")),
        message_id=_first_id(headers.get("message-id")),
        in_reply_to=_first_id(headers.get("in-reply-to")),
        references=tuple(ids[-_MOST_REFERENCES:]),
        date=_date(headers.get("date")),
        text=_body(parts),
        html=_html(parts),
        attachments=tuple(_attachments(parts)),
        headers=headers,
        report_type=report_type,
        report_fields=_report_fields(message) if is_report else (),
        returned=_returned(message) if is_report else {},
    )


# -- headers ----------------------------------------------------------------------------


def _headers(message: Message) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in message.raw_items():  # undecoded bytes stay as they came
        found.setdefault(name.lower(), header_text(str(value)))
    return found


def header_text(value: str) -> str:
    """One header value decoded: encoded words, and raw bytes that should not be there."""
    value = value[:_LONGEST_HEADER].replace("\r", "").replace("\n", "")
    try:
        pieces = decode_header(value)
    except (ValueError, LookupError):
        pieces = [(value, None)]
    text = "".join(
        _decode(piece, charset) if isinstance(piece, bytes) else _raw_text(piece)
        for piece, charset in pieces
    )
    return clean_text(text)


def _raw_text(piece: str) -> str:
    """Text of a header that may hold undecoded bytes as surrogates."""
    return _decode(piece.encode("utf-8", "surrogateescape"), None)


def _decode(data: bytes, charset: str | None) -> str:
    """Bytes as text: by the charset named, else UTF-8, else the Korean one, else what is legible."""
    name = (charset or "utf-8").strip().strip("'\"").lower()
    for candidate in (_CHARSETS.get(name, name), "utf-8", "cp949"):
        try:
            return data.decode(candidate)
        except (LookupError, ValueError):
            continue
    return data.decode("utf-8", "replace")


def _sender(headers: dict[str, str]) -> tuple[str, str]:
    for name, address in _addresses(headers.get("from", "")):
        return clean_line(name), address
    return "", ""


def _addresses(value: str) -> list[tuple[str, str]]:
    try:
        pairs = getaddresses([value])
    except (ValueError, IndexError, TypeError):
        return []
    return [(name, clean_line(address).lower()) for name, address in pairs if "@" in address]


def _recipients(message: Message, envelope: Sequence[str]) -> tuple[str, ...]:
    found = [clean_line(address).lower() for address in envelope]
    for name, value in message.raw_items():
        if name.lower() in _RECIPIENT_HEADERS and len(found) < _MOST_RECIPIENTS:
            found += [address for _, address in _addresses(header_text(str(value)))]
    return tuple(dict.fromkeys(found))[:_MOST_RECIPIENTS]


def _envelope_from(headers: dict[str, str], given: str | None) -> str | None:
    path = headers.get("return-path") if given is None else given
    return None if path is None else path.strip().strip("<>").strip().lower()


def _first_id(value: str | None) -> str | None:
    found = _MESSAGE_ID.search(value or "")
    return found.group() if found else None


def _date(value: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(value or "")
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _parameter(part: Message, name: str) -> str:
    value = part.get_param(name)
    return value if isinstance(value, str) else ""


# -- bodies -----------------------------------------------------------------------------


def _parts(message: Message) -> Iterator[Message]:
    """Parts in order of appearance, without those inside reports and forwarded mails."""
    waiting = [message]
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        part = waiting.pop()
        yield part
        is_container = part.get_content_maintype() == "multipart"
        if part.is_multipart() and is_container:
            waiting += reversed([one for one in part.get_payload() if isinstance(one, Message)])


def _body(parts: Sequence[Message]) -> str:
    """The first plain text that says something, else the HTML as text."""
    for text in _inline(parts, "text/plain"):
        if text.strip():
            return clean_text(text)[:LONGEST_TEXT]
    html = _html(parts)
    return clean_text(html_to_text(html))[:LONGEST_TEXT] if html else ""


def _html(parts: Sequence[Message]) -> str | None:
    return next((clean_text(text) for text in _inline(parts, "text/html") if text.strip()), None)


def _inline(parts: Sequence[Message], content_type: str) -> Iterator[str]:
    for part in parts:
        is_file = part.get_content_disposition() == "attachment"
        if part.get_content_type() == content_type and not is_file:
            yield _part_text(part)


def _part_text(part: Message) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    charset = part.get_param("charset")
    return _decode(data[: 4 * LONGEST_TEXT], charset if isinstance(charset, str) else None)


def _attachments(parts: Sequence[Message]) -> Iterator[Attachment]:
    """Files, also inline ones; texts of the body are none."""
    count = 0
    for part in parts:
        name = _file_name(part)
        is_text = part.get_content_type() in ("text/plain", "text/html")
        if part.get_content_disposition() != "attachment" and (is_text or not name):
            continue
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes) or count == MOST_ATTACHMENTS:
            continue
        count += 1
        yield Attachment(name or f"{count}", part.get_content_type()[:200], data)


def _file_name(part: Message) -> str:
    try:
        name = part.get_filename() or ""
    except (ValueError, LookupError):
        return ""
    return clean_line(header_text(name)).replace("/", "_").replace("\\", "_")[:200]


# -- reports ----------------------------------------------------------------------------


def _report_fields(message: Message) -> tuple[dict[str, str], ...]:
    """The blocks of message/delivery-status (RFC 3464) or message/feedback-report (RFC 5965)."""
    for part in _parts(message):
        if part.get_content_type() in ("message/delivery-status", "message/feedback-report"):
            blocks = part.get_payload()
            if isinstance(blocks, list):
                return tuple(_headers(block) for block in blocks[:_MOST_RECIPIENTS])
            inner = message_from_bytes(part.get_payload(decode=True) or b"")
            return (_headers(inner),)
    return ()


def _returned(message: Message) -> dict[str, str]:
    """Headers of the mail that came back, from its copy or its headers."""
    for part in _parts(message):
        if part.get_content_type() == "message/rfc822":
            inner = part.get_payload()
            return _headers(inner[0]) if isinstance(inner, list) and inner else {}
        if part.get_content_type() == "text/rfc822-headers":
            return _headers(message_from_bytes(part.get_payload(decode=True) or b""))
    return {}
