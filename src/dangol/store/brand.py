"""Settings that the team may change: rows with a version and a history, and the brand's own."""

from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from dangol.errors import Conflict, InputError


class Brand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is speaking. One installation serves one brand."""

    name: str = ""
    legal_name: str = ""
    zone: str = "Asia/Seoul"
    country: str = "KR"
    locale: str = "ko"
    currency: str = "KRW"
    sender_name: str = ""
    sender_email: str = ""
    email: str = ""
    """Contact address shown in letters."""
    phone: str = ""
    postal_address: str = ""
    site_url: str = ""
    public_url: str = ""
    """Where recipients reach our links, such as https://news.shop.example."""
    public_url_verified_at: datetime | None = None
    reply_domain: str = ""
    """Domain whose mail reaches our receiver; answers go to reply+token@ it."""
    relationship_event: str = "Order Completed"
    tracks_opens: bool = True
    tracks_clicks: bool = True


def read_brand(conn: psycopg.Connection) -> Brand:
    """The brand as it is set now; the defaults where nothing is set."""
    value = read_setting(conn, "brand")
    return Brand() if value is None else msgspec.convert(value, Brand)


def save_brand(conn: psycopg.Connection, brand: Brand, *, by: str, now: datetime) -> None:
    """Keep `brand` as the current one."""
    save_setting(conn, "brand", msgspec.to_builtins(brand), by=by, now=now)


def read_setting(conn: psycopg.Connection, key: str) -> Any:
    """The current value of a setting, or None when it was never set."""
    return read_version(conn, key)[0]


def read_version(conn: psycopg.Connection, key: str) -> tuple[Any, int]:
    """The current value of a setting and the number of its version; None and 0 before the first."""
    row = conn.execute("select value, version from setting where key = %s", [key]).fetchone()
    return (row[0], row[1]) if row else (None, 0)


def save_setting(
    conn: psycopg.Connection,
    key: str,
    value: Any,
    *,
    by: str,
    now: datetime,
    expected_version: int | None = None,
) -> int:
    """Set `key` to `value`, keep the change in the history, and return the new version.

    Raises:
        Conflict: `expected_version` is given and somebody else saved in the meantime.
        InputError: the value cannot be written as JSON.
    """
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError) as error:
        raise InputError(
            "The setting {key} cannot be stored: {error}", key=key, error=error
        ) from None
    row = conn.execute("select version from setting where key = %s for update", [key]).fetchone()
    version = row[0] if row else 0
    if expected_version is not None and expected_version != version:
        raise Conflict()
    args = [key, Jsonb(value), version + 1, now, by]
    conn.execute(
        "insert into setting_change (key, version, value, changed_at, changed_by) "
        "values (%s, %s, %s, %s, %s)",
        [key, version + 1, Jsonb(value), now, by],
    )
    conn.execute(
        "insert into setting (key, value, version, changed_at, changed_by) "
        "values (%s, %s, %s, %s, %s) on conflict (key) do update set value = excluded.value, "
        "version = excluded.version, changed_at = excluded.changed_at, "
        "changed_by = excluded.changed_by",
        args,
    )
    return version + 1
