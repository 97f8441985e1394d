"""Quoted-printable (RFC 2045 6.7), written so that pieces can be joined afterwards.

Every piece begins at the start of a line and may be followed by a soft break, no encoded line is
longer than 76 characters, and none begins with a dot, so SMTP needs no dot-stuffing.
"""

import re
from binascii import b2a_qp

SOFT_BREAK = b"=\r\n"
_WIDTH = 75
_PLAIN = re.compile(r"[ !-<>-~]*")
_OCTET = [
    bytes([code]) if 32 <= code <= 126 and code != 61 else b"=%02X" % code for code in range(256)
]


def encode_piece(text: str) -> bytes:
    """`text` in quoted-printable, line ends as CRLF, as a piece that begins a line.

    >>> encode_piece("단골"), encode_piece(".hidden"), encode_piece("a=b \\nc")
    (b'=EB=8B=A8=EA=B3=A8', b'=2Ehidden', b'a=3Db=20\\r\\nc')
    """
    if len(text) <= 72 and _PLAIN.fullmatch(text):
        raw = text.encode()
        return b"=2E" + raw[1:] if raw[:1] == b"." else raw
    if len(text) <= 8 and text.isprintable():  # a short name: nothing to break
        done = b"".join([_OCTET[code] for code in text.encode("utf-8", "replace")])
        if len(done) <= _WIDTH and done[:1] != b".":
            return done
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    last = len(lines) - 1
    return b"\r\n".join(_encode_line(line, index == last) for index, line in enumerate(lines))


def _encode_line(line: str, is_last: bool) -> bytes:
    units = [_OCTET[code] for code in line.encode("utf-8", "replace")]
    if units and not is_last and units[-1] == b" ":
        units[-1] = b"=20"
    rows, row, width = [], [], 0
    for unit in units:
        if width + len(unit) > _WIDTH:
            rows.append(b"".join(row))
            row, width = [], 0
        if width == 0 and unit == b".":
            unit = b"=2E"
        row.append(unit)
        width += len(unit)
    rows.append(b"".join(row))
    return SOFT_BREAK.join(rows)


def encode_whole(text: str) -> bytes:
    """All of `text` in quoted-printable: by the C encoder, or by ours where that would need care."""
    raw = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    done = b"\n" + b2a_qp(raw.replace(b"\n", b"\r\n"), istext=True)
    if b"\n.." in done or _bare(done[1:]):
        return encode_piece(text)
    # A dot at the start of a line: encoded, with a soft break so that the line stays short.
    return done.replace(b"\n.", b"\n=2E=\r\n")[1:]


def _bare(done: bytes) -> bool:
    return done.count(b"\n") != done.count(b"\r\n") or done.endswith((b" ", b"\t"))
