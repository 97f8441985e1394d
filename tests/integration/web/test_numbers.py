"""Each number on a page equals the length of the list that it opens; few customers, honest words."""

import csv
import io
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from dangol.know.rhythm.service import refit, rescore
from dangol.model.customer import bucket_of
from dangol.model.event import Cause
from dangol.web.signin.role import Role
from tests.integration.web.conftest import NOW, counted_links


def list_length(desk, url: str) -> tuple[int, int]:
    """What the list says its length is, and how many rows its file has."""
    total = re.search(r'data-total="(\d+)"', desk.get(url))
    path, _, query = url.partition("?")
    rows = list(csv.reader(io.StringIO(desk.get(f"{path}.csv?{query}").lstrip("\ufeff"))))
    return int(total[1]), len(rows) - 1


def check_numbers(desk, url: str) -> int:
    """Follow every number of a page; returns how many there were."""
    links = counted_links(desk.get(url))
    for count, target in links:
        assert (count, count) == list_length(desk, target), target
    return len(links)


@pytest.mark.parametrize("locale", ["en", "ko"])
def test_home_numbers_equal_their_lists(desk, add_customer, locale):
    for number in range(40):
        stage = ["new", "active", "loyal", "lapsing", "inactive", None, "unknown"][number % 7]
        was = [None, "active", "new", "unknown", "loyal"][number % 5] if stage else None
        add_customer(f"손님 {number}", stage, was=was, since=[2, 29, 31, 200][number % 4])
    for _ in range(3):
        add_customer(visitor=True)
    gone = add_customer("합친 손님", "loyal")
    desk.conn.execute("update customer set merged_into = 1 where customer_id = %s", [gone])
    desk.conn.commit()
    desk.sign_in(Role.VIEWER, locale)
    assert check_numbers(desk, "/") > 10
    assert list_length(desk, "/customers") == (40, 40)


def test_nobody_is_called_quiet_within_the_own_gap(desk, add_customer):
    for name, repeats in [("Often", 5), ("Seldom", 1), ("Once", 0)]:  # in 50 days, then 40 silent
        add_customer(name, "lapsing", repeats=repeats)
    desk.sign_in(Role.VIEWER)
    home = desk.get("/")
    assert ("Often" in home, "Seldom" in home, "Once" in home) == (True, False, True)
    assert list_length(desk, "/customers?stage=lapsing&quiet=yes") == (2, 2)
    assert list_length(desk, "/customers?stage=lapsing") == (3, 3)


def test_a_nameless_customer_stands_in_a_list_once(desk, add_customer):
    add_customer(traits={"email": "solo@shop.example"})
    desk.sign_in(Role.VIEWER)
    assert desk.get("/customers").count("solo@shop.example") == 1


@pytest.mark.parametrize("count", [1, 40])
def test_few_customers_get_names_and_no_percentages(desk, add_customer, count):
    for number in range(count):
        add_customer(f"Kim {number}")
    desk.sign_in(Role.VIEWER)
    home = desk.get("/")
    assert "No order is known yet" in home
    assert "too early to tell where anybody stands" in home
    assert 'class="bars"' not in home
    assert "%" not in re.sub(r"<[^>]+>", "", home)


def test_nobody_yet_shows_two_doors(desk):
    desk.sign_in(Role.VIEWER)
    home = desk.get("/")
    assert "Practice shop" in home
    assert "My own shop" in home
    assert "0 %" not in home
    assert "No customers yet" in desk.get("/customers")


@pytest.mark.parametrize(
    ("typed", "found"),
    [("홍길", 1), ("ㅎㄱㄷ", 1), ("5678", 1), ("010-1234", 1), ("GILDONG@", 1), ("u1", 1), ("%", 0),
     ("없는 사람", 0), ("'; drop table customer", 0)],
)  # fmt: skip
def test_search_finds_by_what_people_type(desk, add_customer, typed, found):
    traits = {"phone": "010-1234-5678", "email": "gildong@shop.example"}
    add_customer("홍길동", "loyal", traits=traits)
    add_customer("김철수")
    desk.sign_in(Role.VIEWER)
    page = desk.client.get("/customers", params={"q": typed}).text
    assert f'data-total="{found}"' in page
    assert ("홍길동" in page) == bool(found)


