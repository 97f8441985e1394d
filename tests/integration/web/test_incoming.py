"""Imports and sources at the desk."""

import io
import re

import pytest

from dangol.model.reason import RejectReason
from dangol.web import words
from dangol.web.signin.role import Role
from tests.integration.web.test_letters import form_of
from tests.integration.web.test_numbers import check_numbers

ORDERS = (
    "고객번호,주문일시,결제금액,지점\n1,2026-01-02,12000,서울\n2,2026-02-03,9000,부산\n".encode()
)


def upload(desk, name: str, body: bytes, status: int = 303, kind: str = "events") -> str:
    answer = desk.client.post(
        "/imports",
        data={"csrf": desk.csrf, "kind": kind},
        files={"file": (name, io.BytesIO(body))},
        follow_redirects=False,
    )
    assert answer.status_code == status, answer.text[:2000]
    return answer.headers.get("location", "") or answer.text


def test_a_file_is_uploaded_confirmed_and_queued(desk):
    desk.sign_in(Role.MARKETER)
    url = upload(desk, "주문.csv", ORDERS)
    page = desk.get(url)
    assert "서울 · 부산" in page
    fields = form_of(page) | {"c0": "user_id", "c1": "time", "c2": "revenue", "c3": "own"}
    fields |= {"n3": "branch", "currency": "KRW"}
    shown = desk.post(url, **fields)
    row = desk.conn.execute("select kind, args from job").fetchone()
    assert row[0] == "import"
    assert row[1]["mapping"] == {
        "고객번호": "user_id", "주문일시": "time", "결제금액": "revenue", "지점": "branch",
    }  # fmt: skip
    assert row[1]["consent"] is None
    assert "주문.csv" in desk.get(shown)
    desk.get(url, 404)


def test_an_upload_that_breaks_off_leaves_nothing_behind(desk, settings):
    desk.sign_in(Role.MARKETER)
    answer = desk.client.post(
        "/imports",
        content=b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n',
        headers={"content-type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 400
    assert list(settings.temp_dir.glob("upload-*")) == []


def test_wrong_mappings_keep_what_was_chosen(desk):
    desk.sign_in(Role.MARKETER)
    url = upload(desk, "a.csv", ORDERS)
    chosen = {"c0": "-", "c1": "time", "c2": "revenue", "c3": "-", "consent_day": "2026-01-01"}
    page = desk.post(url, 422, **chosen)
    assert 'value="2026-01-01"' in page
    assert re.search(r'name="c0".*?value="-" selected', page, re.DOTALL)
    assert desk.conn.execute("select count(*) from job").fetchone()[0] == 0


@pytest.mark.parametrize("body", [b"", b"PK\x03\x04xx", b"\n\n\n"])
def test_unusable_files_are_told(desk, body):
    desk.sign_in(Role.MARKETER)
    page = upload(desk, "broken.xlsx", body, 422)
    assert 'role="alert"' in page
    assert "/tmp" not in page


def test_strangers_files_are_not_read(desk, settings):
    answer = desk.client.post(
        "/imports", files={"file": ("a.csv", io.BytesIO(b"x" * 100_000))}, follow_redirects=False
    )
    assert answer.headers["location"] == "/sign-in"
    desk.sign_in(Role.VIEWER)
    upload(desk, "a.csv", ORDERS, 403)
    assert desk.conn.execute("select count(*) from blob").fetchone()[0] == 0
    assert not [path for path in settings.temp_dir.iterdir() if path.name.startswith("upload-")]


@pytest.mark.parametrize("locale", words.LOCALES)
def test_every_reason_has_words_and_its_items(desk, locale):
    for number, reason in enumerate(RejectReason):
        assert words.has(locale, f"reject.{reason}")
        desk.conn.execute(
            "insert into reject (id, at, source, reason, detail, line, item) values "
            "(gen_random_uuid(), now(), %s, %s, 'a <detail>', %s, '{\"x\": 1}')",
            [f"key_{number % 2}", reason.value, number],
        )
    desk.conn.execute("insert into catalogue_event values ('Order Completed', now(), now(), 3)")
    desk.conn.commit()
    desk.sign_in(Role.VIEWER, locale)
    assert check_numbers(desk, "/sources") == len(RejectReason)
    assert "&lt;detail&gt;" in desk.get("/rejects")
    desk.get("/sources/event?name=Order%20Completed")
    desk.get("/rejects?from=nonsense")
