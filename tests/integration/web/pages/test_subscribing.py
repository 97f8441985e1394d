"""Subscribing: nothing is known before the address confirmed, and then with proof."""

import json
from datetime import UTC, datetime

import pytest

from dangol.engine.forms import hear_form
from dangol.know.giving.referral import friend_token
from dangol.listen.heard import IntakeRow
from dangol.speak.letter.names import Reader
from dangol.speak.letter.postbox import Postbox
from dangol.speak.letter.press import Press
from dangol.speak.letter.service import get_letter_version, list_letters
from dangol.store.brand import read_brand
from dangol.store.token import seal
from tests.integration.web.pages.conftest import Pages

NEW = "Mina@New.example"


def waiting(pages: Pages) -> list[tuple]:
    pages.conn.rollback()
    return pages.conn.execute(
        "select m.send_id, m.customer_id, m.address, m.locale, s.letter_id, s.letter_version"
        " from message m join send s on s.id = m.send_id where s.created_by = 'page:subscribe'"
    ).fetchall()


def forms(pages: Pages) -> list[dict]:
    pages.conn.rollback()
    rows = pages.conn.execute("select body from intake where kind = 'form'").fetchall()
    return [json.loads(row[0]) for row in rows]


def test_address_confirms_before_anything_is_known(pages: Pages) -> None:
    assert "<form" in pages.get("/subscribe")
    page = pages.post("/subscribe", email=NEW, agree="yes")
    assert "m•••@new.example" in page
    [(send_id, number, address, locale, letter_id, version)] = waiting(pages)
    assert address == "mina@new.example"
    letter = get_letter_version(pages.conn, letter_id, version)
    postbox = Postbox(send_id=send_id, keyring=pages.keyring, brand=read_brand(pages.conn))
    press = Press(letter, postbox)
    text = press.compiled(Reader(number, address, {}, locale)).text(Reader(number, address))
    link = seal(pages.keyring, "s", send_id, number)
    assert f"https://news.haru.example/s/{link}" in text
    assert forms(pages) == []
    pages.get(f"/s/{link}")
    assert forms(pages) == []
    pages.post(f"/s/{link}")
    [form] = forms(pages)
    assert form["email"] == "mina@new.example"
    assert "Haru Coffee" in form["evidence"]["agreed"]
    assert form["evidence"]["send_id"] == send_id


def test_what_is_kept_is_what_the_engine_reads(pages: Pages) -> None:
    pages.post("/subscribe", email=NEW, agree="yes")
    [(send_id, number, *_)] = waiting(pages)
    pages.post(f"/s/{seal(pages.keyring, 's', send_id, number)}")
    body = json.dumps(forms(pages)[0]).encode()
    heard = hear_form(IntakeRow(1, datetime.now(UTC), "form", "pages", {}, body))
    assert [event.name for event in heard] == ["Profile Updated", "Consent Changed"]


def test_stranger_is_not_flooded(pages: Pages) -> None:
    for _ in range(3):
        pages.post("/subscribe", email=NEW, agree="yes")
    pages.post("/subscribe", email="mina@NEW.example ", agree="yes")
    assert len(waiting(pages)) == 1
    pages.post("/subscribe", email="other@new.example", agree="yes")
    assert len({row[0] for row in waiting(pages)}) == 1
    assert [row.name for row in list_letters(pages.conn)] == ["Letter 12"]


@pytest.mark.parametrize(
    "fields",
    [
        {"email": NEW},
        {"email": "", "agree": "yes"},
        {"email": "not an address", "agree": "yes"},
        {"email": "a@x.example\r\nBcc: b@x.example", "agree": "yes"},
        {"email": "a" * 300 + "@x.example", "agree": "yes"},
        {"email": "<script>@x.example", "agree": "yes"},
    ],
)
def test_wrong_forms_are_explained(pages: Pages, fields: dict[str, str]) -> None:
    page = pages.post("/subscribe", 422, **fields)
    assert 'role="alert"' in page
    assert "<script>" not in page
    assert waiting(pages) == []


def test_forged_foreign_and_old_confirmations_lead_nowhere(pages: Pages) -> None:
    pages.post("/subscribe", email=NEW, agree="yes")
    [(send_id, number, *_)] = waiting(pages)
    link = f"/s/{seal(pages.keyring, 's', send_id, number)}"
    for path in ["/s/forged", f"/s/{seal(pages.keyring, 's', 12, 77)}", link.replace("/s/", "/u/")]:
        assert pages.raw("POST", path).status_code == 404
    pages.conn.execute("update message set planned_at = planned_at - interval '8 days'")
    pages.conn.commit()
    assert pages.raw("POST", link).status_code == 404
    assert forms(pages) == []


def test_a_friends_link_leads_in_and_is_remembered(pages: Pages) -> None:
    link = friend_token(pages.keyring, 7)
    assert f'action="/f/{link}"' in pages.get(f"/f/{link}")
    pages.post(f"/f/{link}", email=NEW, agree="yes")
    [(send_id, number, *_)] = waiting(pages)
    pages.post(f"/s/{seal(pages.keyring, 's', send_id, number)}")
    [form] = forms(pages)
    assert form["referrer_id"] == 7
    row = IntakeRow(1, datetime.now(UTC), "form", "pages", {}, json.dumps(form).encode())
    facts = hear_form(row)
    assert [fact.props for fact in facts if fact.name == "Referral Used"] == [{"by": "7"}]


def test_a_forged_friends_link_leads_nowhere(pages: Pages) -> None:
    forged = friend_token(pages.keyring, 7)[:-2] + "22"
    pages.get(f"/f/{forged}", status=404)
    pages.post(f"/f/{forged}", status=404, email=NEW, agree="yes")
    assert waiting(pages) == []
