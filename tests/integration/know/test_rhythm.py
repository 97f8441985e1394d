"""Refit and rescore on a real database, beside a Live that writes the same rows."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pyarrow as pa
import pytest
from msgspec import to_builtins

from dangol.engine.upkeep import has_reopened, refit_when_reopened
from dangol.know.rhythm.lookup import find_none
from dangol.know.rhythm.minimum import LEAST_DAYS, LEAST_REPEATERS
from dangol.know.rhythm.model import Spend
from dangol.know.rhythm.opening import Opening
from dangol.know.rhythm.service import (
    find_model,
    find_stage,
    judge,
    refit,
    rescore,
    stages_of,
)
from dangol.model.customer import bucket_of
from dangol.model.event import Cause
from dangol.model.stage import Stage
from dangol.settings import Settings
from dangol.store.brand import save_setting
from dangol.store.bulk import copy_arrow
from dangol.store.pool import connect
from tests.unit.know.rhythm import cdnow

START = dt.date(2025, 1, 1)
TODAY = dt.date(2026, 3, 1)
NOW = dt.datetime(2026, 3, 1, 3, tzinfo=dt.UTC)


def _add_days(conn, customer, days):
    conn.cursor().executemany(
        "insert into relationship_day values (%s, %s, %s, 1, 1000)",
        [(bucket_of(customer), customer, day) for day in days],
    )


def _populate(conn, customers=200, seed=4):
    """Customers of every pace: some regular, some who stopped, a third who came once."""
    rng = np.random.default_rng(seed)
    for customer in range(1, customers + 1):
        first = int(rng.integers(0, 300))
        days = {first}
        if customer % 3:
            gap = rng.gamma(2, 15)
            count = min(int(rng.geometric(0.15)), 25)
            days |= {first + int(gap * i + rng.integers(1, 9)) for i in range(1, count)}
        _add_days(conn, customer, [START + dt.timedelta(d) for d in sorted(days) if d <= 424])


def _ask(*rows):
    columns = zip(*[(bucket_of(c), c, cause) for c, cause in rows], strict=True)
    return pa.table(dict(zip(["bucket", "customer_id", "cause"], map(list, columns), strict=True)))


def _stages(conn):
    return dict(conn.execute("select customer_id, stage from stage").fetchall())


def test_few_customers_are_all_unknown(conn):
    _add_days(conn, 5, [START, TODAY])
    assert refit(conn, TODAY, NOW) is None
    assert rescore(conn, (0, 1023), TODAY, NOW, Cause.TIME) == 0
    assert _stages(conn) == {5: "unknown"}
    assert conn.execute("select count(*) from inbox").fetchone() == (0,)


@pytest.mark.parametrize("repeaters", [0, 1, 29, 30, 300])
def test_below_thirty_who_came_back_nothing_is_said(conn, repeaters):
    for customer in range(1, repeaters + 4):
        days = [START + dt.timedelta(customer % 40)]
        if customer <= repeaters:
            days += [days[0] + dt.timedelta((20 + customer % 7 * 9) * one) for one in (1, 2)]
        _add_days(conn, customer, days)
    model = refit(conn, TODAY, NOW)
    rescore(conn, (0, 1023), TODAY, NOW, Cause.REFIT)
    nothing = find_none(conn)
    if repeaters >= LEAST_REPEATERS:
        assert model == find_model(conn)
        assert nothing is None
        assert "unknown" not in _stages(conn).values()
        return
    assert model is None
    assert set(_stages(conn).values()) == {"unknown"}
    assert conn.execute("select count(*) from stage where p is not null").fetchone() == (0,)
    assert nothing.shortage.repeaters_missing == LEAST_REPEATERS - repeaters
    assert nothing.shortage.days_missing == 0


def test_a_young_shop_is_told_how_many_days_are_missing(conn):
    _populate(conn)
    young = START + dt.timedelta(45)
    assert refit(conn, young, NOW) is None
    assert refit(conn, young, NOW) is None
    assert conn.execute("select version, model from rhythm_model").fetchall() == [(1, "none")]
    first = conn.execute("select min(day) from relationship_day").fetchone()[0]
    assert find_none(conn).shortage.days_missing == LEAST_DAYS - (young - first).days


def test_who_had_a_stage_has_none_once_there_is_too_little_to_tell(conn):
    """The owner says that another event counts, of which there are few."""
    _populate(conn)
    refit(conn, TODAY, NOW)
    rescore(conn, (0, 1023), TODAY, NOW, Cause.REFIT)
    conn.execute("delete from relationship_day where customer_id > 20")
    assert refit(conn, TODAY, NOW) is None
    assert find_model(conn) is None
    assert rescore(conn, (0, 1023), TODAY, NOW, Cause.REFIT) == 20
    assert set(_stages(conn).values()) == {"unknown"}
    assert conn.execute("select count(*) from stage where p is not null").fetchone() == (0,)


def test_what_was_learned_comes_back_as_it_was_stored(conn):
    _populate(conn)
    model = refit(conn, TODAY, NOW)
    assert model == find_model(conn) == find_model(conn, model.version)
    assert find_model(conn, 99) is None
    assert model.basis.event == "Order Completed"
    assert model.basis.opening.holidays == ("Korean New Year", "Chuseok")
    assert dt.date(2026, 2, 17) in model.calendar.closed
    assert model.thresholds.since == TODAY
    assert isinstance(model.spend, Spend)
    assert np.array(model.covariance).shape == (4, 4)
    later = refit(conn, TODAY + dt.timedelta(30), NOW)
    assert later.thresholds == model.thresholds


def test_lines_outlive_a_time_in_which_nothing_could_be_learned(conn):
    """Chosen anew a year later at the earliest: also when in between there were too few."""
    _populate(conn)
    lines = refit(conn, TODAY, NOW).thresholds
    conn.execute("create temp table kept as select * from relationship_day where customer_id > 20")
    conn.execute("delete from relationship_day where customer_id > 20")
    assert refit(conn, TODAY + dt.timedelta(1), NOW) is None
    conn.execute("insert into relationship_day select * from kept")
    assert refit(conn, TODAY + dt.timedelta(2), NOW).thresholds == lines
    assert refit(conn, TODAY + dt.timedelta(364), NOW).thresholds.since == TODAY
    later = TODAY + dt.timedelta(365)
    assert refit(conn, later, NOW).thresholds.since == later


def test_closed_days_are_no_silence(conn):
    """The same orders, with and without a month in which nobody could come."""
    _populate(conn)
    refit(conn, TODAY, NOW)
    rescore(conn, (0, 1023), TODAY, NOW, Cause.REFIT)
    open_ = dict(_p(conn))
    closure = {"since": "2026-01-30", "until": "2026-02-28", "why": "repairs"}
    rules = {"weekly": [7], "closures": [closure], "holidays": []}
    save_setting(conn, "opening", rules, by="test", now=NOW)
    model = refit(conn, TODAY, NOW)
    assert model.calendar.between(dt.date(2026, 1, 29), TODAY) == 0
    rescore(conn, (0, 1023), TODAY, NOW, Cause.REFIT)
    row = conn.execute("select max(silence) from stage").fetchone()[0]
    assert row == 1
    assert dict(_p(conn)) != open_


def test_everyone_is_restaged_when_the_opening_days_change(dsn, tmp_path):
    settings = Settings(data=tmp_path, database_url=dsn, workers=1)
    with connect(dsn, name="test") as conn:
        assert not has_reopened(conn, NOW)
        _populate(conn)
        refit(conn, TODAY, NOW)
        rescore(conn, (0, 1023), TODAY, NOW, Cause.REFIT)
        conn.execute("delete from inbox")
        assert not has_reopened(conn, NOW)
        closure = {"since": "2025-12-01", "until": "2026-03-01"}
        save_setting(conn, "opening", {"closures": [closure]}, by="test", now=NOW)
        assert has_reopened(conn, NOW)
        quiet = _stages(conn)
    refit_when_reopened(settings, NOW)
    with connect(dsn, name="test") as conn:
        assert not has_reopened(conn, NOW)
        model = find_model(conn)
        assert (model.version, model.calendar.between(dt.date(2025, 11, 30), TODAY)) == (2, 0)
        told = conn.execute("select distinct cause from inbox").fetchall()
        assert told in ([], [("refit",)])
        level = {"inactive": 1, "lapsing": 2, "active": 3, "new": 3, "loyal": 4}
        stages = _stages(conn)
        assert all(level[stages[who]] <= level[was] for who, was in quiet.items())


def test_the_clockwork_of_sixty_days_is_a_regular_from_the_third_return_on(conn):
    """And from the sixth on stays one all through the time between two orders."""
    _populate(conn)
    _add_days(conn, 901, [TODAY - dt.timedelta(60 * n) for n in range(4)])
    refit(conn, TODAY, NOW)
    rescore(conn, (0, 1023), TODAY, NOW, Cause.REFIT)
    assert _stages(conn)[901] == "loyal"
    days = [START + dt.timedelta(60 * n) for n in range(7)]
    _add_days(conn, 902, days)
    for today in (days[-1], days[-1] + dt.timedelta(30), days[-1] + dt.timedelta(59)):
        now = dt.datetime.combine(today, dt.time(3), dt.UTC)
        rescore(conn, (902, 902), today, now, Cause.TIME)
        assert _stages(conn)[902] == "loyal"


def test_an_empty_shop_is_no_error(conn):
    assert refit(conn, TODAY, NOW) is None
    assert rescore(conn, (0, 1023), TODAY, NOW, Cause.TIME) == 0
    assert find_model(conn) is None
    assert find_stage(conn, 1, 1) is None


def test_refit_and_rescore_place_everyone_once(conn):
    _populate(conn)
    model = refit(conn, TODAY, NOW)
    assert model
    assert model == find_model(conn)
    assert (model.version, model.customers) == (1, 200)
    changed = rescore(conn, (0, 511), TODAY, NOW, Cause.REFIT)
    changed += rescore(conn, (512, 1023), TODAY, NOW, Cause.REFIT)
    stages = _stages(conn)
    assert len(stages) == changed == 200
    assert len(set(stages.values())) >= 4
    assert "unknown" not in stages.values()
    events = conn.execute(
        "select customer_id, name, cause, effect, props from inbox order by time"
    ).fetchall()
    assert {row[0]: row[4]["to"] for row in events} == stages
    assert {row[1:4] for row in events} == {("Stage Changed", "history", "history")}
    assert rescore(conn, (0, 1023), TODAY, NOW, Cause.TIME) == 0


def test_rescoring_in_any_cut_gives_the_same(conn):
    _populate(conn)
    refit(conn, TODAY, NOW)
    rescore(conn, (0, 1023), TODAY, NOW, Cause.REFIT)
    whole = conn.execute("select * from stage order by customer_id").fetchall()
    conn.execute("delete from stage")
    conn.execute("delete from inbox")
    for lo in range(0, 1024, 64):
        rescore(conn, (lo, lo + 63), TODAY, NOW, Cause.REFIT)
    assert conn.execute("select * from stage order by customer_id").fetchall() == whole


def test_an_order_lifts_at_once_and_silence_lowers_later(conn):
    _populate(conn)
    _add_days(conn, 900, [START + dt.timedelta(14 * i) for i in range(15)])
    model = refit(conn, TODAY, NOW)
    rescore(conn, (0, 1023), TODAY, NOW, Cause.REFIT)
    row = find_stage(conn, 900, 900)
    assert row.stage is Stage.INACTIVE
    _add_days(conn, 900, [TODAY])
    later = NOW + dt.timedelta(hours=1)
    events = stages_of(conn, _ask((900, "behaviour")), model, TODAY, later)
    assert events.num_rows == 1
    row = find_stage(conn, 900, 900)
    assert row.stage in {Stage.ACTIVE, Stage.LAPSING, Stage.LOYAL}
    assert (row.previous, row.cause, row.since) == (Stage.INACTIVE, Cause.BEHAVIOUR, later)
    assert row.last_day == TODAY
    assert stages_of(conn, _ask((900, "behaviour")), model, TODAY, later).num_rows == 0
    after = TODAY + dt.timedelta(300)
    rescore(conn, (900, 900), after, later + dt.timedelta(300), Cause.TIME)
    row = find_stage(conn, 900, 900)
    assert (row.stage, row.cause) == (Stage.INACTIVE, Cause.TIME)


def test_who_is_known_by_the_past_only_waits(conn):
    """More of the past may be on its way; a newcomer's own order is judged at once."""
    _populate(conn)
    model = refit(conn, TODAY, NOW)
    _add_days(conn, 901, [START])
    _add_days(conn, 902, [TODAY])
    _add_days(conn, 904, [START, TODAY])
    asked = _ask((901, "history"), (902, "behaviour"), (903, "behaviour"), (904, "behaviour"))
    events = stages_of(conn, asked, model, TODAY, NOW)
    (told,) = events.to_pylist()
    assert (told["customer_id"], told["effect"], told["cause"]) == (902, "live", "behaviour")
    columns = conn.execute("select * from event_recent limit 0").description
    assert events.column_names == [column.name for column in columns]
    assert _stages(conn) == {901: "unknown", 902: "new", 904: "unknown"}
    _add_days(conn, 901, [START + dt.timedelta(1)])
    assert stages_of(conn, _ask((901, "behaviour")), model, TODAY, NOW).num_rows == 0
    rescore(conn, (901, 904), TODAY, NOW, Cause.TIME, judges=False)
    assert _stages(conn)[901] == "unknown"


