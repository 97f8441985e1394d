"""The way around the desk: what there is, in groups, with what waits."""

import msgspec

from dangol.web.desk.people import SQL
from dangol.web.signin.role import Role
from dangol.web.visit import Visit


class Link(msgspec.Struct, frozen=True):
    """One entry; `count` is shown when there is something waiting."""

    url: str
    words: str
    role: Role = Role.VIEWER
    count: int = 0

    def is_at(self, path: str) -> bool:
        """Whether `path` lies here."""
        return path == self.url or (self.url != "/" and path.startswith(f"{self.url}/"))


_GROUPS = (
    ("", (Link("/", "nav.home"),)),
    (
        "nav.relation",
        (
            Link("/flow", "flow.title"),
            Link("/meetings", "meetings.title"),
            Link("/rhythm", "rhythms.title"),
        ),
    ),
    (
        "nav.people",
        (
            Link("/customers", "nav.customers"),
            Link("/segments", "nav.segments"),
            Link("/items", "nav.items"),
            Link("/moments", "nav.moments"),
        ),
    ),
    (
        "nav.speak",
        (
            Link("/letters", "nav.letters"),
            Link("/campaigns", "nav.campaigns"),
            Link("/answers", "nav.answers"),
            Link("/mailbox", "nav.mailbox"),
        ),
    ),
    (
        "nav.shop",
        (
            Link("/imports", "nav.imports"),
            Link("/sources", "nav.sources"),
            Link("/settings", "nav.settings", Role.OWNER),
        ),
    ),
)

SETTINGS = (
    ("/settings", "settings.shop"),
    ("/settings/opening", "settings.opening"),
    ("/settings/sending", "settings.sending"),
    ("/settings/keys", "settings.keys"),
    ("/settings/members", "settings.members"),
    ("/settings/running", "settings.running"),
    ("/erasures", "settings.erasures"),
    ("/settings/history", "settings.history"),
)
"""Pages of the settings and their words."""


def navigation_of(visit: Visit) -> list[tuple[str, list[Link]]]:
    """Groups of links that the visitor may follow."""
    waiting = visit.conn.execute(SQL.count_waiting).fetchone()[0]
    groups = []
    for words, links in _GROUPS:
        allowed = [
            Link(link.url, link.words, link.role, waiting if link.url == "/answers" else 0)
            for link in links
            if visit.may(link.role)
        ]
        if allowed:
            groups.append((words, allowed))
    return groups


OWN_SHOP = (
    ("/imports", "doors.import", Role.MARKETER),
    ("/settings/keys", "doors.connect", Role.OWNER),
    ("/settings", "doors.settings", Role.OWNER),
)
"""Where the door to one's own shop leads: address, words, role."""
