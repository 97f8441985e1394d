"""The headers around a letter: who, where answers go, and how to get out in one click."""

from hashlib import sha256

from dangol.model.message import MessageKind
from dangol.speak.letter.assembly import Assembly
from dangol.speak.letter.content import Letter
from dangol.speak.letter.footer import sender_name
from dangol.speak.letter.headers import encode_mailbox, encode_text, write_headers
from dangol.speak.letter.postbox import Postbox


def write_fixed_headers(letter: Letter, postbox: Postbox) -> bytes:
    """The headers that are the same for everyone."""
    brand = postbox.brand
    fields = [("From", encode_mailbox(sender_name(brand), postbox.sender))]
    if letter.needs_way_out:
        topic = _slug(letter.topic)
        label = encode_text(brand.name) if brand.name.isascii() else b""
        fields.append(
            ("List-Id", (label + b" " if label else b"") + f"<{topic}.{postbox.domain}>".encode())
        )
        fields.append(("Feedback-ID", _feedback_id(letter, postbox)))
        fields.append(("X-Auto-Response-Suppress", b"OOF, AutoReply"))
    if letter.kind is MessageKind.SERVICE:
        fields.append(("Auto-Submitted", b"auto-generated"))
    return write_headers(fields)


def write_personal_headers(assembly: Assembly, letter: Letter, postbox: Postbox) -> None:
    """Message-ID, Reply-To and, where there is a way out, both List headers of RFC 8058.

    The List headers are neither folded nor encoded: what mangles them silently ends one-click.
    """
    assembly.constant(b"Message-ID: <")
    assembly.token("reply")
    assembly.constant(f"@{postbox.domain}>\r\n".encode())
    local, token, domain = postbox.reply_to.partition("{token}")
    assembly.constant(f"Reply-To: {local}".encode())
    if token:
        assembly.token("reply")
    assembly.constant(f"{domain}\r\n".encode())
    if letter.needs_way_out:
        _write_list_headers(assembly, postbox)


def _write_list_headers(assembly: Assembly, postbox: Postbox) -> None:
    assembly.constant(f"List-Unsubscribe: <{postbox.url}/u/".encode())
    assembly.token("unsubscribe")
    if postbox.brand.reply_domain:
        assembly.constant(b">, <mailto:u+")
        assembly.token("unsubscribe")
        assembly.constant(f"@{postbox.brand.reply_domain}?subject=unsubscribe".encode())
    assembly.constant(b">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")


def _feedback_id(letter: Letter, postbox: Postbox) -> bytes:
    sender = sha256(postbox.domain.encode()).hexdigest()[:12]
    return f"{postbox.send_id}:{_slug(letter.topic)}:{letter.kind}:{sender}".encode()


def _slug(topic: str) -> str:
    """A topic as part of a domain name; topics in other scripts get a short digest."""
    if topic == "*":
        return "news"
    plain = "".join(letter if letter.isalnum() else "-" for letter in topic.lower()).strip("-")
    if plain and plain.isascii():
        return plain[:40]
    return "t" + sha256(topic.encode()).hexdigest()[:10]
