"""Events as sorted arrays, person by person: what the cache is made of.

A `Run` never changes. Rows are in the order of `key_of`, a person's bucket and place, so that a
bucket range is one slice and a lookup of many people is two binary searches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from dangol.model.customer import BUCKETS

_PLACE_BITS = 44


class Rows(NamedTuple):
    """Events, one entry each in every array."""

    customer: np.ndarray
    """int64."""
    name: np.ndarray
    """int16: which of the cache's names."""
    time: np.ndarray
    """int64, microseconds since 1970."""
    props: pa.DictionaryArray
    """JSON text of the properties in question."""


class Mark(NamedTuple):
    """How an event is recognised that may stand in a newer run as well, an entry each."""

    ident: np.ndarray
    """int64: half of the event's id."""
    turn: np.ndarray
    """int64: the number of the turn that told of it."""


@dataclass(frozen=True, slots=True)
class Run:
    """Rows sorted by person, and where each person's begin."""

    keys: np.ndarray
    """int64, ascending: each person once."""
    starts: np.ndarray
    """int64, one more than keys: the rows of keys[i] are starts[i] to starts[i + 1]."""
    rows: Rows
    mark: Mark | None = None

    def __len__(self) -> int:
        return int(self.starts[-1])


def key_of(customer: np.ndarray) -> np.ndarray:
    """Customers' sorting keys: by bucket, then by id."""
    return ((customer % BUCKETS) << _PLACE_BITS) | (customer // BUCKETS)


def make_run(rows: Rows, mark: Mark | None = None) -> Run:
    """The rows sorted by person."""
    keys = key_of(rows.customer)
    if len(keys) and np.any(keys[1:] < keys[:-1]):
        order = np.argsort(keys, kind="stable")
        keys, rows = keys[order], _taken(rows, order)
        mark = mark and Mark(mark.ident[order], mark.turn[order])
    found, first = np.unique(keys, return_index=True)
    return Run(found, np.append(first, len(keys)).astype(np.int64), rows, mark)


def find_rows(run: Run, keys: np.ndarray) -> np.ndarray:
    """Places of all rows of the people with these ascending keys."""
    if not len(run.keys) or not len(keys):
        return np.empty(0, np.int64)
    at = np.searchsorted(run.keys, keys)
    at = at[run.keys[np.minimum(at, len(run.keys) - 1)] == keys]
    first, size = run.starts[at], run.starts[at + 1] - run.starts[at]
    before = np.cumsum(size) - size
    return np.repeat(first - before, size) + np.arange(int(size.sum()))


def gather(run: Run, keys: np.ndarray, names: np.ndarray) -> Rows:
    """The rows of these people (ascending keys) with one of these names."""
    places = find_rows(run, keys)
    wanted = np.isin(run.rows.name[places], names)
    return _taken(run.rows, places[wanted])


def keep(run: Run, wanted: np.ndarray) -> Run:
    """Only the rows where `wanted` is true."""
    if wanted.all():
        return run
    places = np.flatnonzero(wanted)
    mark = run.mark and Mark(run.mark.ident[places], run.mark.turn[places])
    return make_run(_taken(run.rows, places), mark)


def merge(runs: Sequence[Run]) -> Run:
    """All their rows in one."""
    rows = join([run.rows for run in runs])
    marks = [run.mark for run in runs if run.mark is not None]
    mark = Mark(*(np.concatenate(column) for column in zip(*marks, strict=True))) if marks else None
    return make_run(rows, mark)


def join(parts: Sequence[Rows]) -> Rows:
    """Rows one after the other."""
    texts = pa.chunked_array([part.props for part in parts], _TEXTS).unify_dictionaries()
    return Rows(
        np.concatenate([part.customer for part in parts]),
        np.concatenate([part.name for part in parts]),
        np.concatenate([part.time for part in parts]),
        texts.combine_chunks(),
    )


_TEXTS = pa.dictionary(pa.int32(), pa.string())


def _taken(rows: Rows, places: np.ndarray) -> Rows:
    """Some rows; the dictionary keeps only what they use when it is much larger."""
    codes = rows.props.indices.to_numpy(zero_copy_only=False)[places]
    texts = rows.props.dictionary
    if len(texts) > 2 * len(codes) + 64:
        used, codes = np.unique(codes, return_inverse=True)
        texts = texts.take(pa.array(used))
    props = pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), texts)
    return Rows(rows.customer[places], rows.name[places], rows.time[places], props)


def no_rows() -> Rows:
    """Rows of nobody."""
    props = pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), pa.array([], pa.string()))
    return Rows(np.empty(0, np.int64), np.empty(0, np.int16), np.empty(0, np.int64), props)
