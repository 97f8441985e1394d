"""How one JSON value is read as text, number, time or boolean, the same here and in DuckDB.

Each reading exists twice, as a Python function and as a SQL expression over a JSON column; the
tests hold them together over every code point and over random values.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import isfinite
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

_CASELESS = frozenset({"Lo", "Nd", "Pc", "Pd", "Pe", "Po", "Ps", "Sc", "Sm", "Zs"})
"""Categories of letters and signs that nothing else becomes by lower case."""
_COMPOSED_TO = frozenset(";`")
"""The only letters of ASCII that another, caseless one is composed to."""
_LONE = str.maketrans({"ς": "σ", "ſ": "s"})
_EPOCH = datetime(1970, 1, 1)
_TIME = (
    r"\d{4}-\d{2}-\d{2}"
    r"([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-](0\d|1[0-4]):[0-5]\d)?)?"
)
_TIME_PATTERN = re.compile(_TIME, re.ASCII)
_FINER = re.compile(r"(\.\d{6})\d+", re.ASCII)
_ITEM = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)
_OFFSET = re.compile(r"(Z|[+-]\d{2}:\d{2})$", re.ASCII)


def fold(text: str) -> str:
    """`text` as it is compared: NFC, each letter's simple lower case, ß as ss.

    Python's own `casefold` cannot be had in DuckDB; this one can, letter by letter.

    >>> fold("STRASSE") == fold("Straße"), fold("ΟΔΟΣ") == fold("οδος"), fold("SEOUL")
    (True, True, 'seoul')
    """
    lowered = "".join(map(_lower, unicodedata.normalize("NFC", text)))
    return unicodedata.normalize("NFC", lowered.translate(_LONE).replace("ß", "ss"))


def fold_sql(expression: str, wanted: Iterable[str] | None = None) -> str:
    """SQL of `fold` over a text expression.

    Where it is only compared for being one of `wanted`, folded texts, steps that cannot make any of
    them are left out. `replace`, unlike `translate`, is worked out once for each entry of a
    column's dictionary.
    """
    letters = None if wanted is None else set(unicodedata.normalize("NFD", "".join(wanted)))
    is_plain = letters is not None and "".join(letters).isascii() and not letters & _COMPOSED_TO
    compose = str if is_plain else "nfc_normalize({})".format
    if letters is not None and all(unicodedata.category(letter) in _CASELESS for letter in letters):
        return compose(expression)
    folded = f"lower({compose(expression)})"
    for letter, written in (("ς", "σ"), ("ſ", "s"), ("ß", "ss")):
        if letters is None or written[0] in letters:
            folded = f"replace({folded}, '{letter}', '{written}')"
    return compose(folded)


def _lower(letter: str) -> str:
    lowered = letter.lower()
    return lowered if len(lowered) == 1 else lowered[0]


def as_number(value: object) -> float | None:
    """The nearest double of a JSON number; None for anything else, and beyond a double's range."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if isfinite(found) else None


def number_sql(json: str, path: str) -> str:
    """SQL of `as_number`: a double, or null."""
    kinds = "('UBIGINT', 'BIGINT', 'DOUBLE', 'HUGEINT', 'UHUGEINT')"
    raw = f"try_cast(json_extract_string({json}, {path}) as double)"
    return f"case when json_type({json}, {path}) in {kinds} and isfinite({raw}) then {raw} end"


def as_text(value: object) -> str | None:
    """The folded text of a JSON string; None for anything else."""
    return fold(value) if isinstance(value, str) else None


def text_sql(json: str, path: str, wanted: Iterable[str] | None = None) -> str:
    """SQL of `as_text`: folded text, or null; `wanted` as for `fold_sql`."""
    folded = fold_sql(f"json_extract_string({json}, {path})", wanted)
    return f"case when json_type({json}, {path}) = 'VARCHAR' then {folded} end"


def as_boolean(value: object) -> bool | None:
    """A JSON true or false; None for anything else."""
    return value if isinstance(value, bool) else None


