"""Settings at the desk: shop, sending, keys, team."""

import re

import pytest

from dangol.decide.guard.rules import read_rules
from dangol.know.rhythm.lookup import read_opening
from dangol.listen.keys import find_key
from dangol.speak.channel.config import list_configs
from dangol.store.brand import Brand, read_brand, save_brand
from dangol.web.signin.role import Role
from tests.integration.web.conftest import NOW
from tests.integration.web.test_letters import form_of


@pytest.fixture(autouse=True)
def owner(desk) -> None:
    desk.sign_in(Role.OWNER)


def test_the_shop_is_saved_and_mistakes_keep_the_rest(desk):
    fields = form_of(desk.get("/settings")) | {
        "name": "단골 커피",
        "zone": "Asia/Seoul",
        "locale": "ko",
    }
    del fields["tracks_clicks"]
    desk.post("/settings", **fields | {"tracks_opens": "on", "public_url": "https://n.example/"})
    desk.conn.rollback()
    brand = read_brand(desk.conn)
    assert (brand.name, brand.public_url, brand.tracks_clicks) == (
        "단골 커피",
        "https://n.example",
        False,
    )
    wrong = {"name": "", "country": "Korea", "currency": "1", "email": "x", "site_url": "ftp://x"}
    page = desk.post("/settings", 422, **fields | wrong | {"phone": "02-1"})
    assert page.count("<li>") >= 5
    assert 'value="02-1"' in page
    assert page.count('aria-invalid="true"') >= 5
    desk.conn.rollback()
    assert read_brand(desk.conn).name == "단골 커피"


def test_a_changed_public_address_is_unverified_again(desk):
    fields = form_of(desk.get("/settings")) | {"name": "x", "zone": "Asia/Seoul", "locale": "ko"}
    desk.post("/settings", **fields | {"public_url": "https://a.example"})
    desk.conn.execute(
        "update setting set value = jsonb_set(value, '{public_url_verified_at}', '\"2026-01-01T00:00:00Z\"')"
    )
    desk.conn.commit()
    desk.post("/settings", **fields | {"public_url": "https://b.example"})
    desk.conn.rollback()
    assert read_brand(desk.conn).public_url_verified_at is None
    assert "does not lead here" in desk.post("/settings/sending/reach", 422)


def test_a_mail_server_is_kept_chosen_and_left(desk):
    wrong = {"host": "smtp.example", "tls": "none", "username": "u", "password": "p", "port": "25"}
    page = desk.post("/settings/sending", 422, **wrong)
    assert 'value="smtp.example"' in page
    desk.post("/settings/sending", **wrong | {"tls": "starttls", "rate": "14"})
    desk.conn.rollback()
    row = next(one for one in list_configs(desk.conn) if one.kind == "smtp")
    assert (row.has_password, row.active, row.config.rate_per_second) == (True, False, 14.0)
    assert 'p"' not in re.findall(r'name="password"[^>]*', desk.get("/settings/sending"))
    desk.post("/settings/sending/choose", id=str(row.id))
    desk.conn.rollback()
    assert next(one for one in list_configs(desk.conn) if one.kind == "smtp").active
    desk.post("/settings/sending/choose")
    desk.conn.rollback()
    assert not next(one for one in list_configs(desk.conn) if one.kind == "smtp").active
    desk.post("/settings/sending/choose", 404, id="00000000-0000-4000-8000-000000000001")


def test_a_server_that_does_not_answer_is_told(desk):
    desk.post("/settings/sending", host="127.0.0.1", port="1", tls="none")
    desk.conn.rollback()
    row = next(one for one in list_configs(desk.conn) if one.kind == "smtp")
    assert "does not let us in" in desk.post(f"/settings/sending/{row.id}/verify", 422)


def test_caps_and_hours(desk):
    fields = {"per_day": "2", "per_week": "5", "from": "20:00", "until": "09:00"}
    desk.post("/settings/sending/rules", **fields)
    desk.conn.rollback()
    rules = read_rules(desk.conn)
    assert (rules.per_day, rules.quiet_from.hour) == (2, 20)
    for damage in ({"per_day": "many"}, {"per_day": "-1"}, {"from": "25:00"}):
        desk.post("/settings/sending/rules", 422, **fields | damage)


