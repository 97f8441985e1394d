"""What is known now of the people in question, as the views that conditions read.

All of it is in PostgreSQL but the stays in segments that ended long ago. They move from there to
files, so the table is asked first and the manifest then: a stay may be in both answers, which is
the same to a condition, but never in neither.
"""

from collections.abc import Iterable
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import pyarrow as pa

from dangol.model.customer import BUCKETS
from dangol.settings import Settings
from dangol.store.lake import mirror, open_duckdb
from dangol.store.lake.manifest import ALL_BUCKETS, MEMBERSHIP
from dangol.store.lake.mirror import Mirror
from dangol.store.lake.reading import fetch_files
from dangol.store.lake.shelf import select_rows
from dangol.store.lake.soundness import naming_damage

Span = tuple[int, int]
MIRRORS: dict[str, Mirror] = {
    "customers": mirror.CUSTOMERS,
    "stages": mirror.STAGES._replace(
        columns="t.bucket, t.customer_id, t.stage, t.since, t.previous"
    ),
    "consents": mirror.CONSENTS,
    "interests": mirror.INTERESTS,
    "memberships": mirror.MEMBERSHIPS,
}

_MANY = 20_000
_JOINED = (
    " join unnest($1::int[], $2::bigint[]) as k (bucket, customer_id)"
    " on t.bucket = k.bucket and t.customer_id = k.customer_id"
)
_AMONG = " where t.bucket = any($1::int[]) and t.customer_id = any($2::bigint[])"
"""What reaches below a window function; a join does not."""


class People:
    """Reads people over a connection of its own, which is opened when it is needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._source: adbc.Connection | None = None

    def of_ids(self, customers: np.ndarray, views: Iterable[str]) -> dict[str, pa.Table]:
        """The rows of these customers."""
        if len(customers) > _MANY:
            parts = [customers[at : at + _MANY] for at in range(0, len(customers), _MANY)]
            found = [self.of_ids(part, views) for part in parts]
            return {view: pa.concat_tables([each[view] for each in found]) for view in found[0]}
        values = ((customers % BUCKETS).tolist(), customers.tolist())
        found = self._read([view for view in views if view != "memberships"], _JOINED, values)
        found |= self._read([view for view in views if view == "memberships"], _AMONG, values)
        ids = ", ".join(map(str, values[1]))
        return self._with_past(found, ALL_BUCKETS, f"customer_id in ({ids})")

    def of_buckets(self, buckets: tuple[int, int], views: Iterable[str]) -> dict[str, pa.Table]:
        """The rows of everyone in these buckets, both ends included."""
        found = self._read(views, " where t.bucket between $1 and $2", buckets)
        return self._with_past(found, buckets, "bucket between {} and {}".format(*buckets))

    def close(self) -> None:
        """Give the connection back."""
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def _read(self, views: Iterable[str], which: str, values: Any) -> dict[str, pa.Table]:
        try:
            return {view: self._table(MIRRORS[view], which, values) for view in views}
        except adbc.Error:
            self.close()
            raise

    def _with_past(
        self, found: dict[str, pa.Table], buckets: Span, which: str
    ) -> dict[str, pa.Table]:
        """The same, with the stays of these people that are in the lake."""
        files = []
        if "memberships" in found and self._source is not None:
            files = fetch_files(self._source, buckets, MEMBERSHIP)
        if not files:
            return found
        lake_dir = self._settings.lake_dir
        rows = f"select * from ({select_rows(lake_dir, files)}) where {which}"
        with naming_damage(lake_dir, files), open_duckdb(self._settings, threads=1) as duck:
            past = duck.sql(
                f"select * exclude (entered) from ({mirror.STAYS} from ({rows})) where entered"
            ).to_arrow_table()
        stays = found["memberships"]
        return found | {"memberships": pa.concat_tables([stays, past.cast(stays.schema)])}

    def _table(self, mirror: Mirror, which: str, values: Any) -> pa.Table:
        word = "and" if "where" in which else "where"
        statement = f"select {mirror.columns} from {mirror.table} t{which} {word} {mirror.live}"
        if self._source is None:
            self._source = adbc.connect(self._settings.database_url or "", autocommit=True)
            with self._source.cursor() as cursor:
                cursor.execute("set timezone to 'UTC'")
        with self._source.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetch_arrow_table()
