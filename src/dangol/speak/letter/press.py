"""From a letter to messages: compiled once per send, rendered per person in microseconds.

`Press` holds one `CompiledLetter` per language and law. A letter without logic becomes constant
bytes in quoted-printable with holes between them; one with logic is rendered by Liquid for each
person and encoded whole. Both give a complete message (RFC 5322, MIME) with CRLF line ends, in
which no line begins with a dot.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any

from dangol.errors import DangolError
from dangol.speak.letter.assembly import Assembly
from dangol.speak.letter.content import Letter, choose_locale
from dangol.speak.letter.drafting import Draft, draft
from dangol.speak.letter.envelope import write_fixed_headers, write_personal_headers
from dangol.speak.letter.headers import encode_mailbox, encode_text, is_address
from dangol.speak.letter.names import (
    BRAND_NAMES,
    Reader,
    full_name,
    traits_behind,
    value_of,
)
from dangol.speak.letter.postbox import Postbox, goes_to_korea
from dangol.speak.letter.quoted import encode_whole
from dangol.speak.letter.slots import Atom, Value, split
from dangol.speak.letter.template import Source, names_used, render
from dangol.speak.links.addresses import Addresses, frame_of
from dangol.speak.links.sealing import Sealer

_PLACES = 4096


class ContentRefused(DangolError):
    """This cannot be written: an address or domain cannot stand in a header."""


class Press:
    """Renders the messages of one send. Not for use by several threads at once."""

    def __init__(self, letter: Letter, postbox: Postbox) -> None:
        self._letter = letter
        self._postbox = postbox
        self._addresses = Addresses(postbox.keyring, postbox.send_id)
        self._compiled: dict[tuple[str, bool], CompiledLetter] = {}
        self._by_place: dict[tuple[str | None, str | None], CompiledLetter] = {}
        names = {name for locale in letter.variants for name in self._names(locale)}
        self.needs_stage = "stage" in names
        """Whether `Reader.stage` is looked at."""
        self.traits = traits_behind(names)
        """The customer traits to load."""

    def render(self, reader: Reader, at: datetime) -> bytes:
        """The whole message to `reader`, dated `at`.

        Raises:
            ContentRefused: the address, or one of the brand's, cannot stand in a header.
            TemplateRefused: the template ran into a bound for this person.
        """
        return self.sign(self.compiled(reader).render(reader, at))

    def compiled(self, reader: Reader) -> "CompiledLetter":
        """The compiled letter in the language and under the law of `reader`."""
        place = (reader.locale, reader.country)
        found = self._by_place.get(place)
        if found is None:
            found = self._find(reader)
            if len(self._by_place) >= _PLACES:  # a locale is whatever somebody sent
                self._by_place.clear()
            self._by_place[place] = found
        return found

    def sign(self, raw: bytes) -> bytes:
        """A rendered message with our signature, where the relay does not sign."""
        signer = self._postbox.signer
        return raw if signer is None else signer.sign(raw)

    def sealing(self, key: str) -> tuple[Sealer, bytes]:
        """See `Addresses.sealing`."""
        return self._addresses.sealing(key)

    def _find(self, reader: Reader) -> "CompiledLetter":
        brand = self._postbox.brand
        locale = choose_locale(self._letter, reader.locale, brand.locale)
        key = (locale, goes_to_korea(reader, brand))
        found = self._compiled.get(key)
        if found is None:
            sheet = draft(self._letter, locale, self._postbox, to_korea=key[1])
            found = CompiledLetter(self._letter, locale, sheet, self._postbox)
            self._compiled[key] = found
        return found

    def _names(self, locale: str) -> set[str]:
        sheet = draft(self._letter, locale, self._postbox, to_korea=True)
        sources = (sheet.subject, sheet.html, sheet.text)
        return {name for source in sources for name in names_used(source.text, locale, "customer")}


class CompiledLetter:
    """One letter in one language and under one law, ready to be rendered."""

    def __init__(self, letter: Letter, locale: str, sheet: Draft, postbox: Postbox) -> None:
        self._locale = locale
        self._fault = postbox.fault
        self._sheet = sheet
        self._addresses = Addresses(postbox.keyring, postbox.send_id)
        self._frame_of = partial(frame_of, base_url=postbox.url, reply_to=postbox.reply_to)
        self._brand = {name: getattr(postbox.brand, name) for name in BRAND_NAMES}
        sources = (sheet.subject, sheet.text, sheet.html)
        self._atoms = [split(source.text, locale, self._brand) for source in sources]
        self.is_fast = all(atoms is not None for atoms in self._atoms)
        """Whether it renders without Liquid."""
        self._assembly = Assembly(self._addresses)
        self._lay_headers(letter, postbox)
        self._lay_bodies()
        self._assembly.seal()

    @property
    def token_keys(self) -> tuple[str, ...]:
        """Of what there are tokens in it, in the order in which `render` takes them."""
        return self._assembly.token_keys

    def render(self, reader: Reader, at: datetime, tokens: Sequence[bytes] | None = None) -> bytes:
        """The whole message to `reader`, dated `at`; see `Press.render`. `tokens` are those of
        `token_keys` where they were made before."""
        if self._fault:
            raise ContentRefused(self._fault)
        if not is_address(reader.address):
            raise ContentRefused("{address!r} cannot stand in a header.", address=reader.address)
        out = self._assembly.fill(reader, tokens)
        out[self._to] = encode_mailbox(full_name(reader), reader.address)
        out[self._date] = _date(int(at.timestamp()))
        out[self._subject] = encode_text(self.subject(reader))
        if not self.is_fast:
            out[self._text] = encode_whole(self.text(reader))
            out[self._html] = encode_whole(self.html(reader))
        return b"".join(out)

    def subject(self, reader: Reader) -> str:
        """The subject for one person."""
        atoms = self._atoms[0]
        if atoms is None:
            return self._by_liquid(self._sheet.subject, reader)
        return "".join([_read(atom, reader) for atom in atoms])

    def text(self, reader: Reader) -> str:
        """The text part for one person, by Liquid."""
        return self._by_liquid(self._sheet.text, reader)

    def html(self, reader: Reader) -> str:
        """The HTML part for one person, by Liquid."""
        return self._by_liquid(self._sheet.html, reader)

    def _by_liquid(self, source: Source, reader: Reader) -> str:
        return render(source.text, self._locale, self._values(source, reader))

    def _values(self, source: Source, reader: Reader) -> dict[str, Any]:
        links = {}
        for key in names_used(source.text, self._locale, "link"):
            before, after = self._frame_of(key)
            links[key] = f"{before}{self._addresses.token(key, reader.customer_id)}{after}"
        names = names_used(source.text, self._locale, "customer")
        customer = {name: value_of(reader, name) for name in names}
        return {"customer": customer, "brand": self._brand, "link": links}

    def _lay_headers(self, letter: Letter, postbox: Postbox) -> None:
        assembly = self._assembly
        assembly.constant(write_fixed_headers(letter, postbox))
        assembly.constant(b"To: ")
        self._to = assembly.hole()
        assembly.constant(b"\r\nDate: ")
        self._date = assembly.hole()
        assembly.constant(b"\r\nSubject: ")
        self._subject = assembly.hole()
        assembly.constant(b"\r\n")
        write_personal_headers(assembly, letter, postbox)

    def _lay_bodies(self) -> None:
        assembly = self._assembly
        digest = sha256((self._sheet.html.text + self._sheet.text.text).encode("utf-8", "replace"))
        boundary = f"=_{digest.hexdigest()[:24]}".encode()  # "=_" never occurs in quoted-printable
        assembly.constant(
            b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="'
            + boundary
            + b'"\r\n\r\n'
        )
        self._text = self._lay_part(b"--" + boundary, b"plain", self._atoms[1])
        self._html = self._lay_part(b"--" + boundary, b"html", self._atoms[2])
        assembly.constant(b"--" + boundary + b"--\r\n")

    def _lay_part(self, delimiter: bytes, kind: bytes, atoms: list[Atom] | None) -> int:
        self._assembly.constant(
            delimiter
            + b"\r\nContent-Type: text/"
            + kind
            + b"; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        )
        if self.is_fast and atoms is not None:
            self._assembly.body(atoms, self._frame_of)
            return -1
        hole = self._assembly.hole()
        self._assembly.constant(b"\r\n")
        return hole


def _read(atom: Atom, reader: Reader) -> str:
    if isinstance(atom, Value):
        return atom.shape(atom.read(reader))
    return atom if isinstance(atom, str) else ""


@lru_cache(maxsize=64)
def _date(second: int) -> bytes:
    return format_datetime(datetime.fromtimestamp(second, UTC)).encode()
