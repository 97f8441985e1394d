"""What people did with a message soon after it came: a part of its cost comes back, once."""

import psycopg

from dangol.decide.campaign.store import SQL
from dangol.know.attention.store import CameBack
from dangol.know.attention.tariff import COST, REFUND, REFUND_WITHIN
from dangol.model.message import MessageKind

_FREE = [kind.value for kind in MessageKind if not kind.is_marketing]


def note_reactions(conn: psycopg.Connection) -> list[CameBack]:
    """Note in the messages what the batch in `heard` says of them; what comes back for it.

    Of several reactions to one message the best counts, and what came back before is not given again.
    """
    args = {
        "names": list(REFUND),
        "shares": list(REFUND.values()),
        "within": REFUND_WITHIN,
        "cost": COST["email"],
        "free": _FREE,
    }
    return [CameBack(*row) for row in conn.execute(SQL.note_reactions, args)]
