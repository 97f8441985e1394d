"""How people write days, amounts, yes and no in their files, as DuckDB expressions over text.

Pure: column expressions in, SQL expressions out. What cannot be read becomes null, never a guess.
"""

import json

from dangol.listen.importing.fields import Field

KNOWN = frozenset(Field)
ALWAYS_TEXT = frozenset({"name", "phone", "mobile", "tel", "zip", "postal_code", "birthday"})
"""Properties that look like numbers and are none."""

_NUMBER = r"-?(0|[1-9]\d{0,14})(\.\d{1,10})?"
_YES = "'yes', 'y', 'true', 't', '1', 'on', 'subscribed', 'o', '예', '네', '동의', '동의함', '수신동의', '수신'"
_NO = (
    "'no', 'n', 'false', 'f', '0', 'off', 'unsubscribed', 'x', '아니오', '아니요', '거부', '거부함', "
    "'수신거부', '미동의', '동의안함'"
)
_NAIVE = "'%Y-%m-%d', '%Y-%m-%d %H:%M', '%Y-%m-%d %H:%M:%S', '%Y-%m-%d %H:%M:%S.%f'"


def type_of(column: str) -> str:
    """Whether everything in the column is a number, a boolean, JSON, or text."""
    return (
        f"case when count({column}) = 0 then 'text' "
        f"when bool_and(regexp_full_match({column}, '{_NUMBER}')) then 'number' "
        f"when bool_and(lower({column}) in ('true', 'false')) then 'boolean' "
        f"when bool_and(left({column}, 1) in ('{{', '[') and json_valid({column})) then 'json' "
        f"else 'text' end"
    )


def pair(name: str, column: str, kind: str) -> str:
    """One property as `"name":value`, null where the cell is empty."""
    value = {
        "number": column,
        "boolean": f"lower({column})",
        "json": column,
        "text": f"to_json({column})::varchar",
    }[kind]
    key = json.dumps(name, ensure_ascii=False).replace("'", "''")
    return f"case when {column} is not null then '{key}:' || {value} end"


def email(column: str) -> str:
    """The normalised address, as `model.address` writes it; null when it is none.

    The domain's ASCII form is made later, by Python, where it is not ASCII already.
    """
    plain = f"lower(nfc_normalize({column}))"
    local = r"[^\s@,;<>()\[\]\"\\]{1,64}"
    domain = r"([^\s@.,;<>()\[\]\"\\/:]{1,63}\.)+[^\s@.,;<>()\[\]\"\\/:]{2,63}"
    return f"case when regexp_full_match({plain}, '{local}@{domain}') then {plain} end"


def amount(column: str) -> str:
    """An amount as a JSON number: signs of currencies and thousands separators taken off."""
    bare = rf"regexp_replace({column}, '[₩￦$€£¥\s]|원|KRW|USD', '', 'g')"
    whole = rf"regexp_full_match({bare}, '-?\d{{1,15}}(\.\d{{1,10}})?')"
    grouped = rf"regexp_full_match({bare}, '-?\d{{1,3}}(,\d{{3}}){{1,4}}(\.\d{{1,10}})?')"
    plain = rf"regexp_replace(replace({bare}, ',', ''), '^(-?)0+(\d)', '\1\2')"
    return f"case when {whole} or {grouped} then {plain} end"


def yes_or_no(column: str) -> str:
    """true, false, or null when it is neither."""
    return (
        f"case when lower({column}) in ({_YES}) then true "
        f"when lower({column}) in ({_NO}) then false end"
    )


def day_order(column: str) -> str:
    """For days like 3/25/2024: `mdy`, `dmy`, or `unclear` when no day is above the twelfth."""
    first = rf"try_cast(regexp_extract({column}, '^\s*(\d{{1,2}})/(\d{{1,2}})/\d{{4}}', 1) as int)"
    second = rf"try_cast(regexp_extract({column}, '^\s*(\d{{1,2}})/(\d{{1,2}})/\d{{4}}', 2) as int)"
    return (
        f"case when max({first}) > 12 and coalesce(max({second}), 0) <= 12 then 'dmy' "
        f"when max({second}) > 12 and max({first}) <= 12 then 'mdy' "
        f"when max({first}) is null then 'none' else 'unclear' end"
    )


def moment(column: str, order: str) -> str:
    """A struct of `local` (time without an offset) or `exact` (an instant); both null: unreadable.

    Reads ISO 8601, 20240305, 20240305143000, 2024/3/5, 2024. 3. 5., 2024년 3월 5일, each with or
    without a time (also 오전/오후), seconds or milliseconds since 1970, and 3/25/2024 where `order`
    is known.
    """
    plain = f"trim({column})"
    if order in ("mdy", "dmy"):
        day, month = ("2", "1") if order == "mdy" else ("1", "2")
        plain = (
            rf"regexp_replace({plain}, '^(\d{{1,2}})/(\d{{1,2}})/(\d{{4}})', '\3-\{month}-\{day}')"
        )
    dashed = (
        rf"trim(regexp_replace({plain}, "
        r"'^(\d{4})\s*[-./년]\s*(\d{1,2})\s*[-./월]\s*(\d{1,2})\s*[.일]?\s*[T ]?\s*', '\1-\2-\3 '))"
    )
    zoned = rf"regexp_full_match({dashed}, '.*:\d\d(\.\d+)?\s*(Z|[+-]\d\d:?\d\d)')"
    afternoon = f"(contains({dashed}, '오후') and not contains({dashed}, '오후 12:') "
    afternoon += f"and not contains({dashed}, '오후12:'))"
    midnight = f"(contains({dashed}, '오전 12:') or contains({dashed}, '오전12:'))"
    clock = rf"regexp_replace({dashed}, '\s*(오전|오후)\s*', ' ')"
    naive = (
        f"try_strptime({clock}, [{_NAIVE}]) + case when {afternoon} then interval 12 hours "
        f"when {midnight} then interval '-12 hours' else interval 0 hours end"
    )
    return rf"""case
        when {zoned} then {{'local': null::timestamp, 'exact': try_cast({dashed} as timestamptz)}}
        when regexp_full_match({plain}, '\d{{8}}')
            then {{'local': try_strptime({plain}, '%Y%m%d'), 'exact': null::timestamptz}}
        when regexp_full_match({plain}, '\d{{14}}')
            then {{'local': try_strptime({plain}, '%Y%m%d%H%M%S'), 'exact': null::timestamptz}}
        when regexp_full_match({plain}, '\d{{10}}')
            then {{'local': null::timestamp, 'exact': to_timestamp({plain}::bigint)}}
        when regexp_full_match({plain}, '\d{{13}}')
            then {{'local': null::timestamp, 'exact': to_timestamp({plain}::bigint / 1000.0)}}
        else {{'local': {naive}, 'exact': null::timestamptz}} end"""


def instant(moment_name: str, east: str) -> str:
    """The instant of a `moment`, with the zone's offset in seconds for local times."""
    local = f"({moment_name}.local - to_seconds({east}))"
    return f"coalesce({moment_name}.exact, {local}::timestamptz)"


def offset_min(moment_name: str, east: str) -> str:
    """The sender's offset in minutes, known for local times only."""
    return f"case when {moment_name}.local is not null then {east} // 60 end"
