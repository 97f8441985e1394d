"""Letters, brands and readers that the tests of this folder share."""

from dangol.model.message import MessageKind
from dangol.speak.letter.content import (
    AnswerBy,
    Button,
    Divider,
    Heading,
    ItemList,
    Letter,
    Paragraph,
    Photo,
    Question,
    Run,
    Text,
    Variant,
)
from dangol.speak.letter.postbox import Postbox
from dangol.speak.links.collect import collect_links
from dangol.store.brand import Brand
from dangol.store.keyring import Keyring

KEYRING = Keyring(keys={0: b"k" * 32}, addresses=b"a" * 32)
BRAND = Brand(
    name="Haru Coffee",
    legal_name="Haru Coffee Ltd.",
    sender_name="Haru Coffee",
    sender_email="hello@news.haru.example",
    email="help@haru.example",
    phone="02-123-4567",
    postal_address="1 Jong-ro, Seoul",
    public_url="https://news.haru.example",
    reply_domain="in.haru.example",
)
NAME = "{{ customer.name | honorific }}"


def text(*runs: Run | str) -> Text:
    """One paragraph."""
    return Text((Paragraph(tuple(Run(run) if isinstance(run, str) else run for run in runs)),))


def full_variant(subject: str = f"Hello {NAME}") -> Variant:
    """A variant with every kind of block."""
    rich = Text(
        (
            Heading((Run(f"Good day, {NAME}"),)),
            Paragraph((Run("We saw "), Run("{{ customer.city | default: 'you' }}", bold=True))),
            Paragraph((Run("our shop", href="https://haru.example/a?x=1&y=2"), Run(" <b>"))),
            ItemList(((Run("one"),), (Run("{{ customer.note }}", italic=True),)), ordered=True),
        )
    )
    return Variant(
        subject,
        "Fresh beans",
        (
            rich,
            Photo("A cup", url="https://img.example/cup.png", href="https://haru.example/b"),
            Button("Have a look", "https://haru.example/c"),
            Question("How was it?", ("Good", "Not so good")),
            Question("And the beans?", ("Yes", "No"), AnswerBy.LINK),
            Divider(),
        ),
    )


def letter(variant: Variant | None = None, locale: str = "en", **fields: object) -> Letter:
    """A news letter in one language."""
    given = {"kind": MessageKind.NEWS, "variants": {locale: variant or full_variant()}}
    return Letter(**(given | fields))


def postbox(of: Letter, brand: Brand = BRAND) -> Postbox:
    """Send 12 of a letter."""
    return Postbox(send_id=12, keyring=KEYRING, brand=brand, links=collect_links(of))
