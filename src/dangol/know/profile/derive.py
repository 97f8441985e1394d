"""What follows from a customer's traits: the address, the zone, the country, the search text.

Pure. Both our own spelling of a trait and the ones that known clients send are read.
"""

import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple
from zoneinfo import available_timezones

from dangol.model.address import normalise_email

_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_NAMES = ("name", "firstName", "first_name", "lastName", "last_name", "nickname", "username")
_PHONES = ("phone", "mobile", "tel")
_COUNTRY = re.compile(r"[A-Z]{2}")
_LOCALE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")


class Derived(NamedTuple):
    """The columns of a customer that are computed from traits."""

    email: str | None
    locale: str | None
    country: str | None
    zone: str | None
    zone_source: str | None
    """`trait` when it was stated, `country` when the country has a single zone."""
    search: str


def derive(traits: dict[str, Any]) -> Derived:
    """What `traits` imply; unusable values count as absent."""
    email = normalise_email(traits.get("email"))
    country = country_of(traits)
    zone, zone_source = _zone(traits, country)
    return Derived(email, _locale(traits), country, zone, zone_source, search_text(traits, email))


def search_text(traits: dict[str, Any], email: str | None) -> str:
    """One line per thing that a person at the desk may type: names, initials, address, phones.

    >>> search_text({"name": "홍길동", "phone": "010-1234-5678"}, "gd@shop.example").split()
    ['홍길동', 'ㅎㄱㄷ', 'gd@shop.example', '01012345678']
    """
    names = [_folded(value) for name in _NAMES if isinstance(value := traits.get(name), str)]
    full = " ".join(names)
    lines = [full, hangul_initials(full), email or ""]
    lines += [_digits(value) for name in _PHONES if isinstance(value := traits.get(name), str)]
    return "\n".join(line[:200] for line in lines if line)


def hangul_initials(text: str) -> str:
    """The first consonants of the Hangul syllables in `text`; empty when there are none.

    >>> hangul_initials("홍길동 kim")
    'ㅎㄱㄷ'
    """
    codes = (ord(letter) - 0xAC00 for letter in text)
    return "".join(_INITIALS[code // 588] for code in codes if 0 <= code < 11172)


def country_of(traits: dict[str, Any]) -> str | None:
    """The ISO 3166-1 alpha-2 code that the traits state, alone or inside an address."""
    address = traits.get("address")
    nested = address.get("country") if isinstance(address, dict) else None
    for value in (traits.get("country"), nested):
        if isinstance(value, str) and _COUNTRY.fullmatch(code := value.strip().upper()):
            return code
    return None


def _locale(traits: dict[str, Any]) -> str | None:
    for name in ("locale", "language", "$locale"):
        value = traits.get(name)
        if isinstance(value, str) and _LOCALE.fullmatch(value.strip()):
            return value.strip().replace("_", "-")
    return None


def _zone(traits: dict[str, Any], country: str | None) -> tuple[str | None, str | None]:
    for name in ("timezone", "zone", "time_zone", "$timezone"):
        value = traits.get(name)
        if isinstance(value, str) and value in _zones():
            return value, "trait"
    zone = _only_zones().get(country or "")
    return (zone, "country") if zone else (None, None)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def _only_zones() -> dict[str, str]:
    """The zone of each country that has exactly one (tzdata's zone.tab)."""
    text = files("tzdata").joinpath("zoneinfo/zone.tab").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    codes = [row[0] for row in rows]
    return {row[0]: row[2] for row in rows if codes.count(row[0]) == 1}


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split())).lower()


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isascii() and letter.isdigit())
