"""Both languages say the same things, and pages say nothing outside of them."""

import re
import string
from importlib.resources import files

import pytest

from dangol.web import words

TEMPLATES = files("dangol.web").joinpath("templates/desk")


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_languages_have_the_same_keys():
    assert words.catalogue("en").keys() == words.catalogue("ko").keys()


@pytest.mark.parametrize("key", sorted(words.catalogue("en")))
def test_languages_have_the_same_placeholders(key):
    english, korean = (words.catalogue(locale)[key] for locale in words.LOCALES)
    assert names_in(english) == names_in(korean)
    assert english.strip()
    assert korean.strip()


def visible_text(template: str) -> str:
    """What a template writes by itself: no tags, no expressions, no comments."""
    bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", template, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", " ", bare, flags=re.DOTALL)


@pytest.mark.parametrize("name", sorted(f.name for f in TEMPLATES.iterdir()))
def test_templates_hold_no_words_of_their_own(name):
    assert not re.findall(r"[A-Za-z가-힣]{2,}", visible_text(TEMPLATES.joinpath(name).read_text()))


def used_keys() -> set[str]:
    """Keys that templates and handlers name outright."""
    found = set()
    for folder in ("templates/desk", "desk", ""):
        for file in files("dangol.web").joinpath(folder).iterdir():
            if file.name.endswith((".html", ".py")):
                text = file.read_text(encoding="utf-8")
                found |= set(re.findall(r"""\bt\(\s*["']([a-z_]+\.[a-z0-9_]+)["']\s*[,)]""", text))
    return found


def test_every_key_in_use_exists():
    assert used_keys() <= words.catalogue("en").keys()


def test_numbers_plurals_and_particles():
    t, ko = words.words("en"), words.words("ko")
    assert t("time.days_ago", n=1) == "1 day ago"
    assert t("time.days_ago", n=1234) == "1,234 days ago"
    assert ko("time.days_ago", n=3) == "3일 전"
    shown = words._FORMATTER.vformat("{a:은/는} “{a}”{a:-을/를}", (), {"a": "주문"})
    assert shown == "주문은 “주문”을"
    with pytest.raises(KeyError):
        t("no.such_key")
