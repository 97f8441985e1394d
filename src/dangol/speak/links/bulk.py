"""Tokens of many customers at once: hashed one by one, written down together.

Half of the time that a token takes goes into spelling it in base32; over columns that is a few
array operations. Equal to `Sealer.seal` for each, which a test holds.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dangol.speak.links.sealing import LETTERS, Sealer

_ALPHABET = np.frombuffer(LETTERS.encode(), np.uint8)


def seal_all(sealer: Sealer, rests: Sequence[bytes]) -> list[bytes]:
    """The tokens, in ASCII, of what `rests` name (see `Sealer.seal`), in their order."""
    raws = sealer.sign_all(rests)
    lengths = set(map(len, raws))
    if len(lengths) <= 1:
        return spell(raws)
    out: list[bytes] = [b""] * len(raws)
    for length in lengths:
        places = [place for place, raw in enumerate(raws) if len(raw) == length]
        for place, token in zip(places, spell([raws[place] for place in places]), strict=True):
            out[place] = token
    return out


def spell(raws: Sequence[bytes]) -> list[bytes]:
    """Base32 as `sealing.base32` writes it, of byte strings of one length.

    >>> spell([b"dangol", b"letter"])
    [b'mrqw4z3pnq', b'nrsxi5dfoi']
    """
    if not raws or not raws[0]:
        return [b""] * len(raws)
    length = len(raws[0])
    fives = -(-length // 5)
    octets = np.zeros((len(raws), fives * 5), np.uint8)
    octets[:, :length] = np.frombuffer(b"".join(raws), np.uint8).reshape(len(raws), length)
    places = _fifths(octets.reshape(len(raws), fives, 5)).reshape(len(raws), fives * 8)
    size = -(-8 * length // 5)
    letters = np.ascontiguousarray(_ALPHABET[places[:, :size]])
    return letters.view(f"S{size}").ravel().tolist()


def _fifths(octets: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each five octets as eight groups of five bits (RFC 4648, section 6)."""
    a, b, c, d, e = (octets[:, :, place] for place in range(5))
    out = np.empty((*octets.shape[:2], 8), np.uint8)
    out[:, :, 0] = a >> 3
    out[:, :, 1] = (a & 7) << 2 | b >> 6
    out[:, :, 2] = b >> 1 & 31
    out[:, :, 3] = (b & 1) << 4 | c >> 4
    out[:, :, 4] = (c & 15) << 1 | d >> 7
    out[:, :, 5] = d >> 2 & 31
    out[:, :, 6] = (d & 3) << 3 | e >> 5
    out[:, :, 7] = e & 31
    return out
