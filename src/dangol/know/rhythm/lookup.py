"""The model in force and one customer's stage, for those who show them: needs nothing heavy."""

import msgspec
import psycopg

from dangol.know.rhythm.explain import StageRow
from dangol.know.rhythm.model import ModelKind, Params, RhythmModel, Thresholds
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)


def find_model(conn: psycopg.Connection) -> RhythmModel | None:
    """The newest version, None while none could be learned."""
    row = conn.execute(_SQL.newest_model).fetchone()
    if row is None:
        return None
    version, kind, params, fitted_at, as_of, customers, repeaters, value, thresholds = row
    return RhythmModel(
        version=version,
        kind=ModelKind(kind),
        params=msgspec.convert(params, Params),
        fitted_at=fitted_at,
        as_of=as_of,
        customers=customers,
        repeaters=repeaters,
        log_likelihood=value,
        thresholds=msgspec.convert(thresholds, Thresholds),
    )


def find_stage(conn: psycopg.Connection, bucket: int, customer_id: int) -> StageRow | None:
    """The stage as written down, None for who never had a relationship event."""
    cursor = conn.execute(_SQL.find_stage, {"bucket": bucket, "customer_id": customer_id})
    row = cursor.fetchone()
    if row is None:
        return None
    names = [column.name for column in cursor.description]
    return msgspec.convert(dict(zip(names, row, strict=True)), StageRow)
