"""Taking the practice shop away: everything of its customers, and what came with it untouched."""

from datetime import datetime

import psycopg
from msgspec.structs import replace
from psycopg import sql

from dangol.decide.campaign.service import delete_draft
from dangol.errors import Refused
from dangol.know.identity.resolve import IDENTITY_LOCK
from dangol.know.segment.service import delete_segment
from dangol.practice.mark import ACTOR, SOURCE, SQL, Mark, delete_mark, find_mark, set_mark
from dangol.practice.person import user_id
from dangol.settings import Settings
from dangol.store.brand import Brand, save_brand
from dangol.store.lake.manifest import writing
from dangol.store.pool import connect

_KEPT = ("customer", "mask", "erasure", "contact_point")
"""Tables with customers whose rows stay, or go last."""


def remove_practice_shop(dsn: str, settings: Settings, now: datetime) -> int:
    """Remove every customer of the practice shop in one transaction; how many they were.

    Segments, letters and drafts that came with it go too, unless somebody changed or uses them.
    Nothing that belongs to other customers is touched.

    Raises:
        Refused: there is no practice shop, or it is still being made.
    """
    with connect(dsn, name="practice") as conn:
        with conn.transaction():
            mark = find_mark(conn)
            is_being_made = conn.execute(SQL.is_being_made).fetchone()[0]
        if mark is None:
            raise Refused("There is no practice shop here.")
        if is_being_made:
            raise Refused("The practice shop is still being made; cancel that first.")
        with conn.transaction():  # ended before who is who is locked: Route locks the other way
            set_mark(conn, replace(mark, is_leaving=True))  # a cancelled job may not know it yet
            conn.execute(SQL.delete_intake, {"source": SOURCE})
        with writing(conn), conn.transaction():
            removed = _remove_customers(conn, mark, now)
            _remove_furniture(conn, now)
            delete_mark(conn)
    return removed


def _remove_customers(conn: psycopg.Connection, mark: Mark, now: datetime) -> int:
    """In the order of locks of Route, Live and the hand-off: who is who, turns, people."""
    ids = [user_id(number) for number in range(1, mark.customers + 1)]
    conn.execute(SQL.lock_identities, {"number": IDENTITY_LOCK})
    removed = conn.execute(SQL.create_practice_customers, {"ids": ids}).rowcount
    for statement in (SQL.lock_leases, SQL.lock_customers, SQL.lock_contacts):
        conn.execute(statement)
    conn.execute(SQL.delete_mail)
    conn.execute(SQL.delete_suppressions)
    conn.execute(SQL.delete_rejects, {"source": SOURCE})
    tables = conn.execute(SQL.list_customer_tables, {"kept": list(_KEPT)}).fetchall()
    for table in [*(row[0] for row in tables), "contact_point"]:
        conn.execute(_DELETE.format(sql.Identifier(table)))
    conn.execute(SQL.mask_customers, {"now": now})
    conn.execute(SQL.clear_customers, {"now": now})
    conn.execute(SQL.leave_segments, {"now": now})
    return removed


_DELETE = sql.SQL(
    "delete from {} t where (t.bucket, t.customer_id) in (select * from practice_customer)"
)


def _remove_furniture(conn: psycopg.Connection, now: datetime) -> None:
    for (campaign_id,) in conn.execute(SQL.list_drafts, {"by": ACTOR}).fetchall():
        delete_draft(conn, campaign_id)
    letters = [row[0] for row in conn.execute(SQL.list_letters, {"by": ACTOR})]
    conn.execute(SQL.delete_letter_versions, {"ids": letters})
    conn.execute(SQL.delete_letters, {"ids": letters})
    for segment_id, version in conn.execute(SQL.list_segments, {"by": ACTOR}).fetchall():
        try:
            delete_segment(conn, segment_id, version)
        except Refused:
            continue  # somebody builds on it
    author = conn.execute(SQL.find_brand_author).fetchone()
    if author and author[0] == ACTOR:
        save_brand(conn, Brand(), by=ACTOR, now=now)
    if conn.execute(SQL.count_others).fetchone()[0] == 0:
        for statement in (SQL.forget_events, SQL.forget_properties, SQL.forget_models):
            conn.execute(statement)
