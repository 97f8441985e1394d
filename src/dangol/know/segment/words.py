"""A condition as a sentence that a shopkeeper reads, in English or Korean."""

from collections.abc import Mapping
from uuid import UUID

from dangol.know.segment import english, korean
from dangol.know.segment.condition import Condition


def words(condition: Condition, locale: str, names: Mapping[UUID, str] | None = None) -> str:
    """Who is meant, in words; `names` are those of the segments that the condition names.

    Any locale that does not begin with `ko` is answered in English.

    >>> from dangol.know.segment.parse import parse
    >>> asked = parse({"kind": "trait", "name": "도시", "op": "eq", "value": "서울"})
    >>> words(asked, "ko"), words(asked, "en")
    ('도시가 “서울”인 손님', 'customers whose 도시 is “서울”')
    """
    speak = korean.sentence if locale.startswith("ko") else english.sentence
    return speak(condition, names or {})
