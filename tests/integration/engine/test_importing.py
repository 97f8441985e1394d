"""Imports, from file to stage: everything good is kept, once, and everything else explains itself."""

import csv
import datetime as dt
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
import pyarrow as pa
import pytest
from pyarrow import parquet

from dangol.engine import importing
from dangol.engine.importing import Counts, Request, find_unfinished, import_file
from dangol.engine.jobs import enqueue, get_job
from dangol.errors import InputError
from dangol.know.consent import get_standing
from dangol.listen.importing.fields import settle
from dangol.listen.importing.source import open_source
from dangol.listen.importing.store import list_runs, write_refusals
from dangol.store.lake import snapshot
from tests.integration.engine.conftest import wait_for

CDNOW = Path(find_spec("lifetimes").origin).parent / "datasets/CDNOW_master.txt"


@pytest.fixture
def run(settings, engine):
    """Import a file with an engine running; the counts."""

    def go(path: Path, kind: str, said: dict[str, str] | None = None, **options: Any) -> Counts:
        chosen = settle(open_source(path).columns, kind, said or {}, options)
        request = Request(run_id=uuid4(), path=path, file_name=path.name, options=chosen, by="test")
        return import_file(settings, request, lambda **_: None)

    return go


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.fixture
def cdnow(tmp_path: Path) -> Path:
    path = tmp_path / "cdnow.csv"
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["customer_id", "date", "quantity", "revenue"])
        for line in CDNOW.read_text().splitlines()[1:]:
            customer, day, quantity, value = line.split()
            writer.writerow([customer, f"{day[:4]}-{day[4:6]}-{day[6:]}", quantity, value])
    return path


ORDERS = """
select count(*) as orders, count(distinct customer_id) as people, min(time) as first,
    max(time) as last, cast(sum(cast(round(100 * cast(json_extract_string(props, '$.revenue')
    as decimal(18, 4))) as bigint)) as bigint) as cents,
    list(distinct json_extract_string(props, '$.currency')) as currencies,
    list(distinct effect) as effects
from events where name = 'Order Completed'"""


def test_a_whole_shop_is_imported_by_the_mapping_alone_and_once(conn, run, cdnow, settings) -> None:
    mapping = {
        "customer_id": "user_id",
        "date": "time",
        "quantity": "quantity",
        "revenue": "revenue:USD",
    }
    assert run(cdnow, "events", mapping) == Counts(read=69_659, new=69_659, known=0, rejected=0)
    with snapshot(settings, settings.database_url, views=("events",)) as snap:
        [told] = snap.query(ORDERS).to_pylist()
    seoul = dt.timezone(dt.timedelta(hours=9))
    assert told == {
        "orders": 69_659,
        "people": 23_570,
        "first": dt.datetime(1997, 1, 1, tzinfo=seoul),
        "last": dt.datetime(1998, 6, 30, tzinfo=seoul),
        "cents": 250_031_563,
        "currencies": ["USD"],
        "effects": ["history"],
    }
    days = conn.execute(
        "select count(*), sum(events), sum(revenue_minor), sum(unrated), min(day) "
        "from relationship_day"
    ).fetchone()
    assert days == (67_591, 69_659, 0, 69_659, dt.date(1997, 1, 1))
    assert conn.execute("select count(*) from stage").fetchone()[0] == 23_570
    conn.rollback()
    assert run(cdnow, "events", mapping) == Counts(read=69_659, new=0, known=69_659, rejected=0)
    with snapshot(settings, settings.database_url, views=("events",)) as snap:
        assert snap.query(ORDERS).to_pylist() == [told]


