"""Files of orders as people have them."""

import datetime as dt

import pytest

from dangol.errors import InputError
from dangol.know.rhythm.orderlog import read_orders


def _write(tmp_path, text):
    path = tmp_path / "orders.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_dates_are_read_in_the_iso_spellings(tmp_path):
    text = "amount,customer_id,date\n1,007,1997-01-02\n2,007,19970105\n3,단골,1997-01-05T23:59:00\n"
    customers, rows = read_orders(_write(tmp_path, text)).histories(dt.date(1997, 1, 10))
    assert customers == ["007", "단골"]
    assert rows.repeats.tolist() == [1, 0]
    assert rows.last.tolist() == [3, 0]
    assert rows.age.tolist() == [8, 5]


def test_bad_rows_are_counted_and_the_rest_is_kept(tmp_path):
    text = "customer_id,date\na,1997-01-02\nb,yesterday\nc\nd,\ne,1997-02-30\nf,1997-01-03\n"
    log = read_orders(_write(tmp_path, text))
    assert len(log.day) == 2
    assert log.unreadable == 4
    assert log.example


@pytest.mark.parametrize(
    "text", ["", "who,when\na,1997-01-02\n", b"customer_id,date\n\xff\xfe,1997-01-02\n"]
)
def test_what_is_no_such_file_is_refused_with_what_to_do(tmp_path, text):
    with pytest.raises(InputError, match="customer_id and date"):
        read_orders(_write(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        read_orders(tmp_path / "nowhere.csv")


def test_amounts_are_summed_per_day_after_the_first(tmp_path):
    text = (
        "customer_id,date,amount\na,1997-01-01,5\na,1997-01-02,2\na,1997-01-02,3.5\n"
        "a,1997-01-04,lots\nb,1997-01-01,9\nb,1997-02-01,7\n"
    )
    log = read_orders(_write(tmp_path, text))
    orders, total = log.spent(dt.date(1997, 1, 10))
    assert (orders.tolist(), total.tolist()) == ([1, 0], [5.5, 0])
    orders, total = log.spent(dt.date(1997, 3, 1))
    assert (orders.tolist(), total.tolist()) == ([1, 1], [5.5, 7])


def test_several_files_are_one_log(tmp_path):
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    first.write_text("customer_id,date\na,1997-01-01\n")
    second.write_text("customer_id,date,amount\na,1997-01-05,3\nb,1997-01-05,4\n")
    log = read_orders(first, second)
    customers, rows = log.histories(dt.date(1997, 1, 10))
    assert (customers, rows.repeats.tolist()) == (["a", "b"], [1, 0])
    assert log.spent(dt.date(1997, 1, 10))[0].tolist() == [1, 0]
