"""A mail that the desk begins: words to start with, why not, and never twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from dangol.converse.beginning import Beginning, begin, count_begun
from dangol.converse.thread import get_thread, list_threads
from dangol.errors import InputError
from dangol.model.customer import bucket_of
from dangol.store.brand import Brand, save_brand
from dangol.store.keyring import load_keyring
from dangol.store.pool import connect
from dangol.web.signin.role import Role
from tests.integration.web.test_letters import form_of

NOW = datetime.now(UTC)


@pytest.fixture
def hong(desk, add_customer) -> int:
    """Somebody quiet, whom we may write to."""
    brand = Brand(name="단골 커피", sender_email="hi@shop.example", locale="ko")
    save_brand(desk.conn, brand, by="test", now=NOW)
    traits = {"name": "홍길동", "email": "gildong@home.example"}
    customer = add_customer("홍길동", "lapsing", traits=traits, repeats=5)
    _contact(desk, customer, "consent = 'granted'")
    return customer


def _contact(desk, customer: int, change: str) -> None:
    key = [bucket_of(customer), customer]
    desk.conn.execute(
        "insert into contact_state (bucket, customer_id, channel) values (%s, %s, 'email')"
        " on conflict do nothing",
        key,
    )
    where = "where bucket = %s and customer_id = %s"
    desk.conn.execute(f"update contact_state set {change} {where}", key)
    desk.conn.commit()


def test_one_button_at_home_opens_a_mail_that_goes_out_once(desk, hong):
    desk.sign_in(Role.SUPPORT)
    url = f"/customers/{hong}/write"
    assert f"{url}?why=quiet" in desk.get("/")
    page = desk.get(f"{url}?why=quiet")
    assert "6번이나 찾아 주셨는데" in page, "in the customer's language, whatever the desk's is"
    fields = form_of(page)
    other_tab = form_of(desk.get(url))
    fields["text"] = "길동 님, 잘 지내시지요?"
    thread = desk.post(url, **fields)
    assert desk.post(url, **fields) == thread
    assert desk.post(url, **other_tab) == thread
    assert "went out once" in desk.get(thread)
    assert "길동 님, 잘 지내시지요?" in desk.get(thread)
    sent = desk.conn.execute(
        "select s.kind, s.message_kind, m.state from send s join message m on m.send_id = s.id"
    ).fetchall()
    assert sent == [("personal", "conversation", "queued")]
    assert "No answer yet" in desk.get(thread)
    assert "write a new mail" in desk.post(thread, 422, text="여보세요?"), "that needs leave again"
    home = desk.get("/")
    assert thread in home
    assert f"{url}?why=quiet" not in home
    assert "Nobody waits" in home
    again = desk.post(url, **form_of(desk.get(url)))
    assert again != thread, "a new form is a new mail"


def test_the_words_end_with_who_wrote_and_the_way_out(desk, hong, settings):
    desk.sign_in(Role.SUPPORT)
    desk.post(f"/customers/{hong}/write", **form_of(desk.get(f"/customers/{hong}/write")))
    (thread,) = list_threads(desk.conn, hong)
    (mail,) = get_thread(desk.conn, hong, thread.id).messages
    assert mail.body_full.startswith(mail.body_text + "\n\n-- \n단골 커피\n수신거부: http")
    token = mail.body_full.rsplit("/u/", 1)[1]
    desk.conn.commit()
    desk.post(f"/u/{token}", 200)
    row = desk.conn.execute("select consent from contact_state").fetchone()
    assert row == ("withdrawn",)
    assert "does not want our mail" in desk.get(f"/customers/{hong}/write")


@pytest.mark.parametrize(
    ("change", "why", "says"),
    [
        ("consent = 'unknown'", "en", "never said that we may write"),
        ("consent = 'withdrawn'", "ko", "더는 보내지 말아 달라고"),
        ("objected_at = now()", "en", "objected"),
        ("paused_until = now() + interval '1 day'", "ko", "잠시 쉬고 싶다고"),
        ("handed_at = array[now()]", "en", "often enough lately"),
    ],
)
def test_a_mail_that_may_not_go_says_why(desk, hong, change, why, says):
    desk.sign_in(Role.SUPPORT, why)
    url = f"/customers/{hong}/write"
    fields = form_of(desk.get(url))
    _contact(desk, hong, change)
    assert says in desk.get(url)
    assert says in desk.post(url, 422, **fields)
    assert desk.conn.execute("select count(*) from send").fetchone() == (0,)


def test_a_complaint_is_answered_first(desk, hong):
    desk.conn.execute(
        "insert into thread (bucket, customer_id, id, subject, state, is_complaint, opened_at,"
        " last_at) values (%s, %s, %s, '', 'open', true, now(), now())",
        [bucket_of(hong), hong, uuid4()],
    )
    desk.conn.commit()
    desk.sign_in(Role.SUPPORT)
    assert "Answer that first" in desk.get(f"/customers/{hong}/write")


def test_without_words_address_or_right_nothing_goes(desk, hong, add_customer):
    nameless = add_customer()
    desk.sign_in(Role.SUPPORT)
    url = f"/customers/{hong}/write"
    fields = form_of(desk.get(url))
    assert "between 1 and" in desk.post(url, 422, **fields | {"text": " "})
    assert "subject" in desk.post(url, 422, **fields | {"subject": ""})
    desk.post(url, 422, **fields | {"nth": "x"})
    assert "no e-mail address" in desk.get(f"/customers/{nameless}/write")
    desk.get("/customers/999/write", 404)
    desk.sign_in(Role.VIEWER)
    desk.get(url, 403)
    assert url not in desk.get("/")
    assert url not in desk.get(f"/customers/{hong}")


def test_two_who_write_at_once_send_one_mail(desk, hong, settings):
    keyring = load_keyring(settings.keyring_path)
    words = {"subject": "안부", "text": "잘 지내시지요?", "locale": "ko", "base_url": "http://x"}
    said = Beginning(customer_id=hong, nth=count_begun(desk.conn, hong), **words)

    def write(_: int) -> bool:
        with connect(settings.database_url, name="test") as conn:
            return begin(conn, keyring, said, uuid4(), NOW + timedelta(seconds=1)).is_new

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(write, range(4))) == [False, False, False, True]
    assert desk.conn.execute("select count(*) from message").fetchone() == (1,)
    desk.conn.commit()
    with pytest.raises(InputError):
        begin(desk.conn, keyring, Beginning(customer_id=hong, nth=1, **words | {"subject": ""}),
              uuid4(), NOW)  # fmt: skip