_TOLD = """
select event_id, props->>'from', props->>'to', time, received_at, effect, cause
from inbox where customer_id = %s order by time
"""


def test_the_past_is_told_once_as_of_then(conn):
    _populate(conn)
    days = [START + dt.timedelta(30 * n) for n in range(8)]
    _add_days(conn, 901, days)
    model = refit(conn, TODAY, NOW)
    stages_of(conn, _ask((901, "history")), model, TODAY, NOW)
    conn.commit()
    assert judge(conn, (901, 901), TODAY, NOW) == 1
    told = conn.execute(_TOLD, [901]).fetchall()
    conn.rollback()
    assert _stages(conn) == {901: "unknown"}, "killed before the commit, nothing was told"
    assert judge(conn, (901, 901), TODAY, NOW + dt.timedelta(hours=1)) == 1
    again = conn.execute(_TOLD, [901]).fetchall()
    assert [row[:4] for row in again] == [row[:4] for row in told]
    was, now = [row[1] for row in told], [row[2] for row in told]
    assert (was[0], now[0], now[-1], was[1:]) == (None, "new", "inactive", now[:-1])
    assert "loyal" in now
    assert {row[5:] for row in told} == {("history", "history")}
    assert all(row[4] == NOW for row in told)
    for row in told:
        at = row[3].astimezone(ZoneInfo("Asia/Seoul"))
        is_look = (at.weekday(), at.time()) == (0, dt.time(0, 10))
        assert is_look or (at.date() in days and at.time() == dt.time.max)
    row = find_stage(conn, 901, 901)
    assert (row.stage, row.previous, row.since) == ("inactive", was[-1], told[-1][3])
    assert judge(conn, (0, 1023), TODAY, NOW) == 0
    assert rescore(conn, (901, 901), TODAY, NOW, Cause.TIME) == 0


