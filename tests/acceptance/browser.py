"""A real browser for acceptance tests, without anything of its own that calls home."""

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.acceptance.conftest import Installation

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium; the test is skipped where there is none."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=_ARGS)
        yield browser
        browser.close()


def sign_in(browser: Browser, running: Installation, **options: object) -> Page:
    """A page that came in by the link that the first start printed."""
    page = browser.new_context(base_url=running.url, **options).new_page()
    page.set_default_timeout(30_000)
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(re.search(r"http://\S+", running.wait_for("sign in once"))[0])
    page.wait_for_url(running.url + "/")
    return page