def test_csv_is_no_formula_and_pages_go_on(desk, add_customer):
    add_customer("=HYPERLINK(1)")
    for number in range(60):
        add_customer(f"n{number}")
    desk.sign_in(Role.VIEWER)
    assert "'=HYPERLINK(1)" in desk.get("/customers.csv")
    first = desk.get("/customers")
    assert 'rel="next"' in first
    second = desk.get(re.search(r'rel="next" href="([^"]+)"', first)[1])
    shown = re.findall(r'href="(/customers/\d+)"', first + second)
    assert len(shown) == len(set(shown)) == 61


def test_hostile_names_stay_text(desk, add_customer):
    add_customer("<script>alert(1)</script>", "lapsing")
    desk.sign_in(Role.VIEWER)
    for url in ("/", "/customers"):
        page = desk.get(url)
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


def test_counts_before_the_launch_open_the_people_they_count(desk, add_customer, conn):
    for number in range(7):
        one = add_customer(f"손님 {number}", traits={"email": f"p{number}@shop.example"})
        if number < 4:
            allow(conn, one)
    for number in range(3):
        add_customer(f"주소 없음 {number}")
    allow(conn, add_customer("같은 주소", traits={"email": "p0@shop.example"}))
    desk.sign_in(Role.MARKETER)
    url = desk.post("/campaigns", name="봄")
    links = counted_links(desk.get(f"{url}/count"))
    assert sum(count for count, _ in links) == 11
    assert len(links) >= 3
    for count, target in links:
        assert (count, count) == list_length(desk, target), target
    desk.get(f"{url}/audience?group=nonsense", 404)


def allow(conn, customer_id: int) -> None:
    bucket = customer_id % 1024
    conn.execute(
        "insert into contact_state (bucket, customer_id, channel, consent, consent_time) "
        "values (%s, %s, 'email', 'granted', %s)",
        [bucket, customer_id, NOW],
    )
    conn.commit()


def test_the_preview_of_a_condition_opens_the_people_it_counts(desk, add_customer):
    for number in range(60):
        add_customer(f"손님 {number}", ["loyal", "active"][number % 2])
    desk.sign_in(Role.MARKETER)
    form = {"rows": "1", "match": "all", "r0.kind": "stage", "r0.in": "loyal"}
    links = counted_links(desk.post("/segments/preview", 200, **form))
    assert [count for count, _ in links] == [30]
    assert list_length(desk, links[0][1]) == (30, 30)
    desk.get("/segments/people?condition=nonsense", 422)
    desk.get("/segments/people?condition=%7B%7D", 503)


def test_the_flow_between_two_days_counts_whom_it_lists(desk, add_customer, conn):
    for number in range(12):
        one = add_customer(f"손님 {number}", ["loyal", "lapsing", "active"][number % 3])
        if number % 3 != 2:
            change(conn, one, days=10, was=["active", "loyal"][number % 3])
            change(conn, one, days=40, was="new")  # before the first day: changes nothing here
    desk.sign_in(Role.VIEWER)
    page = desk.get("/flow")
    assert page.count('"source"') == 3
    links = counted_links(page)
    assert sorted(count for count, _ in links) == [4, 4, 4]
    for count, target in links:
        assert (count, count) == list_length(desk, target), target
    moved = {target.split("was=")[1] for _, target in links}
    assert moved == {"active&stage=loyal", "loyal&stage=lapsing", "active&stage=active"}
    today = NOW.date()
    before = desk.get(f"/flow?since={today - timedelta(35)}&until={today - timedelta(20)}")
    assert "nobody is known to have moved" in before
    desk.get("/flow/people?was=loyal&stage=nonsense", 404)


