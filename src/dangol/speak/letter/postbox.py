"""Where the letters of one send come from, and which law follows their readers."""

import re

import msgspec

from dangol.model.address import normalise_email
from dangol.speak.letter.dkim import Signer
from dangol.speak.letter.headers import is_address
from dangol.speak.letter.names import Reader
from dangol.store.brand import Brand
from dangol.store.keyring import Keyring

_URL = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9._~/-]*)?")


class Postbox(msgspec.Struct, frozen=True, kw_only=True):
    """Where a send's letters come from and what their links lead to."""

    send_id: int
    keyring: Keyring
    brand: Brand
    links: tuple[str, ...] = ()
    """Counted links; the first is number 1."""
    base_url: str = ""
    """Where our own links are reached, when it is not the brand's public address."""
    signer: Signer | None = None
    """Signs every message, where the relay does not."""

    @property
    def url(self) -> str:
        """The base of our own links, without a slash at the end."""
        return (self.base_url or self.brand.public_url).rstrip("/")

    @property
    def sender(self) -> str:
        """The address that letters come from, its domain in ASCII; empty when there is none."""
        return normalise_email(self.brand.sender_email or self.brand.email) or ""

    @property
    def fault(self) -> str:
        """What of the brand's settings cannot stand in a header; empty when all can."""
        domain = self.brand.reply_domain
        if not is_address(self.sender):
            return f"The sender's address {self.brand.sender_email!r} is none."
        if domain and not is_address(f"r@{domain}"):
            return f"The domain for answers {domain!r} is none."
        if not _URL.fullmatch(self.url):
            return f"The public address {self.url!r} is none."
        return ""

    @property
    def domain(self) -> str:
        """The domain of Message-ID and List-Id."""
        return self.sender.rpartition("@")[2] or "dangol.invalid"

    @property
    def reply_to(self) -> str:
        """Where answers go, with `{token}` in it when our own receiver takes them."""
        if self.brand.reply_domain:
            return f"r+{{token}}@{self.brand.reply_domain}"
        return normalise_email(self.brand.email) or self.sender


def goes_to_korea(reader: Reader, brand: Brand) -> bool:
    """Whether Korean law applies: the person is there, or might be for all that is known."""
    if reader.country:
        return reader.country.upper() == "KR"
    spoken = (reader.locale or brand.locale).lower().startswith("ko")
    return brand.country.upper() == "KR" or spoken