def test_a_second_import_changes_today_and_not_what_was_told(conn):
    _populate(conn)
    _add_days(conn, 901, [START, START + dt.timedelta(30)])
    model = refit(conn, TODAY, NOW)
    rescore(conn, (0, 1023), TODAY, NOW, Cause.REFIT)
    told = conn.execute(_TOLD, [901]).fetchall()
    assert stages_of(conn, _ask((901, "history")), model, TODAY, NOW).num_rows == 0
    _add_days(conn, 901, [TODAY - dt.timedelta(20 * n) for n in range(5)])
    (event,) = stages_of(conn, _ask((901, "history")), model, TODAY, NOW).to_pylist()
    assert (event["effect"], event["cause"], event["time"]) == ("history", "history", NOW)
    assert judge(conn, (0, 1023), TODAY, NOW) == 0
    assert conn.execute(_TOLD, [901]).fetchall() == told


def test_no_customers_asked_is_no_error(conn):
    empty = pa.table(
        {
            "bucket": pa.array([], pa.int32()),
            "customer_id": pa.array([], pa.int64()),
            "cause": pa.array([], pa.string()),
        }
    )
    assert stages_of(conn, empty, None, TODAY, NOW).num_rows == 0


def test_who_has_no_days_left_has_no_stage(conn):
    _add_days(conn, 5, [START])
    rescore(conn, (0, 1023), TODAY, NOW, Cause.TIME)
    conn.execute("delete from relationship_day")
    rescore(conn, (0, 1023), TODAY, NOW, Cause.TIME)
    assert _stages(conn) == {}


