"""Words of pages: flat keys in `*.en.json` and `*.ko.json` beside this file, formatted with values.

`errors/<language>.json` holds the sentences of `DangolError` with their translations; English is
the sentence itself. Beyond `{name}`: `{n:person|people}` chooses by number and shows only the word, `{name:은/는}`
shows the value with the Korean particle that its last sound asks for, `{name:-은/는}` the
particle alone, for after a closing quote. Whole numbers get
thousands separators.
"""

import json
import string
from collections.abc import Callable, Mapping
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
            return self.format_whole(value)
        return super().format_field("" if value is None else value, spec)

    def format_whole(self, value: int) -> str:
        return f"{value:,}"


class _Plain(_Formatter):
    """As `str.format` writes numbers: those in errors are ids as often as counts."""

    def format_whole(self, value: int) -> str:
        return str(value)


_FORMATTER, _PLAIN = _Formatter(), _Plain()


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


def sentence(locale: str, english: str, values: Mapping[str, object]) -> str:
    """The sentence of a `DangolError` in `locale`; English where nobody translated it.

    >>> sentence("en", "{file} is empty.", {"file": "orders.csv"})
    'orders.csv is empty.'
    """
    wanted = errors(locale).get(english, english)
    return _PLAIN.vformat(wanted, (), values) if values else wanted


@cache
def errors(locale: str) -> dict[str, str]:
    """The English sentences of errors with their words in `locale`; nothing for English."""
    found = files(__package__).joinpath(f"errors/{locale}.json")
    return json.loads(found.read_text(encoding="utf-8")) if found.is_file() else {}


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
