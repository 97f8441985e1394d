"""Where the letters of one send come from, and which law follows their readers."""

import msgspec

from dangol.speak.letter.names import Reader
from dangol.store.brand import Brand
from dangol.store.keyring import Keyring


class Postbox(msgspec.Struct, frozen=True, kw_only=True):
    """Where a send's letters come from and what their links lead to."""

    send_id: int
    keyring: Keyring
    brand: Brand
    links: tuple[str, ...] = ()
    """Counted links; the first is number 1."""
    base_url: str = ""
    """Where our own links are reached, when it is not the brand's public address."""

    @property
    def url(self) -> str:
        """The base of our own links, without a slash at the end."""
        return (self.base_url or self.brand.public_url).rstrip("/")

    @property
    def domain(self) -> str:
        """The domain of Message-ID and List-Id."""
        return self.brand.sender_email.rpartition("@")[2] or "dangol.invalid"

    @property
    def reply_to(self) -> str:
        """Where answers go, with `{token}` in it when our own receiver takes them."""
        if self.brand.reply_domain:
            return f"r+{{token}}@{self.brand.reply_domain}"
        return self.brand.email or self.brand.sender_email


def goes_to_korea(reader: Reader, brand: Brand) -> bool:
    """Whether Korean law applies: the person is there, or might be for all that is known."""
    if reader.country:
        return reader.country.upper() == "KR"
    spoken = (reader.locale or brand.locale).lower().startswith("ko")
    return brand.country.upper() == "KR" or spoken
