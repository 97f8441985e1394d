"""Whose an id is, and which ids somebody has. Light: the web process imports this."""

from datetime import datetime

import psycopg

from dangol.model.customer import CustomerId, bucket_of
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)


def find_customer(conn: psycopg.Connection, kind: str, value: str) -> CustomerId | None:
    """The customer with this id, kind one of `user`, `anon`, `email`."""
    row = conn.execute(_SQL.find_customer, {"kind": kind, "value": value}).fetchone()
    return CustomerId(row[0]) if row else None


def list_identities(conn: psycopg.Connection, customer_id: int) -> list[tuple[str, str, datetime]]:
    """The ids of a customer as (kind, value, linked at), the oldest first."""
    key = {"bucket": bucket_of(customer_id), "customer_id": customer_id}
    return conn.execute(_SQL.list_of_customer, key).fetchall()
