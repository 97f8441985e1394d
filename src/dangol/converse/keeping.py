"""Conversations of customers who become one, and of those who are forgotten."""

import psycopg
from psycopg import sql

from dangol.converse.finding import key_of
from dangol.model.customer import bucket_of
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)

_KEYED = ("thread", "thread_message", "thread_attachment", "bounce")
_TABLES = (*_KEYED, "header_ref")


def move_conversations(conn: psycopg.Connection, loser_id: int, winner_id: int) -> int:
    """Give the loser's threads, bounces and ids to the winner; returns how many rows moved.

    Part of the merge, in the caller's transaction; safe to repeat.
    """
    key = key_of(loser_id) | {"to_bucket": bucket_of(winner_id), "to_id": winner_id}
    moved = conn.execute(_SQL.move_headers, key).rowcount
    for table in _KEYED:
        conn.execute(_for(_SQL.copy_in_table, table), key)
        moved += conn.execute(_for(_SQL.erase_in_table, table), key).rowcount
    return moved


def erase_conversations(conn: psycopg.Connection, customer_id: int, addresses: list[str]) -> int:
    """Delete what the customer wrote and what we answered; returns how many rows went.

    `addresses` are all that are known of the customer, lower case: strays and the sandbox hold
    mail by address only.
    """
    key = key_of(customer_id)
    gone = sum(conn.execute(_for(_SQL.erase_in_table, table), key).rowcount for table in _TABLES)
    gone += conn.execute(_SQL.erase_mailbox, {"addresses": addresses}).rowcount
    return gone + conn.execute(_SQL.erase_strays, {"addresses": addresses}).rowcount


def _for(statement: str, table: str) -> sql.Composed:
    return sql.SQL(statement).format(table=sql.Identifier(table))
