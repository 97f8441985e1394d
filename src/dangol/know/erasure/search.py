"""Is anything of the person left? Every text of every table is asked."""

from collections.abc import Sequence

import psycopg
from psycopg import sql

from dangol.know.erasure.certificate import Found
from dangol.store.sql import load_queries

SQL = load_queries(__package__)


def search_database(conn: psycopg.Connection, names: Sequence[str]) -> tuple[Found, ...]:
    """Tables in which one of `names` still stands, with how many rows.

    Reads every table that has text; minutes with tens of millions of rows, and no locks.
    """
    if not names:
        return ()
    found = []
    for table, columns in conn.execute(SQL.list_text_columns).fetchall():
        statement = sql.SQL(
            "select count(*) from {} t where exists (select 1 from unnest(%s::text[]) as n (name) "
            "where position(n.name in concat_ws(' ', {})) > 0)"
        ).format(
            sql.Identifier(table),
            sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier("t", c)) for c in columns),
        )
        rows = conn.execute(statement, [list(names)]).fetchone()
        if rows and rows[0]:
            found.append(Found(table, rows[0]))
    return tuple(found)
