"""A run of the press: the letters of many readers, what they have in common done once."""

from collections.abc import Sequence
from datetime import datetime

from dangol.errors import DangolError
from dangol.speak.letter.names import Reader
from dangol.speak.letter.press import CompiledLetter, Press
from dangol.speak.links.bulk import seal_all
from dangol.speak.links.sealing import varint


class PrintRun:
    """The letters of one send to `readers`: tokens are sealed together, the rest is rendered when it
    is asked for."""

    def __init__(self, press: Press, readers: Sequence[Reader]) -> None:
        self._press = press
        self._readers = readers
        self._letters = [_find(press, reader) for reader in readers]
        self._customers = [varint(reader.customer_id) for reader in readers]
        self._tokens: list[tuple[bytes, ...]] = [()] * len(readers)
        self._replies = [b""] * len(readers)
        for letter in dict.fromkeys(self._letters):
            if letter is not None:
                self._seal(letter)

    def render(self, row: int, at: datetime) -> bytes:
        """The message to one reader, dated `at`; raises what `Press.render` raises."""
        letter, reader = self._letters[row], self._readers[row]
        if letter is None:
            return self._press.render(reader, at)
        return self._press.sign(letter.render(reader, at, self._tokens[row]))

    def reply_token(self, row: int) -> str:
        """What names this message in its Message-ID and in the addresses that lead back to it."""
        return self._replies[row].decode()

    def _seal(self, letter: CompiledLetter) -> None:
        rows = [row for row, one in enumerate(self._letters) if one is letter]
        columns = {key: self._all(key, rows) for key in letter.token_keys}
        for row, reply, *tokens in zip(rows, columns["reply"], *columns.values(), strict=True):
            self._tokens[row] = tuple(tokens)
            self._replies[row] = reply

    def _all(self, key: str, rows: Sequence[int]) -> list[bytes]:
        sealer, tail = self._press.sealing(key)
        return seal_all(sealer, [self._customers[row] + tail for row in rows])


def _find(press: Press, reader: Reader) -> CompiledLetter | None:
    """None when it cannot be made in this reader's language: rendering then says why."""
    try:
        return press.compiled(reader)
    except DangolError:
        return None
