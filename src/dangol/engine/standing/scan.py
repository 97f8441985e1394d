"""One look at the lake: the events that conditions can count, as arrays in a file of their own.

Runs in the background. The file is unlinked at once and memory-mapped, so that it is gone with the
process and the kernel may page it out.
"""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dangol.engine.standing.cache import Request, Scanned
from dangol.engine.standing.runs import Rows, Run, make_run
from dangol.know.segment.membership.watch import Watch
from dangol.know.segment.value import pointer
from dangol.settings import Settings
from dangol.store.lake import Snapshot, snapshot
from dangol.store.lake.shape import quote

_RECENT = timedelta(minutes=10)
"""A turn that was under way when the scan was asked for began later than so long before."""
_WORTH_A_FILE = 100_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def scan(settings: Settings, requests: Sequence[Request]) -> list[Scanned]:
    """What each request asks for, all as of one instant after this call began."""
    lo = min(request.lease.buckets[0] for request in requests)
    hi = max(request.lease.buckets[1] for request in requests)
    with snapshot(settings, settings.database_url or "", (lo, hi), views=["events"]) as lake:
        return [_scan_one(settings, lake, request) for request in requests]


def _scan_one(settings: Settings, lake: Snapshot, request: Request) -> Scanned:
    where, values = _where(request)
    made, values = _statement(request, where, values)
    found = lake.query(made, values)
    ids = found["ident"].combine_chunks().to_numpy(zero_copy_only=False).view(np.int64)
    recent = ids[ids != 0]
    run = make_run(_rows(found))
    if len(run) >= _WORTH_A_FILE:
        run = _laid_out(run, settings.temp_dir)
    return Scanned(request, run, recent)


def _where(request: Request) -> tuple[str, list[Any]]:
    """The events of these names, as far back as each is looked at."""
    values: list[Any] = [*request.lease.buckets]
    tests = []
    for name, back in request.watch.events.items():
        values.append(name)
        test = f"name = ${len(values)}"
        if back is not None:
            values.append(_since(request.at, back))
            test += f" and time > ${len(values)}"
        tests.append(f"({test})")
    where = f"bucket between $1 and $2 and ({' or '.join(tests) or 'false'})"
    if request.customers is not None:
        values.append(list(request.customers))
        where += f" and list_contains(${len(values)}::bigint[], customer_id)"
    return where, values


def _since(at: datetime, back: int) -> datetime:
    """A moment more than is needed: time goes on while the scan runs, never back."""
    micros = (at - _EPOCH) // timedelta(microseconds=1) - back
    return _EPOCH + timedelta(microseconds=max(micros, -62_000_000_000_000_000))


def _statement(request: Request, where: str, values: list[Any]) -> tuple[str, list[Any]]:
    values = [*values, request.at - _RECENT]
    codes = " ".join(
        f"when {quote(name)} then {request.names[name]}" for name in request.watch.events
    )
    code = f"case name {codes} else -1 end" if codes else "-1"
    high = "('0x' || replace(left(event_id::varchar, 19), '-', ''))"
    return (
        f"select customer_id, ({code})::smallint as code, epoch_us(time) as micros,"
        f" {_props(request.watch)} as props, case when recorded_at >= ${len(values)}"
        f" then {high}::ubigint else 0 end as ident"
        f" from events where {where}"
    ), values


def _props(watch: Watch) -> str:
    """SQL of the properties that are looked at, as JSON text; `{}` where none is."""
    cases = []
    for name, keys in watch.props.items():
        if keys:
            pairs = ", ".join(
                f"{quote(key)}, json_extract(props, {quote(pointer(key))})" for key in sorted(keys)
            )
            cases.append(f"when {quote(name)} then cast(json_object({pairs}) as varchar)")
    return f"case name {' '.join(cases)} else '{{}}' end" if cases else "'{}'"


def _rows(found: pa.Table) -> Rows:
    plain = {
        name: found[name].combine_chunks().to_numpy(zero_copy_only=False)
        for name in ("customer_id", "code", "micros")
    }
    texts = found["props"].combine_chunks().cast(pa.string()).dictionary_encode()
    return Rows(plain["customer_id"], plain["code"], plain["micros"], texts)


def _laid_out(run: Run, folder: Path) -> Run:
    """The same with its arrays in an unlinked file."""
    rows = run.rows
    codes = rows.props.indices.to_numpy(zero_copy_only=False)
    arrays = [run.keys, run.starts, rows.customer, rows.time, codes, rows.name]
    with tempfile.TemporaryFile(dir=folder, prefix="standing-") as file:
        for array in arrays:
            np.ascontiguousarray(array).tofile(file)
        file.flush()
        maps, offset = [], 0
        for array in arrays:
            maps.append(np.memmap(file, array.dtype, "r", offset, array.shape))
            offset += array.nbytes
    keys, starts, customer, time, codes, name = maps
    props = pa.DictionaryArray.from_arrays(pa.array(codes), rows.props.dictionary)
    return Run(keys, starts, Rows(customer, name, time, props))
