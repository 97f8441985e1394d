"""Conditions over small tables: the SQL of previews, on people and events that are at hand."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa
from pyroaring import BitMap64

from dangol.know.segment import Condition
from dangol.know.segment.compile import compile_several
from dangol.know.segment.membership.sets import as_set
from dangol.settings import Settings
from dangol.store.lake import open_duckdb

_MEMORY_MB = 512


class Judge:
    """One DuckDB of its own, opened at the first question; used by one thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._duck: duckdb.DuckDBPyConnection | None = None

    def lay(self, tables: Mapping[str, pa.Table]) -> None:
        """These are the views until the next call."""
        if self._duck is None:
            self._duck = open_duckdb(self._settings, memory_mb=_MEMORY_MB, threads=1)
        for name, table in tables.items():
            self._duck.register(name, table)

    def inside(self, conditions: Sequence[Condition], now: datetime, zone: str) -> list[BitMap64]:
        """For each resolved condition, for whom of the people laid out it is true at `now`."""
        assert self._duck is not None
        sql, values = compile_several(conditions, now, zone)
        found = self._duck.execute(sql, values).fetchnumpy()
        customers = np.asarray(found["customer_id"], np.int64)
        answers = (np.asarray(found[f"is{place}"], bool) for place in range(len(conditions)))
        return [as_set(customers[answer]) for answer in answers]

    def close(self) -> None:
        """Let go of the memory."""
        duck, self._duck = self._duck, None
        if duck is not None:
            duck.close()
