"""Conversations of customers who become one. (`know.erasure` clears those of the forgotten.)"""

import psycopg
from psycopg import sql

from dangol.converse.finding import key_of
from dangol.model.customer import bucket_of
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)

_KEYED = ("thread", "thread_message", "thread_attachment", "bounce")


def move_conversations(conn: psycopg.Connection, loser_id: int, winner_id: int) -> int:
    """Give the loser's threads, bounces and ids to the winner; returns how many rows moved.

    Part of the merge, in the caller's transaction; safe to repeat.
    """
    key = key_of(loser_id) | {"to_bucket": bucket_of(winner_id), "to_id": winner_id}
    moved = conn.execute(_SQL.move_headers, key).rowcount
    for table in _KEYED:
        conn.execute(_for(_SQL.copy_in_table, table), key)
        moved += conn.execute(_for(_SQL.drop_in_table, table), key).rowcount
    return moved


def _for(statement: str, table: str) -> sql.Composed:
    return sql.SQL(statement).format(table=sql.Identifier(table))
