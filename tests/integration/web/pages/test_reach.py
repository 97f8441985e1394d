"""The public address is verified by asking it something that only this installation can answer."""

import httpx
import pytest

from dangol.speak.links.reach import ReachProblem, find_reach_problem, resolve_host
from dangol.store.keyring import Keyring
from tests.integration.web.pages.conftest import Pages

PUBLIC = ["93.184.216.34"]
URL = "https://news.haru.example"


def test_our_own_answer_is_recognised(pages: Pages) -> None:
    asked = find_reach_problem(URL, pages.keyring, pages.client, lambda host: PUBLIC)
    assert asked is None


def test_other_installation_is_not_ours(pages: Pages) -> None:
    other = Keyring(keys={0: b"o" * 32}, addresses=b"a" * 32)
    found = find_reach_problem(URL, other, pages.client, lambda host: PUBLIC)
    assert found is ReachProblem.OTHER_ANSWER


@pytest.mark.parametrize(
    ("url", "places", "problem"),
    [
        ("http://news.haru.example", PUBLIC, ReachProblem.NOT_HTTPS),
        ("", PUBLIC, ReachProblem.NOT_HTTPS),
        (URL, [], ReachProblem.PRIVATE_ADDRESS),
        (URL, ["127.0.0.1"], ReachProblem.PRIVATE_ADDRESS),
        (URL, [*PUBLIC, "10.0.0.8"], ReachProblem.PRIVATE_ADDRESS),
        (URL, ["::1"], ReachProblem.PRIVATE_ADDRESS),
        (URL, ["169.254.169.254"], ReachProblem.PRIVATE_ADDRESS),
    ],
)
def test_what_recipients_cannot_open(
    pages: Pages, url: str, places: list[str], problem: ReachProblem
) -> None:
    assert find_reach_problem(url, pages.keyring, pages.client, lambda host: places) is problem


def test_silence_and_unknown_hosts() -> None:
    ring = Keyring(keys={0: b"o" * 32}, addresses=b"a" * 32)

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with httpx.Client(transport=httpx.MockTransport(refuse)) as client:
        found = find_reach_problem(URL, ring, client, lambda host: PUBLIC)
        assert found is ReachProblem.NO_ANSWER
        unknown = find_reach_problem("https://nothing.invalid", ring, client, resolve_host)
        assert unknown is ReachProblem.UNKNOWN_HOST


def test_answer_is_short_and_bounded(pages: Pages) -> None:
    assert len(pages.get("/reach/abc")) == 64
    pages.get("/reach/" + "a" * 65, 404)
