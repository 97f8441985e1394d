"""Which column means what: fields that the engine knows, guessed from headers, confirmed by people.

Pure. A mapping is {column: field}; a field is one of `FIELDS`, `-` (leave it out), or any other
text: the name of the trait or property that the column becomes.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from enum import StrEnum
from itertools import chain, count
from typing import Literal

import msgspec

from dangol.errors import InputError
from dangol.listen.naming import LONGEST_NAME, is_reserved

IGNORED = "-"


class Field(StrEnum):
    """What a column may mean besides a trait or property of its own name."""

    USER_ID = "user_id"
    EMAIL = "email"
    TIME = "time"
    EVENT = "event"
    MESSAGE_ID = "message_id"
    REVENUE = "revenue"
    CURRENCY = "currency"
    CONSENT = "consent"
    """Per person: yes (needs a consent basis to count) or no (always counts)."""


_GUESSES: dict[str, tuple[str, ...]] = {
    Field.USER_ID: ("user_id", "userid", "customer_id", "customerid", "customer_no", "member_id",
                    "회원번호", "회원id", "회원아이디", "고객번호", "고객id", "고객아이디", "아이디"),
    Field.EMAIL: ("email", "e_mail", "email_address", "mail", "이메일", "이메일주소", "메일", "메일주소"),
    Field.TIME: ("time", "timestamp", "date", "datetime", "created_at", "order_date", "ordered_at",
                 "purchased_at", "일시", "날짜", "일자", "주문일", "주문일시", "주문일자", "구매일", "구매일시",
                 "결제일", "결제일시"),
    Field.EVENT: ("event", "event_name", "이벤트", "이벤트명"),
    Field.MESSAGE_ID: ("message_id", "messageid", "order_id", "orderid", "order_no", "주문번호"),
    Field.REVENUE: ("revenue", "amount", "total", "price", "order_total", "dollar_value", "금액",
                    "매출", "결제금액", "주문금액", "총액", "구매금액"),
    Field.CURRENCY: ("currency", "통화"),
    Field.CONSENT: ("consent", "marketing_consent", "opt_in", "optin", "subscribed", "수신동의",
                    "마케팅동의", "마케팅수신동의", "이메일수신동의", "이메일수신"),
    "name": ("name", "full_name", "customer_name", "이름", "성명", "성함", "고객명", "회원명"),
    "phone": ("phone", "mobile", "tel", "phone_number", "전화", "전화번호", "휴대폰", "휴대전화",
              "휴대폰번호", "핸드폰", "연락처"),
    "birthday": ("birthday", "birth_date", "birthdate", "생일", "생년월일"),
    "city": ("city", "도시", "시"),
    "country": ("country", "country_code", "국가"),
    "created_at": ("joined_at", "signup_date", "registered_at", "가입일", "가입일시", "가입일자"),
    "quantity": ("quantity", "qty", "수량", "구매수량"),
}  # fmt: skip

_ONLY_FOR_EVENTS = {Field.TIME, Field.EVENT, Field.MESSAGE_ID, Field.REVENUE, Field.CURRENCY}
_CONSENT = re.compile(r"(\d{4}-\d{2}-\d{2})\s*[:,]?\s+?(\S.*)", re.DOTALL)

Kind = Literal["customers", "events"]


class ConsentBasis(msgspec.Struct, frozen=True):
    """When and how the people of a list agreed to be written to."""

    given_on: date
    how: str


class ImportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """All that is said about a file besides its rows."""

    kind: Kind
    mapping: dict[str, str]
    """{column: field} for every column that is to be kept."""
    event_name: str | None = None
    currency: str | None = None
    """Of amounts without a currency column; the brand's when None."""
    consent: ConsentBasis | None = None
    """None: everyone is kept and nobody becomes mailable."""


def guess_mapping(
    columns: Sequence[str], kind: Kind, taken: Collection[str] = ()
) -> dict[str, str]:
    """A field for every column, no field twice and none of `taken`; the rest keep their names.

    >>> guess_mapping(["고객번호", "주문일시", "결제금액", "지점"], "events")
    {'고객번호': 'user_id', '주문일시': 'time', '결제금액': 'revenue', '지점': '지점'}
    """
    used, mapping = set(taken), {}
    for column in columns:
        numbered = (f"{column} {number}" for number in count(2))
        choices = chain((_guess(column, kind), column), numbered)
        mapping[column] = next(field for field in choices if field not in used)
        used.add(mapping[column])
    return mapping


