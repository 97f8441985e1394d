"""Which column means what: guesses that never contradict, and mistakes that say what to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.errors import InputError
from dangol.listen.importing.fields import guess_mapping, settle

HEADERS = st.lists(
    st.sampled_from(
        [
            "이메일",
            "E-mail",
            "email",
            "고객번호",
            "Customer ID",
            "주문일시",
            "date",
            "결제금액",
            "이름",
            "x",
            "수신 동의",
        ]
    ),
    unique=True,
    max_size=8,
)


@given(columns=HEADERS, kind=st.sampled_from(["customers", "events"]))
def test_every_column_gets_one_field_and_every_field_one_column(columns, kind) -> None:
    mapping = guess_mapping(columns, kind)
    assert list(mapping) == columns
    assert len(set(mapping.values())) == len(columns)


def test_common_headers_in_both_languages() -> None:
    assert guess_mapping(["Customer ID", "Order Date", "Amount"], "events") == {
        "Customer ID": "user_id",
        "Order Date": "time",
        "Amount": "revenue",
    }
    assert guess_mapping(["회원 번호", "성함", "휴대폰 번호", "마케팅 수신동의"], "customers") == {
        "회원 번호": "user_id",
        "성함": "name",
        "휴대폰 번호": "phone",
        "마케팅 수신동의": "consent",
    }


def test_what_is_said_wins_over_what_is_guessed() -> None:
    options = settle(
        ["id", "date", "email", "x"], "events", {"id": "user_id", "x": "-"}, {"event_name": "Visit"}
    )
    assert options.mapping == {"id": "user_id", "date": "time", "email": "email"}
    options = settle(["a", "email"], "customers", {"a": "email"}, {})
    assert options.mapping == {"a": "email", "email": "email 2"}


@pytest.mark.parametrize(
    ("kind", "columns", "said", "options", "words"),
    [
        ("customers", ["x"], {}, {}, "who a row is about"),
        ("events", ["user_id"], {}, {"event_name": "Visit"}, "when it happened"),
        ("events", ["user_id", "date"], {}, {}, "What happened"),
        ("events", ["user_id", "date"], {}, {"event_name": "Stage Changed"}, "choose another"),
        ("customers", ["a", "b"], {"a": "email", "b": "email"}, {}, "Two columns"),
        ("customers", ["a"], {"b": "email"}, {}, "no column 'b'"),
        ("customers", ["email"], {}, {"consent": "surely"}, "none"),
        ("customers", ["email"], {}, {"consent": "2024-02-30 form"}, "none"),
        ("events", ["user_id", "date", "revenue"], {}, {"currency": "won"[:2]}, "three letters"),
    ],
)
def test_a_mistake_says_what_to_do(kind, columns, said, options, words) -> None:
    with pytest.raises(InputError, match=words):
        settle(columns, kind, said, options)
