"""What the guard looks at: one person as a value, or many people as columns."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray

from dangol.know.attention.ledger import REST
from dangol.model.consent import ALL_TOPICS, ConsentState
from dangol.model.message import MessageKind
from dangol.model.stage import Stage

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STAGES = tuple(Stage)
CONSENTS = tuple(sorted(ConsentState, key=lambda state: state.strictness))
NO_SUPPRESSION, MARKETING_SUPPRESSED, ALL_SUPPRESSED = range(3)
PRESENT, MERGED, ERASED = range(3)


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be said, the same for everyone in a batch."""

    send_id: int
    kind: MessageKind
    topic: str = ALL_TOPICS
    has_sender: bool = True
    """Whether a channel is set up that may be used."""
    is_practice: bool = False
    """Whether it goes to the sandbox mailbox, which takes `.example` addresses."""
    holdout_share: float = 0.0
    expires_at: datetime | None = None
    plans_only: bool = False
    """Skip what depends on the moment of handing over: frequency, hours, holdout."""
    is_begun: bool = False
    """A conversation that we begin: nobody has asked for it."""

    @property
    def needs_leave(self) -> bool:
        """Whether consent, caps and quiet hours apply."""
        return self.kind.is_marketing or self.is_begun


class PersonFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about one person at one instant."""

    customer_id: int
    gone: int = PRESENT
    """PRESENT, MERGED or ERASED."""
    address: str | None = None
    suppression: int = NO_SUPPRESSION
    """NO_SUPPRESSION, MARKETING_SUPPRESSED or ALL_SUPPRESSED."""
    consent: ConsentState = ConsentState.UNKNOWN
    topic_consent: ConsentState | None = None
    """The answer about this topic, where there is one."""
    has_objected: bool = False
    paused_until: datetime | None = None
    stage: Stage = Stage.UNKNOWN
    has_open_complaint: bool = False
    handed_day: int = 0
    """Marketing messages handed over within 24 hours."""
    handed_week: int = 0
    zone: str | None = None
    attention: float = REST
    """How much contact there is room for, 0 to 20."""
    shares_address: bool = False
    """Another customer with the same address is written to by this send."""


class PeopleFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The same as columns of equal length, in any order of people."""

    customer_id: NDArray[np.int64]
    gone: NDArray[np.int8]
    address: Sequence[str | None]
    suppression: NDArray[np.int8]
    consent: NDArray[np.int8]
    """Index into CONSENTS."""
    topic_consent: NDArray[np.int8]
    """Index into CONSENTS, -1 where there is no answer about the topic."""
    has_objected: NDArray[np.bool_]
    paused_until: NDArray[np.int64]
    """Microseconds since 1970 UTC, 0 where there is no pause."""
    stage: NDArray[np.int8]
    """Index into STAGES."""
    has_open_complaint: NDArray[np.bool_]
    handed_day: NDArray[np.int32]
    handed_week: NDArray[np.int32]
    zone: Sequence[str | None]
    shares_address: NDArray[np.bool_]
    attention: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.customer_id)

    def person(self, row: int) -> PersonFacts:
        """One row as a value."""
        topic = int(self.topic_consent[row])
        paused = int(self.paused_until[row])
        return PersonFacts(
            customer_id=int(self.customer_id[row]),
            gone=int(self.gone[row]),
            address=self.address[row],
            suppression=int(self.suppression[row]),
            consent=CONSENTS[self.consent[row]],
            topic_consent=None if topic < 0 else CONSENTS[topic],
            has_objected=bool(self.has_objected[row]),
            paused_until=EPOCH + timedelta(microseconds=paused) if paused else None,
            stage=STAGES[self.stage[row]],
            has_open_complaint=bool(self.has_open_complaint[row]),
            handed_day=int(self.handed_day[row]),
            handed_week=int(self.handed_week[row]),
            zone=self.zone[row],
            shares_address=bool(self.shares_address[row]),
            attention=float(self.attention[row]),
        )


def microseconds(moment: datetime | None) -> int:
    """`moment` as microseconds since 1970 UTC, 0 for None."""
    return 0 if moment is None else (moment - EPOCH) // timedelta(microseconds=1)


def people_facts(rows: Sequence[tuple]) -> PeopleFacts:
    """Columns from rows of (customer_id, gone, address, suppression, consent text, topic consent
    text or None, has_objected, paused_until µs, stage text, has_open_complaint, handed_day,
    handed_week, zone, shares_address, attention), as the facts queries give them."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * 15
    consent = {state.value: index for index, state in enumerate(CONSENTS)}
    stage = {state.value: index for index, state in enumerate(STAGES)}
    return PeopleFacts(
        customer_id=np.array(columns[0], np.int64),
        gone=np.array(columns[1], np.int8),
        address=columns[2],
        suppression=np.array(columns[3], np.int8),
        consent=np.array([consent.get(text, 0) for text in columns[4]], np.int8),
        topic_consent=np.array([consent.get(text, -1) for text in columns[5]], np.int8),
        has_objected=np.array(columns[6], np.bool_),
        paused_until=np.array(columns[7], np.int64),
        stage=np.array([stage.get(text, 0) for text in columns[8]], np.int8),
        has_open_complaint=np.array(columns[9], np.bool_),
        handed_day=np.array(columns[10], np.int32),
        handed_week=np.array(columns[11], np.int32),
        zone=columns[12],
        shares_address=np.array(columns[13], np.bool_),
        attention=np.array(columns[14], np.float64),
    )


def row_of(person: PersonFacts) -> tuple:
    """A person as one of the rows that `people_facts` takes."""
    return (
        person.customer_id,
        person.gone,
        person.address,
        person.suppression,
        person.consent.value,
        person.topic_consent.value if person.topic_consent else None,
        person.has_objected,
        microseconds(person.paused_until),
        person.stage.value,
        person.has_open_complaint,
        person.handed_day,
        person.handed_week,
        person.zone,
        person.shares_address,
        person.attention,
    )