def _guess(column: str, kind: Kind) -> str:
    plain = re.sub(r"[\s\-./()]+", "_", column.strip().lower()).strip("_")
    for field, names in _GUESSES.items():
        if kind == "customers" and field in _ONLY_FOR_EVENTS:
            continue
        if plain in names or plain.replace("_", "") in names:
            return str(field)
    return column


def settle(
    columns: Sequence[str], kind: Kind, said: Mapping[str, str], options: Mapping[str, str | None]
) -> ImportOptions:
    """The options of an import: what was said, completed by guesses, and checked.

    `said` is {column: field}; `options` may hold `event_name`, `currency` and `consent` (the text
    of `read_consent`).

    Raises:
        InputError: the mapping cannot work; says which column or field and what to do.
    """
    said, currency = _split_currency(said)
    unknown = sorted(set(said) - set(columns))
    if unknown:
        have = ", ".join(columns[:20])
        raise InputError(
            "There is no column {column!r} in the file; it has: {have}.",
            column=unknown[0],
            have=have,
        )
    rest = [column for column in columns if column not in said]
    mapping = dict(said) | guess_mapping(rest, kind, said.values())
    mapping = {column: mapping[column] for column in columns}
    mapping = {column: field for column, field in mapping.items() if field != IGNORED}
    settled = ImportOptions(
        kind=kind,
        mapping=mapping,
        event_name=_event_name(kind, mapping, options.get("event_name")),
        currency=_checked_currency(options.get("currency") or currency),
        consent=read_consent(options.get("consent")),
    )
    _check(settled)
    return settled


def read_consent(text: str | None) -> ConsentBasis | None:
    """`none` (or nothing), or `DATE HOW`: the day and the way in which everyone agreed.

    >>> read_consent("2024-05-01 sign-up form of the online store").how
    'sign-up form of the online store'

    Raises:
        InputError: it is neither.
    """
    if text is None or text.strip().lower() in ("", "none"):
        return None
    found = _CONSENT.fullmatch(text.strip())
    try:
        if found:
            return ConsentBasis(date.fromisoformat(found[1]), found[2].strip()[:1000])
    except ValueError:
        pass
    raise InputError(
        "How was consent given? Say `none`, or the day and the way, such as "
        "`2024-05-01 sign-up form of the online store`."
    )


def _split_currency(said: Mapping[str, str]) -> tuple[dict[str, str], str | None]:
    """`revenue:USD` names the field and the currency of its amounts at once."""
    plain, currency = dict(said), None
    for column, field in said.items():
        head, colon, tail = field.partition(":")
        if colon and head == Field.REVENUE:
            plain[column], currency = head, tail
    return plain, currency


def _checked_currency(code: str | None) -> str | None:
    if code is not None and not re.fullmatch("[A-Za-z]{3}", code):
        raise InputError(
            "{code!r} is no currency; take the three letters, such as KRW or USD.", code=code
        )
    return code.upper() if code else None


def _event_name(kind: Kind, mapping: Mapping[str, str], said: str | None) -> str | None:
    if kind == "customers":
        return None
    if said is not None:
        if not said.strip() or len(said) > LONGEST_NAME or is_reserved(said):
            raise InputError(
                "{name!r} cannot be the name of imported events; choose another.", name=said
            )
        return said.strip()
    return "Order Completed" if Field.REVENUE in mapping.values() else None


def _check(options: ImportOptions) -> None:
    fields = list(options.mapping.values())
    twice = sorted({field for field in fields if fields.count(field) > 1})
    if twice:
        raise InputError(
            "Two columns are to become {column!r}; map one of them to `-`.", column=twice[0]
        )
    if Field.USER_ID not in fields and Field.EMAIL not in fields:
        raise InputError(
            "No column says who a row is about: map one to user_id or email, "
            "such as `--map customer=user_id`."
        )
    if options.kind == "events" and Field.TIME not in fields:
        raise InputError("No column says when it happened: map one, such as `--map day=time`.")
    if options.kind == "events" and options.event_name is None and Field.EVENT not in fields:
        raise InputError("What happened? Give --name, or map the column with the event's name.")
    if any("\0" in field or len(field) > LONGEST_NAME for field in fields):
        raise InputError("The name of a field has at most {most} characters.", most=LONGEST_NAME)
