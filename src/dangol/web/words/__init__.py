"""Words of pages: flat keys in `*.en.json` and `*.ko.json` beside this file, formatted with values.

Beyond `{name}`: `{n:person|people}` chooses by number and shows only the word, `{name:은/는}`
shows the value with the Korean particle that its last sound asks for, `{name:-은/는}` the
particle alone, for after a closing quote. Whole numbers get
thousands separators.
"""

import json
import string
from collections.abc import Callable
from functools import cache
from importlib.resources import files

from dangol.model.korean import with_particle

LOCALES = ("en", "ko")
"""The languages of the desk; each has every key (tested)."""

FALLBACK = "en"


class _Formatter(string.Formatter):
    def format_field(self, value: object, spec: str) -> str:
        if "|" in spec:
            one, many = spec.split("|", 1)
            return one if value == 1 else many
        if "/" in spec:
            word = self.format_field(value, "")
            spoken = with_particle(word, spec.removeprefix("-"))
            return spoken[len(word) :] if spec.startswith("-") else spoken
        if isinstance(value, int) and not isinstance(value, bool) and not spec:
            return f"{value:,}"
        return super().format_field("" if value is None else value, spec)


_FORMATTER = _Formatter()


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