def boolean_sql(json: str, path: str) -> str:
    """SQL of `as_boolean`."""
    raw = f"json_extract_string({json}, {path})"
    return f"case when json_type({json}, {path}) = 'BOOLEAN' then {raw} = 'true' end"


def distinct_sql(json: str, path: str) -> str:
    """SQL that is equal for two values that compare as equal; null for lists, objects and null."""
    text, number = text_sql(json, path), number_sql(json, path)
    return (
        f"case when json_type({json}, {path}) = 'BOOLEAN'"
        f" then json_extract_string({json}, {path})"
        f" else coalesce('t' || ({text}), 'n' || (({number}) + 0)::varchar) end"
    )


MOST_SUMMED = 9_000_000_000_000.0
"""Numbers beyond are not summed: a double has no millionths left there."""


def millionths(number: float) -> int | None:
    """A number to six decimals, half away from zero, as a whole number; None beyond what is summed.

    Sums of these are exact and do not depend on the order.

    >>> millionths(0.1), millionths(-2.5), millionths(0.0000005), millionths(1e13)
    (100000, -2500000, 1, None)
    """
    if abs(number) >= MOST_SUMMED:
        return None
    scaled = number * 1_000_000
    whole = int(scaled)
    if abs(scaled - whole) >= 0.5:
        whole += 1 if scaled > 0 else -1
    return whole


def exact_millionths(number: int | float) -> int:
    """The same for a number to compare sums with, however large."""
    near = millionths(float(number)) if abs(number) < MOST_SUMMED else None
    return round(Fraction(number) * 1_000_000) if near is None else near


def millionths_sql(number: str) -> str:
    """SQL of `millionths` over a double, or null."""
    return (
        f"case when abs({number}) < {MOST_SUMMED}::double"
        f" then cast(round(({number}) * 1000000::double) as bigint) end"
    )


def items_sql(json: str, path: str, kind: str) -> str:
    """SQL of a list's texts (folded) or numbers; null where there is no list."""
    items = f"try_cast(json_extract({json}, {path}) as json[])"
    read = text_sql("i", "'$'") if kind == "text" else number_sql("i", "'$'")
    found = f"list_transform({items}, lambda i: {read})"
    return f"case when json_type({json}, {path}) = 'ARRAY' then {found} end"


def length_sql(json: str, path: str) -> str:
    """SQL of how many items a list has; null where there is no list."""
    return (
        f"case when json_type({json}, {path}) = 'ARRAY'"
        f" then json_array_length({json}, {path})::double end"
    )


class Clock(NamedTuple):
    """One instant as microseconds since 1970: in UTC, and as the zone's wall clock shows it."""

    utc: int
    wall: int


def clock_of(text: str, zone: ZoneInfo) -> Clock | None:
    """The instant that a condition's time value means; None when it is no time.

    Without an offset it is the wall clock of `zone`, a date alone is its midnight.
    """
    reading = as_time(text)
    if reading is None:
        return None
    micros, is_wall = reading
    try:
        moment = _EPOCH + timedelta(microseconds=micros)
        if is_wall:
            utc = moment.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
            return Clock(_micros(utc), micros)
        local = moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        return Clock(micros, micros)
    return Clock(micros, _micros(local))


def as_time(value: object) -> tuple[int, bool] | None:
    """Microseconds since 1970 and whether they are of the wall clock (no offset was given).

    >>> as_time("1970-01-01T09:00:01+09:00"), as_time("1970-01-02"), as_time("1970-02-30")
    ((1000000, False), (86400000000, True), None)
    """
    if not isinstance(value, str) or not _TIME_PATTERN.fullmatch(value) or value < "0001":
        return None
    offset = _OFFSET.search(value) if len(value) > 10 else None
    naive = _FINER.sub(r"\1", value[: offset.start()] if offset else value)
    try:
        wall = _micros(datetime.fromisoformat(_padded(naive)))
    except ValueError:
        return None
    return (wall - _offset_micros(offset[0]), False) if offset else (wall, True)


