"""The addresses that a letter carries for one person: what is counted, and the ways out."""

from collections.abc import Callable

from dangol.speak.links.sealing import Sealer, varint
from dangol.store.keyring import Keyring

_KINDS = {
    "open": "o",
    "unsubscribe": "u",
    "preferences": "u",
    "view": "u",
    "confirm": "s",
    "friend": "f",
    "reply": "r",
}
"""One token opens the three pages: whoever holds the letter may leave, choose less, and read it."""
_PATHS = {"preferences": "p", "view": "v"}


class Addresses:
    """Makes the tokens of one send; `key` says of what: open, unsubscribe, counted_3 …"""

    def __init__(self, keyring: Keyring, send_id: int) -> None:
        self._keyring = keyring
        self._send_id = send_id
        self._sealers: dict[str, Sealer] = {}

    def token(self, key: str, customer_id: int) -> str:
        """The token of `key` for one customer."""
        return self.maker(key)(varint(customer_id))

    def maker(self, key: str) -> Callable[[bytes], str]:
        """A function from `varint(customer_id)` to the token of `key`."""
        sealer, tail = self.sealing(key)
        return lambda customer: sealer.seal(customer + tail)

    def sealing(self, key: str) -> tuple[Sealer, bytes]:
        """Who seals the tokens of `key`, and what follows the customer in them."""
        kind, number = _kind_of(key)
        if kind not in self._sealers:
            self._sealers[kind] = Sealer(self._keyring, kind, self._send_id)
        return self._sealers[kind], b"" if number is None else varint(number)


def frame_of(key: str, base_url: str, reply_to: str) -> tuple[str, str]:
    """What stands before and after the token in the address of `key`."""
    kind, _ = _kind_of(key)
    if key == "reply":
        local, _, domain = reply_to.partition("{token}")
        return f"mailto:{local}", domain
    return f"{base_url}/{_PATHS.get(key, kind)}/", ".gif" if kind == "o" else ""


def token_name(key: str) -> str:
    """Equal for keys whose addresses carry the same token.

    >>> token_name("view"), token_name("counted_3")
    ('unsubscribe', 'counted_3')
    """
    return "unsubscribe" if key in _PATHS else key


def _kind_of(key: str) -> tuple[str, int | None]:
    if key.startswith("counted_"):
        return "c", int(key.removeprefix("counted_"))
    if key.startswith("question_"):
        return "q", int(key.removeprefix("question_"))
    return _KINDS[key], None
