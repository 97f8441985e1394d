"""Files of orders as people have them: whatever wrote them, the same orders are read, or none."""

import datetime as dt
import json

import pyarrow as pa
import pytest
from pyarrow import parquet

from dangol.cli.rhythm_files import read_orders
from dangol.errors import InputError

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
ORDERS = [("손님 1", dt.date(2025, 2, 14), 12_000), ("007", dt.date(2025, 3, 5), -500),
          ("손님 1", dt.date(2025, 11, 30), 9_900), ("손님 1", dt.date(2025, 11, 30), 9_900)]  # fmt: skip
HEAD = "customer_id,date,amount"
PLAIN = "\n".join([HEAD, *(f"{who},{day},{paid}" for who, day, paid in ORDERS), ""])


def _days(spelling: str) -> bytes:
    lines = [f"{who},{day.strftime(spelling)},{paid}" for who, day, paid in ORDERS]
    return "\n".join([HEAD, *lines]).encode()


def _read(tmp_path, *files: bytes, **mapping: str):
    paths = [tmp_path / f"{number}.csv" for number in range(len(files))]
    for path, file in zip(paths, files, strict=True):
        path.write_bytes(file)
    return read_orders(paths, NOW, mapping)


def _orders(log):
    names = [log.customers[who] for who in log.customer]
    days = [dt.date(1970, 1, 1) + dt.timedelta(int(day)) for day in log.day]
    return sorted(zip(names, days, log.amount, strict=True))


SAME = {
    "as it should be": PLAIN.encode(),
    "with a mark at the beginning": PLAIN.encode("utf-8-sig"),
    "from Korean Windows": PLAIN.encode("cp949"),
    "in UTF-16": PLAIN.encode("utf-16"),
    "with lines of Windows": PLAIN.replace("\n", "\r\n").encode(),
    "with semicolons": PLAIN.replace(",", ";").encode(),
    "with tabs": PLAIN.replace(",", "\t").encode(),
    "with spaces": PLAIN.replace(",", " , ").encode(),
    "with capitals": PLAIN.replace(HEAD, "Customer_ID,Date,Amount").encode(),
    "in Korean": PLAIN.replace(HEAD, "회원번호,주문일,결제금액").encode(),
    "in quotes": "\n".join(
        [HEAD + ",memo", *(f'"{who}","{day}","₩{paid:,}","두 줄,\n메모"' for who, day, paid in ORDERS)]
    ).encode(),
    "with slashes": _days("%Y/%m/%d"),
    "with points": _days("%Y. %m. %d."),
    "with the time of day": _days("%Y-%m-%d 23:59"),
    "with instants": _days("%Y-%m-%dT23:59:00Z"),
    "with no signs": _days("%Y%m%d"),
    "with Korean days": _days("%Y년 %m월 %d일"),
    "month first": _days("%m/%d/%Y"),
    "as JSON": "\n".join(
        json.dumps({"customer_id": who, "date": str(day), "amount": paid}) for who, day, paid in ORDERS
    ).encode(),
}  # fmt: skip


@pytest.mark.parametrize("file", SAME.values(), ids=SAME)
def test_the_same_orders_are_read_from_every_spelling(tmp_path, file):
    log = _read(tmp_path, file)
    assert _orders(log) == sorted(ORDERS)
    assert log.left_out == 0


def test_a_table_of_parquet_is_read_as_well(tmp_path):
    who, day, paid = zip(*ORDERS, strict=True)
    path = tmp_path / "orders.parquet"
    parquet.write_table(pa.table({"customer_id": who, "date": day, "amount": paid}), path)
    assert _orders(read_orders([path], NOW)) == sorted(ORDERS)


def test_bad_rows_are_counted_with_a_reason_and_the_rest_is_kept(tmp_path):
    bad = ["b,yesterday,1", "c", "d,,1", "e,2025-02-30,1", "f,2026-09-01,1", "g,0001-01-01,1",
           ",2025-01-01,1", "h,2025-01-01,lots"]  # fmt: skip
    log = _read(tmp_path, "\n".join([PLAIN.strip(), *bad]).encode())
    assert _orders(log) == sorted(ORDERS)
    assert log.left_out == len(bad)
    assert log.example == ("c", "It has 1 columns, the header has 3.")
    log = _read(tmp_path, "\n".join([PLAIN.strip(), "f,9999-12-31,1"]).encode())
    assert log.example == ("9999-12-31", "That lies in the future.")


def test_several_files_are_one_log_and_a_row_in_two_of_them_counts_once(tmp_path):
    more = PLAIN + "손님 2,2025-12-01,700\n"
    log = _read(tmp_path, PLAIN.encode(), more.encode("cp949"))
    assert _orders(log) == sorted([*ORDERS, ("손님 2", dt.date(2025, 12, 1), 700)])
    log = _read(tmp_path, b"customer_id,date\na,2025-01-01\n", PLAIN.encode())
    assert (len(log.day), log.customers[0]) == (5, "a")


def test_which_event_counts_is_the_owners_choice(tmp_path):
    file = b"who,date,event\na,2025-01-01,Lesson\na,2025-01-02,Trial\nb,2025-01-03,Lesson\n"
    with pytest.raises(InputError, match="event=event:"):
        _read(tmp_path, file, who="user_id")
    log = _read(tmp_path, file, who="user_id", event="event:Lesson")
    assert (log.customers, len(log.day)) == (["a", "b"], 2)
    assert len(_read(tmp_path, file, who="user_id", event="-").day) == 3


def test_amounts_of_another_currency_are_not_added(tmp_path):
    file = b"customer_id,date,amount,currency\na,2025-01-01,1,KRW\na,2025-01-02,2,KRW\nb,2025-01-02,9,USD\n"
    assert _read(tmp_path, file).amount.tolist() == pytest.approx([1, 2, float("nan")], nan_ok=True)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (bytes(range(256)) * 9, "who a row is about"),
        (b"who,when\na,2025-01-01\n", "has the columns who, when.*who a row is about"),
        (b"customer_id,note\na,b\n", "when it happened"),
        (b"customer_id,date,date\na,2025-01-01,2025-01-02\n", "two columns named 'date'"),
        (b"PK\x03\x04....", "spreadsheet"),
    ],
)
def test_what_is_no_such_file_is_refused_with_what_to_do(tmp_path, file, words):
    with pytest.raises(InputError, match=words):
        _read(tmp_path, file)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        read_orders([tmp_path / "nowhere.csv"], NOW)


def test_a_file_without_orders_is_an_empty_log(tmp_path):
    log = _read(tmp_path, HEAD.encode())
    assert (len(log.day), log.amount) == (0, None)