def test_a_future_day_does_not_break_anything(conn):
    _populate(conn)
    model = refit(conn, TODAY, NOW)
    _add_days(conn, 901, [TODAY, TODAY + dt.timedelta(2)])
    stages_of(conn, _ask((901, "behaviour")), model, TODAY, NOW)
    assert judge(conn, (901, 901), TODAY, NOW) == 1
    assert conn.execute("select max(time) from inbox").fetchone() == (NOW,)


def test_rescore_leaves_what_live_wrote_meanwhile(dsn):
    """Live has decided but not committed; rescore, which read before, waits and then gives way."""
    later = TODAY + dt.timedelta(200)
    with connect(dsn, name="test") as conn:
        _populate(conn)
        model = refit(conn, TODAY, NOW)
        _add_days(conn, 900, [START + dt.timedelta(20 * i) for i in range(20)])
        rescore(conn, (0, 1023), TODAY, NOW, Cause.REFIT)
    with connect(dsn, name="live") as live, ThreadPoolExecutor(1) as pool:
        _add_days(live, 900, [later])
        stages_of(live, _ask((900, "behaviour")), model, later, NOW)
        waiting = pool.submit(_rescore_alone, dsn, later)
        _until_blocked(dsn)
        live.commit()
        waiting.result(30)
        row = find_stage(live, 900, 900)
    assert (row.repeats, row.last_day, row.cause) == (20, later, Cause.BEHAVIOUR)


