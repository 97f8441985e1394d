"""Words of pages: flat keys in `*.en.json` and `*.ko.json` beside this file, formatted with values.

Beyond `{name}`: `{n:person|people}` chooses by number and shows only the word, `{name:은/는}`
shows the value with the Korean particle that its last sound asks for. Whole numbers get
thousands separators.
"""

import json
import string
from collections.abc import Callable
from functools import cache
from importlib.resources import files

LOCALES = ("en", "ko")
"""The languages of the desk; each has every key (tested)."""

FALLBACK = "en"


class _Formatter(string.Formatter):
    def format_field(self, value: object, spec: str) -> str:
        if "|" in spec:
            one, many = spec.split("|", 1)
            return one if value == 1 else many
        if "/" in spec:
            return with_particle(self.format_field(value, ""), spec)
        if isinstance(value, int) and not isinstance(value, bool) and not spec:
            return f"{value:,}"
        return super().format_field("" if value is None else value, spec)


_FORMATTER = _Formatter()
_DIGIT_HAS_FINAL = {"0": True, "1": True, "3": True, "6": True, "7": True, "8": True}
_DIGIT_RIEUL = frozenset("178")


def with_particle(word: str, pair: str) -> str:
    """`word` with the fitting one of a pair of particles, consonant form first.

    A word that ends in neither Hangul nor a digit gets both forms, as Korean writing does.

    >>> with_particle("단골", "은/는"), with_particle("편지", "은/는")
    ('단골은', '편지는')
    >>> with_particle("서울", "으로/로"), with_particle("3", "을/를"), with_particle("Kim", "이/가")
    ('서울로', '3을', 'Kim이(가)')
    """
    closed, open_ = pair.split("/")
    last = word.rstrip(")”\"' ")[-1:]
    if "가" <= last <= "힣":
        final = (ord(last) - 0xAC00) % 28
        has_final, is_rieul = final != 0, final == 8
    elif last.isascii() and last.isdigit():
        has_final, is_rieul = last in _DIGIT_HAS_FINAL, last in _DIGIT_RIEUL
    else:
        return f"{word}{closed}({open_})"
    if closed == "으로" and is_rieul:
        return word + open_
    return word + (closed if has_final else open_)


@cache
def catalogue(locale: str) -> dict[str, str]:
    """Every key of one language with its text.

    Raises:
        ValueError: two files of the language define the same key.
    """
    merged: dict[str, str] = {}
    for item in sorted(files(__package__).iterdir(), key=lambda item: item.name):
        if not item.name.endswith(f"{locale}.json"):
            continue
        found = json.loads(item.read_text(encoding="utf-8"))
        if doubled := merged.keys() & found.keys():
            raise ValueError(f"{item.name} repeats {sorted(doubled)}")
        merged |= found
    return merged


def text(locale: str, key: str, **values: object) -> str:
    """The text of `key` in `locale`, filled with `values`; plain text, to be escaped by the page.

    Raises:
        KeyError: there is no such key, or a value that the text names is missing.
    """
    return _FORMATTER.vformat(catalogue(locale)[key], (), values)


def has(locale: str, key: str) -> bool:
    """Whether the language knows `key`; for keys made from data, such as a reason's code."""
    return key in catalogue(locale)


def words(locale: str) -> Callable[..., str]:
    """`text` for one language; an unknown language gets English."""
    chosen = locale if locale in LOCALES else FALLBACK

    def t(key: str, /, **values: object) -> str:
        return text(chosen, key, **values)

    return t


def choose(accept_language: str, fallback: str = FALLBACK) -> str:
    """The best language for an `Accept-Language` header.

    >>> choose("ko-KR,ko;q=0.9,en;q=0.5"), choose("fr"), choose("en;q=0.2,ko;q=0.8", "en")
    ('ko', 'en', 'ko')
    """
    ranked = []
    for part in accept_language[:500].split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            weight = 0.0
        ranked.append((-weight, tag.split("-")[0].lower()))
    for _, tag in sorted(ranked, key=lambda item: item[0]):
        if tag in LOCALES:
            return tag
    return fallback if fallback in LOCALES else FALLBACK