KOREAN = """회원번호,이름,이메일,휴대폰,수신동의,등급
1,홍길동,GD@Shop.example,010-1234-5678,동의,007
2,김철수,kim@s.example,,거부,x

3,이영희,no address,010,동의,
4,"박
수",z@z.example,010,글쎄,
,,who@s.example,,동의,
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_korean_customers_in_any_encoding(conn, run, tmp_path, encoding) -> None:
    path = write(tmp_path / "회원.csv", KOREAN, encoding)
    counts = run(path, "customers", consent="2024-05-01 가입 화면")
    assert counts == Counts(read=5, new=6, known=0, rejected=2)
    rows = conn.execute(
        "select traits->>'name', traits->>'등급', search from customer where "
        "traits->>'email' = 'gd@shop.example'"
    ).fetchall()
    assert rows[0][:2] == ("홍길동", "007")
    states = dict(
        conn.execute(
            "select p.address, s.consent from contact_point p join contact_state s using "
            "(bucket, customer_id, channel)"
        ).fetchall()
    )
    assert states == {
        "gd@shop.example": "granted",
        "kim@s.example": "withdrawn",
        "who@s.example": "granted",
    }
    blocked = conn.execute("select count(*) from suppression where lifted_at is null").fetchone()
    assert blocked[0] == 1
    run_id = list_runs(conn)[0].id
    refused = list(csv.DictReader(write_refusals(conn, run_id)))
    assert [(row["line"], row["value"], row["reason"]) for row in refused] == [
        ("5", "no address", "bad_value"),
        ("6", "글쎄", "bad_value"),
    ]


def test_without_a_basis_everyone_is_kept_and_nobody_is_mailable(conn, run, tmp_path) -> None:
    path = write(tmp_path / "a.csv", "email,consent\na@a.example,yes\nb@b.example,\n")
    assert run(path, "customers").new == 2
    states = conn.execute("select consent, count(*) from contact_state group by 1").fetchall()
    assert states == [("unknown", 2)]


def test_an_opt_out_survives_the_next_import(conn, run, tmp_path) -> None:
    run(write(tmp_path / "a.csv", "email,consent\na@a.example,no\n"), "customers")
    everyone = "2026-01-01 trade fair"
    run(write(tmp_path / "b.csv", "email,name\nA@A.example,Ann\n"), "customers", consent=everyone)
    customer_id = conn.execute("select customer_id from contact_point").fetchone()[0]
    [standing] = get_standing(conn, customer_id)
    assert standing.consent == "withdrawn"
    assert standing.suppressions == ["opt_out:marketing"]


def test_identical_rows_are_different_orders_and_a_longer_file_adds_its_tail(run, tmp_path) -> None:
    head = "user_id,date,revenue\n1,2024-01-01,5\n1,2024-01-01,5\n"
    assert run(write(tmp_path / "a.csv", head), "events").new == 2
    longer = head + "1,2024-01-01,5\n2,2024-01-02,7\n"
    assert run(write(tmp_path / "b.csv", longer), "events") == Counts(4, 2, 2, 0)


class Killed(BaseException):
    """The process is gone: what was committed stays, nothing more is written."""


def test_a_killed_import_counts_over_all_attempts(
    conn, settings, engine, run, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(importing, "_PART", 2)
    rows = [f"{'x' * 2000 if n == 3 else n},2026-01-{n + 1:02}" for n in range(10)]
    path = write(tmp_path / "a.csv", "\n".join(["user_id,time", *rows, "11,when?"]))
    chosen = settle(("user_id", "time"), "events", {}, {"event_name": "Visit"})
    request = Request(run_id=uuid4(), path=path, file_name="a.csv", options=chosen, by="cli")

    def dying(after: int):
        handed = []

        def watch(**how_far: Any) -> None:
            if how_far.get("phase") == "handing over" and "done" in how_far:
                handed.append(how_far)
                if len(handed) == after:
                    raise Killed

        return watch

    for after in (2, 1, 4):
        with pytest.raises(Killed):
            import_file(settings, request, dying(after))
    typed_again = msgspec.structs.replace(request, run_id=uuid4())
    assert find_unfinished(settings, typed_again) == request
    counts = import_file(settings, request, lambda **_: None)
    assert counts == Counts(read=11, new=9, known=0, rejected=2)
    (shown,) = list_runs(conn)
    assert (shown.state, shown.rows_new, shown.rows_rejected) == ("done", 9, 2)
    assert find_unfinished(settings, request) == request
    assert run(path, "events", event_name="Visit") == Counts(11, 0, 9, 2)


def test_json_lines_and_parquet_mean_the_same(run, tmp_path, settings) -> None:
    lines = (
        '{"user_id": "1", "date": "2024-01-01T10:00:00Z", "properties": {"revenue": 5.5, "n": 3}}\n'
        "not json\n"
        '{"user_id": "2", "date": "2024-01-01T10:00:00Z", "revenue": 5.5, "n": 4}\n'
    )
    assert run(write(tmp_path / "a.jsonl", lines), "events") == Counts(3, 2, 0, 1)
    table = pa.table(
        {
            "user_id": ["1", "2", "3"],
            "date": pa.array([dt.datetime(2024, 1, 1, 10, tzinfo=dt.UTC)] * 3),
            "revenue": [5.5, 5.5, None],
            "n": [3, 4, 5],
        }
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    assert run(tmp_path / "a.parquet", "events") == Counts(3, 1, 2, 0)
    with snapshot(settings, settings.database_url, views=("events",)) as snap:
        props = snap.query("select props from events where name = 'Order Completed'")["props"]
    assert sorted(json.loads(text)["n"] for text in props.to_pylist()) == [3, 4, 5]


def test_the_desk_imports_an_upload_and_does_not_keep_it(conn, engine) -> None:
    blob = uuid4()
    conn.execute(
        "insert into blob values (%s, '', 'a.csv', 'text/csv', 9, %s, now(), 'member:1')",
        [blob, b"email,name\na@a.example,Ann\nbad,Bob\n"],
    )
    args = {"kind": "customers", "blob_id": str(blob), "file_name": "a.csv"}
    job_id = enqueue(conn, "import", args, by="member:1", now=dt.datetime.now(dt.UTC))
    conn.commit()
    wait_for(lambda: ended(conn, job_id), 30)
    job = get_job(conn, job_id)
    assert (job.state, job.error) == ("done", None)
    assert {name: job.result[name] for name in ("read", "new", "rejected")} == {
        "read": 2,
        "new": 1,
        "rejected": 1,
    }
    assert conn.execute("select count(*) from blob").fetchone()[0] == 0


def ended(conn: psycopg.Connection, job_id: UUID) -> bool:
    conn.rollback()
    return get_job(conn, job_id).state in ("done", "failed")


def test_what_was_refused_is_told_without_formulas(run, conn, tmp_path) -> None:
    file = write(tmp_path / "a.csv", "user_id,time\nu1,=HYPERLINK(0)\nu2,2024-01-05\n")
    assert run(file, "events", event_name="Visit").rejected == 1
    (done,) = list_runs(conn)
    assert "\n2,'=HYPERLINK(0),bad_time," in "".join(write_refusals(conn, done.id))


def test_a_file_of_another_kind_is_given_up_before_it_fills_the_disk(
    run, conn, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(importing, "MOST_UNREADABLE", 3)
    lines = "just a line of text\n" * 9
    with pytest.raises(InputError, match="line 6 for one; nothing was imported"):
        run(write(tmp_path / "a.csv", f"user_id,name\nu1,Kim\n{lines}"), "customers")
    assert conn.execute("select count(*) from intake").fetchone() == (0,)
    (told,) = list_runs(conn)
    assert (told.state, told.rows_new) == ("failed", 0)