def _rescore_alone(dsn, today):
    with connect(dsn, name="rescore") as conn:
        rescore(conn, (900, 900), today, NOW, Cause.TIME)


def _until_blocked(dsn):
    """Wait until some session waits for a lock of another."""
    query = (
        "select count(*) from pg_stat_activity"
        " where wait_event_type = 'Lock' and datname = current_database()"
    )
    with connect(dsn, name="watch", autocommit=True) as conn:
        for _ in range(2000):
            if conn.execute(query).fetchone()[0]:
                return
            conn.execute("select pg_sleep(0.01)")
    raise AssertionError("nobody waits")


@pytest.mark.parametrize("moved", [True, False])
def test_p_is_refreshed_when_it_moved(conn, moved):
    _populate(conn)
    refit(conn, TODAY, NOW)
    rescore(conn, (0, 1023), TODAY, NOW, Cause.REFIT)
    before = _p(conn)
    days = 20 if moved else 0
    rescore(conn, (0, 1023), TODAY + dt.timedelta(days), NOW, Cause.TIME)
    assert (_p(conn) != before) is moved


def _p(conn: psycopg.Connection):
    return conn.execute("select customer_id, p from stage order by customer_id").fetchall()


def test_the_database_learns_what_the_file_learns(conn):
    """CDNOW through relationship_day: the published parameters, to the digits given."""
    save_setting(conn, "opening", to_builtins(Opening()), by="test", now=NOW)
    log = cdnow.load("sample")
    rows = pa.table(
        {
            "bucket": log.customer % 1024,
            "customer_id": log.customer,
            "day": log.day.astype("datetime64[D]"),
        }
    )
    days = rows.group_by(["bucket", "customer_id", "day"]).aggregate([([], "count_all")])
    days = days.rename_columns(["bucket", "customer_id", "day", "events"])
    copy_arrow(conn, "relationship_day", days.append_column("revenue_minor", days["events"]))
    found = refit(conn, cdnow.CALIBRATION_END, NOW).params
    assert (found.r, found.alpha) == pytest.approx((0.524843, 6.183085), abs=2e-6)
    assert (found.a, found.b) == pytest.approx((0.891359, 1.614002), abs=2e-6)
