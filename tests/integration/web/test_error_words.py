"""What goes wrong is said in the language of whoever reads it."""

import pytest

from dangol.engine.jobs import enqueue
from dangol.listen.keys import create_key
from dangol.web.signin.role import Role
from tests.integration.web.conftest import NOW

MAIL = {"host": "smtp.example", "tls": "none", "username": "u", "password": "p", "port": "25"}


@pytest.mark.parametrize(
    ("locale", "said"),
    [("en", "A password needs encryption"), ("ko", "비밀번호를 쓰려면 암호화해야 합니다")],
)
def test_a_form_is_refused_in_the_language_of_the_desk(desk, locale, said):
    desk.sign_in(Role.OWNER, locale)
    assert said in desk.post("/settings/sending", 422, **MAIL)


def test_refusals_of_services_are_korean_on_a_korean_desk(desk):
    desk.sign_in(Role.OWNER, "ko")
    nobody = "00000000-0000-4000-8000-000000000001"
    assert "그런 한 번 보내기가 없습니다" in desk.get(f"/campaigns/{nobody}", 404)
    assert "손님 987654번이 없습니다" in desk.get("/customers/987654", 404)
    assert "키에는 ‘온라인 가게’처럼" in desk.post("/settings/keys", 422, name="", scope="track")
    assert "비밀번호는 10자에서" in desk.post(
        "/account/password", 422, password="short", again="short"
    )
    assert "한 번 보내기의 이름은" in desk.post("/campaigns", 422, name="")


def test_a_failed_job_tells_in_the_readers_language(desk):
    desk.sign_in(Role.OWNER, "ko")
    job = enqueue(desk.conn, "import", {}, by="test", now=NOW)
    desk.conn.execute(
        "update job set state = 'failed', error = 'orders.csv is empty.', result = %s "
        "where id = %s",
        ['{"sentence": "{file} is empty.", "values": {"file": "주문서"}}', job],
    )
    desk.conn.commit()
    assert "주문서는 빈 파일입니다." in desk.get(f"/jobs/{job}")


def test_the_api_answers_in_the_language_asked_for(desk):
    key = create_key(desk.conn, "mine", "api", by="test", now=NOW)
    desk.conn.commit()
    for language, said in (("ko-KR", "손님 987654번이 없습니다"), ("", "There is no customer")):
        headers = {"Authorization": f"Bearer {key}", "Accept-Language": language}
        body = desk.client.get("/api/v1/customers/987654", headers=headers).json()
        assert said in body["message"], body
        assert body["code"] == "not_found"
