"""Between the hand-off and the sockets: what may leave, and what became of it.

Everything runs on the event loop's thread; `pull` and `done` are called by connections.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from time import monotonic

from dangol.decide.guard.checks import is_usable
from dangol.errors import DangolError
from dangol.speak.channel.email.mail import Mail, Outcome, OutcomeKind
from dangol.speak.dispatch.pace import TokenBucket
from dangol.speak.dispatch.rendering import Write
from dangol.speak.outbox.handoff import Handed
from dangol.speak.outbox.results import Result

_TOO_LATE = Outcome(OutcomeKind.RETRY, 0, "not sent within its time", "late", counts=False)
_PRACTICE = Outcome(OutcomeKind.PERMANENT, 0, "practice addresses are not mailed", "address")
_NOT_SENT = Outcome(OutcomeKind.RETRY, 0, "the dispatcher stopped", "stop", counts=False)


class Feed:
    """Handed messages in order, rendered when a connection asks for one."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.results: list[Result] = []
        self.bucket = TokenBucket(None)
        self.is_practice = False
        """Whether this leads to the sandbox mailbox, the only one that takes `.example`."""
        self.is_throttled = False
        """Whether the last pull found a message but no token for it."""
        self._now = now
        self._batches: deque[tuple[Handed, Write, deque[int]]] = deque()
        self._size = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._size

    def add(self, batch: Handed, write: Write) -> None:
        """Take over what was handed."""
        if len(batch):
            self._batches.append((batch, write, deque(range(len(batch)))))
            self._size += len(batch)

    def pull(self) -> Mail | None:
        """The next mail that may leave; None when there is none, or none may leave yet."""
        while self._batches:
            batch, write, rows = self._batches[0]
            if not rows:
                self._batches.popleft()
                continue
            if not self.bucket.take(monotonic()):
                self.is_throttled = True
                return None
            self._size -= 1
            mail = self._write(batch, write, rows.popleft())
            if mail is not None:
                return mail
        self.is_throttled = False
        return None

    def is_late(self, mail: Mail) -> bool:
        """Whether the time is over in which a pulled mail may leave."""
        batch, _ = mail.tag
        return self._now() >= batch.send_by

    def done(self, mail: Mail, outcome: Outcome) -> None:
        """What became of one pulled mail."""
        batch, row = mail.tag
        self._settle(batch, row, outcome)

    def give_back(self) -> None:
        """What was handed and never left can be handed over again."""
        for batch, _, rows in self._batches:
            for row in rows:
                self._settle(batch, row, _NOT_SENT)
        self._batches.clear()
        self._size = 0

    def refuse(self, batch: Handed, why: str) -> None:
        """A whole batch that cannot be written."""
        for row in range(len(batch)):
            self._settle(batch, row, Outcome(OutcomeKind.PERMANENT, 0, why, "content"))

    def _write(self, batch: Handed, write: Write, row: int) -> Mail | None:
        now = self._now()
        if now >= batch.send_by:
            self._settle(batch, row, _TOO_LATE)
            return None
        try:
            mail = write(row, now)
        except DangolError as error:
            refused = Outcome(OutcomeKind.PERMANENT, 0, str(error), "content")
            self._settle(batch, row, refused)
            return None
        if not is_usable(mail.recipient, is_practice=self.is_practice):
            self._settle(batch, row, _PRACTICE)
            return None
        return Mail(mail.sender, mail.recipient, mail.raw, (batch, row), mail.is_wire_form)

    def _settle(self, batch: Handed, row: int, outcome: Outcome) -> None:
        self.results.append(
            Result(
                batch.send,
                batch.bucket[row],
                batch.customer_id[row],
                batch.handed_at,
                batch.attempts[row],
                outcome,
            )
        )
