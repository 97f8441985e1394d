"""What the lists of the builder's fields hold: names that were heard, and what the shop has."""

from collections.abc import Iterator
from uuid import UUID

import msgspec
import psycopg

from dangol.decide.campaign.service import list_campaigns
from dangol.know.interest.lookup import list_tags
from dangol.know.moment.service import list_moments
from dangol.know.segment.check import Catalogue
from dangol.know.segment.service import list_segments
from dangol.know.segment.store import list_called, load_catalogue
from dangol.speak.letter.service import list_letters
from dangol.store.brand import read_brand
from dangol.web.desk.builder.sheet import Node, walk
from dangol.web.pages.topics import list_topics
from dangol.web.visit import Visit

_PICKED = ("id", "letter", "campaign")
_MOST_TAGS = 60

Option = tuple[str, str]
"""What the form says, and how it is called."""


class Offers(msgspec.Struct, frozen=True):
    """Every list, by the name that fields ask for it; `heard` has the types of names."""

    heard: Catalogue
    lists: dict[str, list[Option]]

    def of(self, name: str) -> list[Option]:
        """One list; empty where a field has none."""
        return self.lists.get(name, [])

    def properties(self, event: str) -> list[str]:
        """What was heard with an event."""
        return sorted(name for owner, name in self.heard.properties if owner == event)

    def types(self, trait: str) -> list[str]:
        """As what a trait was heard."""
        return sorted(self.heard.traits.get(trait, ()))


def load_offers(visit: Visit, root: Node, own: UUID | None) -> Offers:
    """The lists for a sheet; `own` is the segment that is edited, which may not name itself."""
    conn = visit.conn
    heard = load_catalogue(conn)
    moments = list_moments(conn)
    lists = {
        "events": _plain(_events(conn, heard)),
        "traits": _plain(sorted(heard.traits)),
        "segments": [(str(one.id), one.name) for one in list_segments(conn) if one.id != own],
        "letters": [(str(one.id), one.name) for one in list_letters(conn)],
        "campaigns": [(str(one.id), one.name) for one in list_campaigns(conn)],
        "moments": [(str(one.id), one.words) for one in moments],
        "moment_kinds": _plain(sorted({one.kind for one in moments})),
        "topics": [(one.key, one.name(visit.locale)) for one in list_topics(conn)],
        "tags": _plain(tag for tag, _ in list_tags(conn, _MOST_TAGS)),
    }
    called = list_called(conn, list(_picked(root)))
    lists["called"] = [(str(one), name) for one, name in called.items()]
    return Offers(heard, lists)


def _events(conn: psycopg.Connection, heard: Catalogue) -> list[str]:
    """The shop's most important event first."""
    main = read_brand(conn).relationship_event
    return [main, *sorted(heard.events - {main})]


def _plain(names: Iterator[str] | list[str]) -> list[Option]:
    return [(name, "") for name in names]


def _picked(root: Node) -> Iterator[UUID]:
    """What the rows name by id; it may be put away and stand in no list any more."""
    for _, node in walk(root):
        for key, values in node.row.items():
            if key.rpartition(".")[2] in _PICKED and values:
                try:
                    yield UUID(values[-1])
                except ValueError:
                    continue
