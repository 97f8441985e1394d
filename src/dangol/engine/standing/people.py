"""What PostgreSQL knows now of the people in question, as the views that conditions read."""

from collections.abc import Iterable
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import pyarrow as pa

from dangol.model.customer import BUCKETS
from dangol.store.lake import mirror
from dangol.store.lake.mirror import Mirror

MIRRORS: dict[str, Mirror] = {
    "customers": mirror.CUSTOMERS,
    "stages": mirror.STAGES,
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

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._source: adbc.Connection | None = None

    def of_ids(self, customers: np.ndarray, views: Iterable[str]) -> dict[str, pa.Table]:
        """The rows of these customers."""
        if len(customers) > _MANY:
            parts = [customers[at : at + _MANY] for at in range(0, len(customers), _MANY)]
            found = [self.of_ids(part, views) for part in parts]
            return {view: pa.concat_tables([each[view] for each in found]) for view in found[0]}
        values = ((customers % BUCKETS).tolist(), customers.tolist())
        found = self._read([view for view in views if view != "memberships"], _JOINED, values)
        return found | self._read([view for view in views if view == "memberships"], _AMONG, values)

    def of_buckets(self, buckets: tuple[int, int], views: Iterable[str]) -> dict[str, pa.Table]:
        """The rows of everyone in these buckets, both ends included."""
        return self._read(views, " where t.bucket between $1 and $2", buckets)

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

    def _table(self, mirror: Mirror, which: str, values: Any) -> pa.Table:
        word = "and" if "where" in which else "where"
        statement = f"select {mirror.columns} from {mirror.table} t{which} {word} {mirror.live}"
        if self._source is None:
            self._source = adbc.connect(self._dsn, autocommit=True)
            with self._source.cursor() as cursor:
                cursor.execute("set timezone to 'UTC'")
        with self._source.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetch_arrow_table()
