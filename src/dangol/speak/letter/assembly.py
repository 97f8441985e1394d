"""A message as a row of byte strings with holes, filled for each person and joined once."""

from collections.abc import Callable, Sequence
from typing import Any

from dangol.speak.letter.names import Reader
from dangol.speak.letter.quoted import SOFT_BREAK, encode_piece
from dangol.speak.letter.slots import Atom, Link, Value, remember
from dangol.speak.links.addresses import Addresses, token_name
from dangol.speak.links.sealing import varint

Encode = Callable[[Any], bytes]


class Assembly:
    """Collects constants, values and tokens in order; `fill` sets them for one person."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._pieces: list[bytes] = []
        self._holes: set[int] = set()
        self._tokens: dict[str, list[int]] = {}
        self._values: dict[str, tuple[Value, Encode, list[int]]] = {}

    def constant(self, raw: bytes) -> None:
        """The same bytes for everyone."""
        last = len(self._pieces) - 1
        if last >= 0 and last not in self._holes:
            self._pieces[last] += raw
        else:
            self._pieces.append(raw)

    def hole(self) -> int:
        """A place that the caller fills itself; its index in what `fill` returns."""
        self._pieces.append(b"")
        self._holes.add(len(self._pieces) - 1)
        return len(self._pieces) - 1

    def token(self, key: str) -> None:
        """The person's token of `key`, in ASCII."""
        self._tokens.setdefault(token_name(key), []).append(self.hole())

    def body(self, atoms: list[Atom], frame_of: Callable[[str], tuple[str, str]]) -> None:
        """A template in quoted-printable; soft breaks stand around what differs in length."""
        at_line_start = True
        for atom in _with_frames(atoms, frame_of):
            if not at_line_start:
                self.constant(SOFT_BREAK)
            match atom:
                case str():
                    self.constant(encode_piece(atom))
                case Link(key):
                    self.token(key)
                case Value():
                    self._value(atom)
            at_line_start = isinstance(atom, str) and atom.endswith("\n")
        self.constant(b"\r\n")  # the line end that belongs to the boundary which follows

    def seal(self) -> None:
        """Bind the makers of tokens and values; nothing may be added afterwards."""
        self._makers = [self._addresses.maker(key) for key in self._tokens]
        self._places = [tuple(places) for places in self._tokens.values()]
        self._readers = [
            (value.read, encode, tuple(places)) for value, encode, places in self._values.values()
        ]

    @property
    def token_keys(self) -> tuple[str, ...]:
        """Of what there are tokens, in the order in which `fill` takes them."""
        return tuple(self._tokens)

    def fill(self, reader: Reader, tokens: Sequence[bytes] | None = None) -> list[bytes]:
        """The pieces with the values and tokens of one person in place; `tokens` are those of
        `token_keys` where they were made before."""
        out = self._pieces.copy()
        if tokens is None:
            customer = varint(reader.customer_id)
            tokens = [make(customer).encode() for make in self._makers]
        for token, places in zip(tokens, self._places, strict=True):
            for place in places:
                out[place] = token
        for read, encode, places in self._readers:
            value = encode(read(reader))
            for place in places:
                out[place] = value
        return out

    def _value(self, value: Value) -> None:
        if value.spelling not in self._values:
            shape = value.shape
            encode = remember(lambda raw: encode_piece(shape(raw)))
            self._values[value.spelling] = (value, encode, [])
        self._values[value.spelling][2].append(self.hole())


def _with_frames(atoms: list[Atom], frame_of: Callable[[str], tuple[str, str]]) -> list[Atom]:
    """The atoms with what stands before and after each token merged into the constants."""
    out: list[Atom] = []
    for atom in atoms:
        parts: list[Atom] = [atom]
        if isinstance(atom, Link):
            before, after = frame_of(atom.key)
            parts = [before, atom, after]
        for part in parts:
            if isinstance(part, str) and out and isinstance(out[-1], str):
                out[-1] += part
            elif part != "":
                out.append(part)
    return out
