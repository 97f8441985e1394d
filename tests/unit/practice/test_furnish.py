"""What comes with the practice shop passes the checks that one's own things must pass."""

from dangol.know.segment import Catalogue, check, parse
from dangol.practice.furnish import BRAND, SEGMENTS, read_letter
from dangol.speak.letter.check import check as check_letter


def test_its_segments_are_valid() -> None:
    for name, definition in SEGMENTS:
        assert name
        check(parse(definition), Catalogue())


def test_its_letter_could_be_launched() -> None:
    problems = check_letter(read_letter(), BRAND, {"name", "district"}, real=False)
    assert [problem for problem in problems if problem.blocks] == []


def test_its_addresses_reach_nobody() -> None:
    for address in (BRAND.email, BRAND.sender_email, BRAND.reply_domain, BRAND.site_url):
        assert address.endswith(".example")
