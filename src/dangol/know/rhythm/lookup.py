"""The model in force and one customer's stage, for those who show them: needs nothing heavy."""

from typing import Any

import msgspec
import psycopg
from msgspec.structs import replace

from dangol.know.rhythm.calendar import OpenDays
from dangol.know.rhythm.explain import StageRow
from dangol.know.rhythm.model import (
    Basis,
    ModelKind,
    NoModel,
    Params,
    RhythmModel,
    Spend,
    SpendProblem,
    Thresholds,
)
from dangol.know.rhythm.opening import USUAL_HOLIDAYS, Opening
from dangol.store.brand import Brand, read_brand, read_setting
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)

OPENING = "opening"
"""The setting that says when the shop is closed."""
_NONE = "none"


def find_model(conn: psycopg.Connection, version: int | None = None) -> RhythmModel | None:
    """The newest version, or the one asked for; None while none could be learned."""
    if version is None:
        row = conn.execute(_SQL.newest_model).fetchone()
    else:
        row = conn.execute(_SQL.model_of, {"version": version}).fetchone()
    return None if row is None or row[1] == _NONE else _model(row)


def find_last_model(conn: psycopg.Connection) -> RhythmModel | None:
    """The newest version in which anything was learned, in force or not."""
    row = conn.execute(_SQL.last_model).fetchone()
    return None if row is None else _model(row)


def find_none(conn: psycopg.Connection) -> NoModel | None:
    """Why there is no model: how much there was at the last look; None where there is one."""
    row = conn.execute(_SQL.newest_model).fetchone()
    if row is None or row[1] != _NONE:
        return None
    _, _, _, fitted_at, as_of, customers, repeaters, _, _, basis, *_, since = row
    return NoModel(
        fitted_at=fitted_at,
        as_of=as_of,
        customers=customers,
        repeaters=repeaters,
        known_since=since,
        basis=msgspec.convert(basis, Basis),
    )


def read_opening(conn: psycopg.Connection, brand: Brand) -> Opening:
    """When the shop is closed: what the owner said, else what is usual in the brand's country."""
    said = read_setting(conn, OPENING)
    if said is None:
        return Opening(country=brand.country, holidays=USUAL_HOLIDAYS.get(brand.country, ()))
    return replace(msgspec.convert(said, Opening), country=brand.country)


def read_basis(conn: psycopg.Connection) -> Basis:
    """What histories are counted by now."""
    brand = read_brand(conn)
    return Basis(event=brand.relationship_event, opening=read_opening(conn, brand))


def find_basis(conn: psycopg.Connection) -> Basis | None:
    """What the newest version was counted by; None where nothing was learned yet."""
    row = conn.execute(_SQL.newest_basis).fetchone()
    return None if row is None else msgspec.convert(row[0], Basis)


def _model(row: tuple[Any, ...]) -> RhythmModel:
    version, kind, params, fitted_at, as_of, customers, repeaters, value, *kept = row
    thresholds, basis, calendar, covariance, spend, _ = kept
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
        basis=msgspec.convert(basis, Basis),
        calendar=msgspec.convert(calendar, OpenDays),
        covariance=None if covariance is None else tuple(map(tuple, covariance)),
        spend=_spend(spend),
    )


def _spend(kept: dict[str, Any]) -> Spend | SpendProblem:
    if "p" in kept:
        return msgspec.convert(kept, Spend)
    return SpendProblem(kept.get("problem", SpendProblem.TOO_FEW))


def find_stage(conn: psycopg.Connection, bucket: int, customer_id: int) -> StageRow | None:
    """The stage as written down, None for who never had a relationship event."""
    cursor = conn.execute(_SQL.find_stage, {"bucket": bucket, "customer_id": customer_id})
    row = cursor.fetchone()
    if row is None:
        return None
    names = [column.name for column in cursor.description]
    return msgspec.convert(dict(zip(names, row, strict=True)), StageRow)