def time_sql(json: str, path: str, compare: str, utc: str, wall: str) -> str:
    """SQL that compares the time under `path` with an instant given as two parameters."""
    return _time_sql(json, path, f"{{}} {compare} {utc}", f"{{}} {compare} {wall}")


def time_between_sql(json: str, path: str, utc: tuple[str, str], wall: tuple[str, str]) -> str:
    """SQL for "from the first on and before the second", each `''` where that side is open."""
    return _time_sql(json, path, _between(*utc), _between(*wall))


def _between(low: str, high: str) -> str:
    tests = [f"{{0}} >= {low}" if low else "", f"{{0}} < {high}" if high else ""]
    return " and ".join(filter(None, tests)) or "{0} is not null"


def _time_sql(json: str, path: str, zoned_test: str, wall_test: str) -> str:
    raw = f"json_extract_string({json}, {path})"
    finer = f"regexp_replace({raw}, '(\\.\\d{{6}})\\d+', '\\1')"
    zoned = f"regexp_matches({raw}, '(Z|[+-]\\d{{2}}:\\d{{2}})$')"
    return (
        f"case when json_type({json}, {path}) <> 'VARCHAR' or {raw} < '0001'"
        f" or not regexp_full_match({raw}, '{_TIME}') then false"
        f" when {zoned} then {zoned_test.format(f'epoch_us(try_cast({finer} as timestamptz))')}"
        f" else {wall_test.format(f'epoch_us(try_cast({finer} as timestamp))')} end"
    )


def _padded(text: str) -> str:
    """Python 3.11 reads fractions of three or six digits only."""
    head, dot, fraction = text.partition(".")
    return f"{head}.{fraction.ljust(6, '0')}" if dot else text


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _offset_micros(offset: str) -> int:
    if offset == "Z":
        return 0
    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    return (-minutes if offset[0] == "-" else minutes) * 60_000_000


def is_storable(text: str) -> bool:
    """Whether a database can hold the text: no NUL, no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def path_of(name: str | tuple[str, ...]) -> tuple[str, ...]:
    """The keys to go down."""
    return (name,) if isinstance(name, str) else name


def pointer(name: str | tuple[str, ...]) -> str:
    """The JSON pointer (RFC 6901) of a key, or of a way down, whatever characters they have.

    >>> pointer("a/b~c"), pointer(("address", "city"))
    ('/a~1b~0c', '/address/city')
    """
    keys = (key.replace("~", "~0").replace("/", "~1") for key in path_of(name))
    return "".join(f"/{key}" for key in keys)


def dig(values: Mapping[str, Any], name: str | tuple[str, ...]) -> object:
    """What stands at the end of the way down, or None; `0` is the first item of a list.

    >>> dig({"pets": [{"name": "Bo"}]}, ("pets", "0", "name"))
    'Bo'
    """
    found: Any = values
    for key in path_of(name):
        if isinstance(found, Mapping):
            found = found.get(key)
        elif isinstance(found, list) and _ITEM.fullmatch(key) and int(key) < len(found):
            found = found[int(key)]
        else:
            return None
    return found


def readable(value: object) -> object:
    """A condition's own value as it is compared: folded text, a double, or true and false."""
    if isinstance(value, bool):
        return value
    return as_text(value) if isinstance(value, str) else as_number(value)


class Values:
    """The parameters of a statement, each once, in order of their first use."""

    def __init__(self) -> None:
        self.listed: list[object] = []
        self._numbers: dict[tuple[type, object], int] = {}

    def add(self, given: object) -> str:
        """`$1`, `$2` …"""
        key = (type(given), tuple(given) if isinstance(given, list) else given)
        try:
            known = self._numbers.get(key)
        except TypeError:  # lists of lists are not worth finding again
            known, key = None, (object, object())
        if known is None:
            self.listed.append(given)
            known = self._numbers[key] = len(self.listed)
        return f"${known}"