def test_a_key_is_shown_once_and_revoked(desk):
    page = desk.post(
        "/settings/keys", 200, name="가게", scope="track", origins="https://Shop.example:443"
    )
    secret = re.search(r"<pre[^>]*>(dgt_\w+)</pre>", page)[1]
    desk.conn.rollback()
    key = find_key(desk.conn, secret, "track")
    assert key.origins == ["https://shop.example"]
    assert secret not in desk.get("/settings/keys")
    desk.post(f"/settings/keys/{key.id}/revoke")
    desk.post(f"/settings/keys/{key.id}/revoke", 404)
    desk.post("/settings/keys", 422, name="", scope="track")
    desk.post("/settings/keys", 422, name="x", scope="track", origins="nonsense")


def test_the_last_owner_stays(desk):
    me = desk.conn.execute("select id from member").fetchone()[0]
    desk.conn.rollback()
    for change in ({"role": "viewer", "access": "yes"}, {"role": "owner", "access": "none"}):
        assert "only owner" in desk.post(f"/settings/members/{me}", 409, **change)
    page = desk.post("/settings/members", 200, name="수진", email="sj@shop.example", role="owner")
    assert "/sign-in/link/" in page
    desk.post("/settings/members", 422, name="수진", email="sj@shop.example", role="owner")
    desk.post("/settings/members", 422, name="수진", email="no", role="owner")
    desk.post("/settings/members", 422, name="수진", email="b@shop.example", role="king")
    desk.post(f"/settings/members/{me}", role="viewer", access="yes")
    desk.get("/settings", 403)


def test_what_the_team_did_is_listed(desk):
    desk.post("/settings/keys", 200, name="가게", scope="api")
    history = desk.get("/settings/history")
    assert "made a key" in history
    assert "made a key" not in desk.get("/settings/history.csv")
    assert "key_created" in desk.get("/settings/history.csv")


@pytest.mark.parametrize("verified_at", [None, NOW])
def test_links_with_tokens_never_follow_the_host_of_a_request(desk, verified_at):
    brand = Brand(public_url="https://desk.example", public_url_verified_at=verified_at)
    save_brand(desk.conn, brand, by="test", now=NOW)
    desk.conn.commit()
    page = desk.post("/settings/members", 200, email="a@shop.example", name="A", role="viewer")
    ours = "https://desk.example" if verified_at else "http://127.0.0.1:8080"
    assert f'<pre tabindex="0">{ours}/sign-in/link/' in page
    assert ("<code>http://127.0.0.1:8080/sign-in/link/" in page) == bool(verified_at)


def test_a_test_letter_is_queued(desk):
    url = desk.post("/letters", name="x", kind="news", locale="ko")
    fields = form_of(desk.get(url))
    desk.post(f"{url}/test", 422, **fields | {"address": "nobody"})
    desk.post(f"{url}/test", **fields | {"address": "me@shop.example"})
    assert desk.conn.execute("select kind from send").fetchone()[0] == "test"


def test_closed_days_are_kept_and_mistakes_are_told(desk):
    page = desk.get("/settings/opening")
    fields = {name: "on" for name in form_of(page) if name.startswith(("weekly", "holiday"))}
    assert fields.keys() == {"holiday:Korean New Year", "holiday:Chuseok"}
    given = fields | {"weekly_7": "on", "closures": "2026-08-01 2026-08-05 summer\n2026-09-01"}
    desk.post("/settings/opening", **given)
    desk.conn.rollback()
    kept = read_opening(desk.conn, read_brand(desk.conn))
    assert (kept.weekly, kept.holidays) == ((7,), ("Chuseok", "Korean New Year"))
    assert [one.why for one in kept.closures] == ["summer", ""]
    assert "2026-08-01 2026-08-05 summer" in desk.get("/settings/opening")
    wrong = {"closures": "next week"}
    assert "does not begin with a day" in desk.post("/settings/opening", 422, **given | wrong)
    always = {f"weekly_{day}": "on" for day in range(1, 8)}
    assert "at least one day" in desk.post("/settings/opening", 422, **given | always)
    desk.conn.rollback()
    assert read_opening(desk.conn, read_brand(desk.conn)) == kept


def test_the_events_heard_are_offered_as_what_counts(desk):
    desk.conn.execute(
        "insert into catalogue_event (name, count, first_at, last_at)"
        " values ('Lesson Taken', 3, now(), now())"
    )
    desk.conn.commit()
    assert '<option value="Lesson Taken">' in desk.get("/settings")
