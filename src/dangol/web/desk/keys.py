"""Keys of senders and programs; a new one is shown once."""

from dangol.errors import InputError, NotFound
from dangol.listen.keys import create_key, list_keys, revoke_key
from dangol.web.answer import Answer, Move, Page
from dangol.web.visit import Visit


def show(visit: Visit) -> Answer:
    """All keys and a form for a new one."""
    return _page(visit)


def create(visit: Visit) -> Answer:
    """Make a key and show its secret, this once."""
    scope = visit.form("scope")
    origins = visit.form("origins").split()
    try:
        secret = create_key(
            visit.conn, visit.form("name"), scope, origins=origins, by=visit.by, now=visit.now
        )
    except InputError as error:
        return _page(visit, problem=visit.say(error))
    visit.record("key_created", visit.form("name"), scope=scope)
    return _page(visit, secret=secret)


def revoke(visit: Visit) -> Answer:
    """Make a key worthless."""
    if not revoke_key(visit.conn, visit.part("id"), visit.now):
        raise NotFound()
    visit.record("key_revoked", visit.part("id"))
    return Move("/settings/keys", "keys.revoked_said")


def _page(visit: Visit, problem: str = "", secret: str = "") -> Page:
    values = {
        "keys": list_keys(visit.conn),
        "problem": problem,
        "secret": secret,
        "name": "" if secret else visit.form("name"),
        "scope": visit.form("scope", "track"),
        "origins": "" if secret else visit.form("origins"),
        "base_url": visit.base_url,
    }
    return Page("desk/keys.html", values, 422 if problem else 200)
