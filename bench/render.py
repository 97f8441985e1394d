"""A letter becomes messages: the compiled path, the one with logic, with DKIM, and the naive way.

Processor time of one core. Every person has a name of their own; the letter has HTML and text,
three counted links, a pixel, an unsubscribe link, and all headers.
"""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from liquid import Environment

from bench.report import Figure, show
from dangol.model.message import MessageKind
from dangol.speak.letter.content import Button, Letter, Paragraph, Run, Text, Variant
from dangol.speak.letter.dkim import Signer
from dangol.speak.letter.drafting import draft
from dangol.speak.letter.names import Reader, full_name, value_of
from dangol.speak.letter.postbox import Postbox
from dangol.speak.letter.press import Press
from dangol.speak.links.addresses import Addresses, frame_of
from dangol.speak.links.collect import collect_links
from dangol.store.brand import Brand
from dangol.store.keyring import Keyring

AT = datetime(2026, 3, 5, 9, tzinfo=UTC)
KEYRING = Keyring(keys={0: os.urandom(32)}, addresses=os.urandom(32))
BRAND = Brand(
    name="Haru Coffee",
    sender_email="hello@news.haru.example",
    email="help@haru.example",
    phone="02-123-4567",
    postal_address="1 Jong-ro, Seoul",
    public_url="https://news.haru.example",
    reply_domain="in.haru.example",
)
LOGIC = "{% if customer.city %}See you in {{ customer.city }}.{% endif %}"


def a_letter(*more: str) -> Letter:
    """A short letter with a name in four places."""
    lines = (
        "Hello {{ customer.name | honorific }}, the spring beans are here.",
        "They were roasted on Monday for {{ customer.city | default: 'your town' }}.",
        *more,
    )
    link = Run("how they taste", href="https://haru.example/taste")
    parts = (*(Paragraph((Run(line),)) for line in lines), Paragraph((Run("Read "), link)))
    blocks = (
        Text(parts),
        Button("Have a look", "https://haru.example/spring?from=letter"),
        Button("Visit us", "https://haru.example/visit"),
    )
    variant = Variant("{{ customer.name | honorific }}, spring beans", "Fresh", blocks)
    return Letter(MessageKind.NEWS, {"en": variant})


def readers(count: int) -> list[Reader]:
    """People with names of their own, one in ten of them in Hangul."""
    return [
        Reader(
            10_000 + number,
            f"person{number}@home.example",
            {
                "name": f"이름{number}" if number % 10 == 0 else f"Person Number {number}",
                "city": ("Seoul", "Busan", "Jeju")[number % 3],
            },
            "en",
            "DE",
        )
        for number in range(count)
    ]


def rate(write: Callable[[Reader], object], people: list[Reader]) -> float:
    """Messages per second of one core's time, the best of three."""
    best = 0.0
    for _ in range(3):
        started = time.process_time()
        for reader in people:
            write(reader)
        best = max(best, len(people) / (time.process_time() - started))
    return best


def naive(letter: Letter, postbox: Postbox) -> Callable[[Reader], bytes]:
    """The usual way: Liquid for each part, `email` for the message, a token at a time."""
    sheet = draft(letter, "en", postbox, to_korea=False)
    from dangol.speak.letter.template import environment_for

    env: Environment = environment_for("en")
    subject, text, html = (env.from_string(s.text) for s in (sheet.subject, sheet.text, sheet.html))
    addresses = Addresses(postbox.keyring, postbox.send_id)
    keys = ["unsubscribe", "preferences", "view", "open", "counted_1", "counted_2", "counted_3"]

    def write(reader: Reader) -> bytes:
        links = {}
        for key in keys:
            before, after = frame_of(key, postbox.url, postbox.reply_to)
            links[key] = f"{before}{addresses.token(key, reader.customer_id)}{after}"
        customer = {name: value_of(reader, name) for name in ("name", "first_name", "city")}
        values = {"customer": customer, "brand": {"name": postbox.brand.name}, "link": links}
        message = EmailMessage()
        message["From"] = f"{postbox.brand.name} <{postbox.brand.sender_email}>"
        message["To"] = f'"{full_name(reader)}" <{reader.address}>'
        message["Subject"] = subject.render(**values)
        message["Date"] = format_datetime(AT)
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(text.render(**values), cte="quoted-printable")
        message.add_alternative(html.render(**values), subtype="html", cte="quoted-printable")
        return message.as_bytes()

    return write


def main() -> None:
    """Measure and print."""
    plain, logical = a_letter(), a_letter(LOGIC)
    postbox = Postbox(send_id=12, keyring=KEYRING, brand=BRAND, links=collect_links(plain))
    press, slow_press = Press(plain, postbox), Press(logical, postbox)
    people = readers(5_000)
    size = len(press.render(people[0], AT))
    base = rate(naive(plain, postbox), people[:200])
    note = f"{size / 1000:.1f} kB each, 7 links with tokens"
    name = "Liquid and email.message"
    fast = rate(lambda reader: press.render(reader, AT), people)
    show(Figure("letters rendered", fast, "per CPU s", 30_000, base, name, note=note))
    by_liquid = rate(lambda reader: slow_press.render(reader, AT), people[:500])
    show(Figure("letters with logic rendered", by_liquid, "per CPU s", None, base, name))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    signer = Signer("news.haru.example", "d1", pem)
    signed = rate(lambda reader: signer.sign(press.render(reader, AT)), people[:500])
    show(Figure("letters rendered and signed", signed, "per CPU s", None, base, name))


if __name__ == "__main__":
    main()
