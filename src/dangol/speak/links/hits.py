"""What an open or a click tells: whose it was, and whether a machine did it. Pure.

Machines are marked, never dropped: the raw fact stays and can be judged again. Sources of the
rules: what link scanners and image proxies were seen to do (RFC 9110 for HEAD and prefetch).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

import msgspec

from dangol.model.event import EventName, event_key

SOON = timedelta(seconds=2)
"""So quickly after the hand-off nobody has read anything."""
BURST = timedelta(seconds=2)
"""Two different links of one letter within this time were followed by a program."""
_AGENT_SHOWN = 200
_SCANNERS = re.compile(
    r"bot\b|crawler|spider|scanner|headless|python-requests|python-urllib|aiohttp|httpx|curl/|wget/|"
    r"go-http-client|java/|okhttp|barracuda|mimecast|proofpoint|safelinks|urldefense|"
    r"bingpreview|slackbot|facebookexternalhit|whatsapp|telegrambot|kakaotalk-scrap|"
    r"symantec|trendmicro|fireeye|forcepoint",
    re.IGNORECASE,
)
_APPLE_PRIVACY = "Mozilla/5.0"
"""All that Apple's mail privacy proxy says; it loads every picture soon after delivery."""


class MachineReason(StrEnum):
    """Why a hit is taken for a machine's."""

    PREFETCH = "prefetch"
    NO_AGENT = "no_agent"
    SCANNER = "scanner"
    APPLE_PRIVACY = "apple_privacy"
    TOO_SOON = "too_soon"
    MANY_LINKS = "many_links"


class Hit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One open or click as it was kept: link 0 is the pixel."""

    send_id: int
    customer_id: int
    link: int
    at_us: int
    """Microseconds since 1970."""
    agent: str = ""
    prefetch: bool = False

    @property
    def at(self) -> datetime:
        """When it arrived."""
        return datetime.fromtimestamp(self.at_us // 1_000_000, UTC) + timedelta(
            microseconds=self.at_us % 1_000_000
        )

    @property
    def message(self) -> tuple[int, int]:
        """Send and customer."""
        return self.send_id, self.customer_id

    @property
    def name(self) -> EventName:
        """What kind of event it becomes."""
        return EventName.MESSAGE_CLICKED if self.link else EventName.MESSAGE_OPENED

    @property
    def key(self) -> str:
        """The event's identity: the same hit makes the same event, however often it is read."""
        numbers = f"{self.send_id}:{self.customer_id}:{self.link}:{self.at_us}"
        return event_key("dangol", f"hit:{numbers}").hex


_LINE = msgspec.json.Encoder()
_READ = msgspec.json.Decoder(Hit)


def write_hit(hit: Hit) -> bytes:
    """One line of an intake row of kind `hit`."""
    if len(hit.agent) > _AGENT_SHOWN:
        hit = msgspec.structs.replace(hit, agent=hit.agent[:_AGENT_SHOWN])
    return _LINE.encode(hit) + b"\n"


def read_hits(body: bytes) -> list[Hit]:
    """The hits of one intake row.

    Raises:
        msgspec.DecodeError: a line is none; nobody but us writes them.
    """
    return [_READ.decode(line) for line in body.splitlines() if line]


def judge(
    hits: Sequence[Hit],
    handed: Mapping[tuple[int, int], datetime],
    earlier: Iterable[Hit] = (),
) -> list[MachineReason | None]:
    """For each hit why it is a machine's, or None when a person did it, in the order given.

    `handed` has when a (send, customer) was handed over; `earlier` are clicks of the seconds
    before that were judged already.
    """
    bursts = _bursts([*hits, *earlier])
    return [_reason(hit, handed.get(hit.message), hit in bursts) for hit in hits]


def _reason(hit: Hit, handed_at: datetime | None, in_burst: bool) -> MachineReason | None:
    if hit.prefetch:
        return MachineReason.PREFETCH
    if not hit.agent.strip():
        return MachineReason.NO_AGENT
    if hit.agent.strip() == _APPLE_PRIVACY:
        return MachineReason.APPLE_PRIVACY
    if _SCANNERS.search(hit.agent):
        return MachineReason.SCANNER
    if handed_at is not None and hit.at - handed_at < SOON:
        return MachineReason.TOO_SOON
    return MachineReason.MANY_LINKS if in_burst else None


def _bursts(hits: Iterable[Hit]) -> set[Hit]:
    """Clicks that have a click on another link of the same letter within `BURST`."""
    clicks: dict[tuple[int, int], list[Hit]] = defaultdict(list)
    for hit in hits:
        if hit.link:
            clicks[hit.message].append(hit)
    found: set[Hit] = set()
    for group in clicks.values():
        group.sort(key=lambda hit: hit.at_us)
        for earlier, later in pairwise(group):
            if earlier.link != later.link and later.at - earlier.at <= BURST:
                found |= {earlier, later}
    return found