@pytest.fixture
def lived_in(add_customer, conn) -> None:
    """Customers with orders, gaps, consents and stages that changed."""
    stages = ["loyal", "lapsing", "active", "new"]
    for number in range(36):
        stage = stages[number % 4]
        traits = {"email": f"p{number}@shop.example"} if number % 3 else {}
        one = add_customer(
            f"손님 {number}", stage, since=[40, 150, 300][number % 3], traits=traits,
            repeats=number % 4 and 3,
        )  # fmt: skip
        key = [bucket_of(one), one]
        for back in (200, 120, 30)[: number % 4]:
            conn.execute(
                "insert into relationship_day (bucket, customer_id, day, events, revenue_minor)"
                " values (%s, %s, %s, 1, 100)", [*key, NOW.date() - timedelta(back + number)],
            )  # fmt: skip
        conn.execute(
            "update stage set gap_days = %s where bucket = %s and customer_id = %s",
            [[5.0, 20.0, 400.0, None][number % 4], *key],
        )
        change(conn, one, days=10, was=[None, "active", "new"][number % 3], to=stage)
    allow(conn, 2)


@pytest.mark.parametrize(
    ("url", "fewest"),
    [("/flow", 6), ("/flow/part", 6), ("/flow/sizes", 20), ("/flow/moves", 6), ("/rhythm/base", 5),
     ("/rfm", 8), ("/meetings?days=30", 9)],
)  # fmt: skip
def test_numbers_about_everyone_equal_their_lists(desk, lived_in, url, fewest):
    desk.sign_in(Role.VIEWER)
    links = counted_links(desk.get(url))
    assert len(links) >= fewest
    kinds = {}
    for count, target in links:
        kinds.setdefault((min(count, 1), *re.findall(r"(\w+)=", target)), []).append(
            (count, target)
        )
    for alike in kinds.values():
        for count, target in alike[:4]:
            assert (count, count) == list_length(desk, target), target


def test_first_timers_are_counted_and_welcomed_by_name(desk, add_customer, conn):
    for name, repeats in [("가람", 0), ("나래", 2)]:
        add_customer(name, "new", repeats=repeats)
    conn.execute("update stage set first_day = %s, last_day = %s", [NOW.date()] * 2)
    conn.commit()
    desk.sign_in(Role.VIEWER, "ko")
    home = desk.get("/")
    assert "가람 님, 찾아와 주셔서 고맙습니다" in home
    assert list_length(desk, "/customers?first=30") == (1, 1)


def test_with_nobody_it_says_what_is_missing(desk):
    desk.sign_in(Role.VIEWER)
    pages = [desk.get(url) for url in ("/rhythm", "/rhythm/base", "/rhythm/value", "/rfm",
                                       "/meetings", "/flow", "/flow/moves")]  # fmt: skip
    assert not any(re.search(r"\d %|\d%|NaN|None", re.sub(r"<[^>]+>", "", p)) for p in pages)
    assert "Too early to tell" in pages[0]
    assert "Too early to tell" in pages[2]
    assert "Nobody ordered" in pages[3]
    assert "Choose earlier days" in pages[4]


@pytest.mark.parametrize(
    ("people", "missing"), [(1, "29 more customers have"), (29, "1 more customer has")]
)
def test_with_too_few_it_counts_what_is_missing(desk, add_customer, conn, people, missing):
    for number in range(people):
        one = add_customer(f"Kim {number}")
        for back in (120, 40):
            conn.execute(
                "insert into relationship_day values (%s, %s, %s, 1, 0)",
                [bucket_of(one), one, NOW.date() - timedelta(back)],
            )
    refit(conn, NOW.date(), NOW)
    rescore(conn, (0, 1023), NOW.date(), NOW, Cause.TIME)
    conn.commit()
    desk.sign_in(Role.VIEWER)
    for url in ("/", "/rhythm/base", "/rhythm/value"):
        page = desk.get(url)
        assert f"Too early to tell: {missing} to come back" in page
        assert "%" not in re.sub(r"<[^>]+>", "", page)
        assert "data-chart=" not in page


def change(conn, customer_id: int, *, days: int, was: str | None, to: str = "") -> None:
    at = NOW - timedelta(days=days)
    conn.execute(
        "insert into event_recent (bucket, customer_id, event_id, name, time, received_at, "
        "recorded_at, props, source, effect, cause) "
        "values (%s, %s, %s, 'Stage Changed', %s, %s, %s, %s, 'dangol', 'live', 'time')",
        [
            customer_id % 1024,
            customer_id,
            uuid4(),
            at,
            at,
            at,
            Jsonb({"from": was, "to": to or None}),
        ],
    )
    conn.commit()
