"""The Liquid filters that letters may use: total functions of text and numbers.

None of them raises, and none returns more than `MAX_VALUE` characters, so that a template cannot
grow without end whatever it is made of.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import partial
from typing import Any

from dangol.model.korean import with_particle

MAX_VALUE = 10_000
"""Characters of one value."""

Filter = Callable[..., object]


def to_text(value: object) -> str:
    """`value` as Liquid shows it: nothing for nil, true and false in lower case.

    >>> to_text(None), to_text(True), to_text(3.0), to_text(["a", 1])
    ('', 'true', '3.0', 'a1')
    """
    if isinstance(value, str):
        return value[:MAX_VALUE]
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "".join(to_text(item) for item in value[:1000])[:MAX_VALUE]
    return "" if isinstance(value, Mapping) else str(value)[:MAX_VALUE]


def or_default(value: object, fallback: object = "", *, allow_false: object = False) -> object:
    """`value`, or `fallback` where there is none: nil, false, empty or only blanks."""
    if value is False:
        return value if allow_false is True else fallback
    if value is None or value == [] or value == {} or not to_text(value).strip():
        return fallback
    return value


def honorific(locale: str, value: object, fallback: object = None) -> str:
    """How a person is addressed; a name is never split.

    >>> honorific("ko", "홍길동"), honorific("ko", None), honorific("en", ""), honorific("en", "Bo")
    ('홍길동 님', '고객님', 'there', 'Bo')
    """
    name = to_text(value).strip()
    korean = locale.startswith("ko")
    if not name:
        return to_text(fallback) or ("고객님" if korean else "there")
    if not korean or name.endswith("님"):
        return name
    return f"{name} 님"


def particle(value: object, pair: object = "은/는") -> str:
    """`value` with the Korean particle that its last syllable takes.

    >>> particle("단골", "이/가"), particle("커피", "이/가"), particle("서울", "으로/로")
    ('단골이', '커피가', '서울로')
    """
    text, forms = to_text(value), to_text(pair)
    return with_particle(text, forms) if text and forms.count("/") == 1 else text


def truncate(value: object, length: object = 50, ending: object = "…") -> str:
    """At most `length` characters, the ending included."""
    text, limit, tail = to_text(value), _whole(length, 50), to_text(ending)
    return text if len(text) <= limit else text[: max(limit - len(tail), 0)] + tail


def replace(value: object, old: object, new: object = "") -> str:
    """Every `old` becomes `new`, as far as the result is of reasonable size."""
    text, before, after = to_text(value), to_text(old), to_text(new)
    if not before:
        return text
    if len(text) + text.count(before) * max(len(after) - len(before), 0) > MAX_VALUE:
        return text
    return text.replace(before, after)


def number(locale: str, value: object, digits: object = None) -> str:
    """A number with thousands separators.

    >>> number("ko", 1234567), number("en", "1234.5", 2), number("en", "many")
    ('1,234,567', '1,234.50', 'many')
    """
    found = _decimal(value)
    if found is None:
        return to_text(value)
    if digits is not None:
        step = Decimal(1).scaleb(-min(max(_whole(digits, 0), 0), 6))
        found = found.quantize(step, ROUND_HALF_UP)
    return f"{found:,f}"


def show_date(locale: str, value: object, form: object = None) -> str:
    """A date in the reader's way, or by `form` of %Y %m %d %H %M %B %b %A %a %y %e %j %%.

    >>> show_date("ko", "2026-03-05"), show_date("en", "2026-03-05T10:00:00Z", "%d.%m.%Y")
    ('2026년 3월 5일', '05.03.2026')
    """
    when = _moment(value)
    if when is None:
        return to_text(value)
    if form is None:
        if locale.startswith("ko"):
            return f"{when.year}년 {when.month}월 {when.day}일"
        return f"{when.day} {when:%B %Y}"
    # Widths such as %9999d would be honoured by the C library: only plain codes pass.
    return re.sub(r"%([YmdHMBbAaye%j])", lambda code: when.strftime(code[0]), to_text(form))


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    try:
        return datetime.fromisoformat(to_text(value).strip())
    except ValueError:
        return None


def _decimal(value: object) -> Decimal | None:
    try:
        found = Decimal(to_text(value).strip().replace(",", ""))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) < Decimal(10) ** 15 else None


def _whole(value: object, otherwise: int) -> int:
    found = _decimal(value)
    return otherwise if found is None else int(found)


def _calculate(operate: Callable[[Decimal, Decimal], Decimal], value: object, by: object) -> Any:
    left, right = _decimal(value), _decimal(by)
    if left is None or right is None:
        return value
    try:
        found = operate(left, right)
    except (InvalidOperation, ZeroDivisionError):
        return value
    if not found.is_finite() or abs(found) >= Decimal(10) ** 15:
        return value
    return int(found) if found == found.to_integral_value() else float(round(found, 6))


def _join(value: object, between: object = " ") -> str:
    items = value[:1000] if isinstance(value, list | tuple) else [value]
    return to_text(between)[:20].join(to_text(item)[:200] for item in items)[:MAX_VALUE]


def _item(index: int, value: object) -> object:
    return value[index] if isinstance(value, list | tuple) and value else None


def _size(value: object) -> int:
    return len(value) if isinstance(value, str | list | tuple | Mapping) else 0


def _round(value: object, digits: object = 0) -> Any:
    found = _decimal(value)
    if found is None:
        return value
    places = min(max(_whole(digits, 0), 0), 6)
    rounded = found.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return float(rounded) if places else int(rounded)


def filters_for(locale: str) -> dict[str, Filter]:
    """All filters by name, in the ways of `locale`."""
    return {
        "default": or_default,
        "honorific": partial(honorific, locale),
        "particle": particle,
        "number": partial(number, locale),
        "date": partial(show_date, locale),
        "truncate": truncate,
        "replace": replace,
        "upcase": lambda value: to_text(value).upper()[:MAX_VALUE],
        "downcase": lambda value: to_text(value).lower()[:MAX_VALUE],
        "capitalize": lambda value: to_text(value).capitalize()[:MAX_VALUE],
        "strip": lambda value: to_text(value).strip(),
        "append": lambda value, end="": (to_text(value) + to_text(end))[:MAX_VALUE],
        "prepend": lambda value, start="": (to_text(start) + to_text(value))[:MAX_VALUE],
        "join": _join,
        "first": partial(_item, 0),
        "last": partial(_item, -1),
        "size": _size,
        "plus": partial(_calculate, Decimal.__add__),
        "minus": partial(_calculate, Decimal.__sub__),
        "times": partial(_calculate, Decimal.__mul__),
        "divided_by": partial(_calculate, Decimal.__truediv__),
        "round": _round,
    }
