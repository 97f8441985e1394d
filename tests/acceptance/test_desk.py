"""The desk in a real browser: from the empty first page to an answered answer, by clicking."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from tests.acceptance.conftest import Installation

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
_UNNAMED = """() => [...document.querySelectorAll(
  'input:not([type=hidden]), select, textarea, button, a[href], iframe')]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.labels?.length || one.getAttribute('aria-label') || one.title
    || one.textContent.trim()))
  .map((one) => one.outerHTML.slice(0, 120))"""
"""Everything that one can use or read, but that has no name for those who cannot see it."""
_PALE = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const bright = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('main *, nav *')]
    .filter((one) => one.checkVisibility() && !one.closest('[disabled], svg, .visually-hidden')
      && [...one.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
    .map((one) => {
      const [a, b] = [bright(parse(getComputedStyle(one).color)), bright(ground(one))];
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), one.outerHTML.slice(0, 100)];
    })
    .filter(([ratio]) => ratio < 4.5);
}"""
"""Texts whose contrast is below WCAG's 4.5 to 1."""

_SETTLED = """() => !document.querySelector('.later') && [...document.querySelectorAll('[data-chart]')]
  .every((one) => one.dataset.drawn || !one.clientWidth)"""
"""Every part has come, every chart is drawn."""

_STRETCHED = """() => [...document.querySelectorAll('.rows > li')]
  .filter((one) => one.getBoundingClientRect().height > 500)
  .map((one) => one.outerHTML.slice(0, 100))"""
"""Rows of lists that fill a screen each, as a rule meant for something else makes them."""

_POINTS = """([x, y]) =>
  getComputedStyle(document.elementFromPoint(x, y)).cursor === 'pointer'
  || document.elementFromPoint(x, y).parentElement.style.cursor === 'pointer'"""
"""Whether a click there leads somewhere."""


@dataclass
class Seen:
    """What a page did besides showing itself."""

    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


@pytest.fixture
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=_ARGS)
        yield browser
        browser.close()


def open_page(browser: Browser, running: Installation, **options) -> tuple[Page, Seen]:
    """A page that notes complaints and requests to anywhere else."""
    context = browser.new_context(base_url=running.url, **options)
    page, seen = context.new_page(), Seen()
    page.set_default_timeout(30_000)
    page.on(
        "console",
        lambda said: seen.complaints.append(said.text) if said.type == "error" else None,
    )
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith((running.url, "data:"))
            else seen.elsewhere.append(asked.url)
        ),
    )
    page.on("dialog", lambda dialog: dialog.accept())
    return page, seen


def sign_in(page: Page, running: Installation) -> None:
    """Open the link that the first start printed; pressing its button is left to the page."""
    line = running.wait_for("sign in once")
    page.goto(re.search(r"http://\S+", line)[0])
    page.wait_for_url(running.url + "/")


def check_page(page: Page, url: str) -> None:
    """What every page keeps: a heading, a language, names for everything, no sideways scrolling."""
    answer = page.goto(url)
    assert answer.status == 200, url
    page.wait_for_function(_SETTLED)
    for chart in page.locator("[data-chart]:visible").all():
        chart.hover()  # what it says then needs no inline style either
    expect(page.locator("h1")).to_have_count(1)
    assert page.evaluate(_UNNAMED) == [], url
    assert page.evaluate(_STRETCHED) == [], url
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{url} is {wide} px too wide"


def links_of(page: Page) -> list[str]:
    """Every page that the desk leads to from its menu, and the first thing in each list."""
    page.goto("/")
    urls = page.locator(".side nav a").evaluate_all("(all) => all.map((one) => one.pathname)")
    found = list(dict.fromkeys(urls))
    for url in list(found):
        page.goto(url)
        inner = page.locator("main a[href^='/']:not([href*='.csv']):not([href*='?'])")
        found += inner.evaluate_all("(all) => all.map((one) => one.pathname)")[:4]
    return [url for url in dict.fromkeys(found) if not url.endswith("/raw")]


def test_from_the_empty_page_to_an_answered_answer(up, chromium):
    running = up()
    page, seen = open_page(chromium, running, locale="en-GB")
    sign_in(page, running)
    page.get_by_role("button", name="Open the practice shop").click()
    expect(page.get_by_role("heading", name="Where customers stand")).to_be_visible(timeout=90_000)
    expect(page.locator(".bars")).to_contain_text("Regular")

    page.goto("/settings/sending")
    page.get_by_label("Quiet from").fill("00:00")
    page.get_by_label("until", exact=True).fill("00:00")
    rules = page.get_by_role("region", name="Not too often, not at night")
    rules.get_by_role("button", name="Save").click()
    expect(page.locator(".said")).to_contain_text("Saved")

    page.get_by_role("link", name="Campaigns").first.click()
    page.locator("main tbody a").first.click()
    expect(page.locator(".big")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Launch").click()
    expect(page.locator(".said")).to_contain_text("on its way")
    sent = page.locator("#results li", has_text=re.compile("^sent"))
    expect(sent).to_be_visible(timeout=60_000)

    page.get_by_role("link", name="Practice mailbox").first.click()
    page.locator("main tbody a").first.click()
    inner = page.frame_locator("iframe.preview").locator("body")
    expect(inner).to_contain_text(re.compile("님|Hello"))
    page.get_by_label("Your words").fill("커피가 정말 맛있어요!")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".said")).to_contain_text("The answer is sent")

    answer = page.locator("main li", has_text="커피가 정말 맛있어요!")
    for _ in range(40):
        page.goto("/answers")
        if answer.count():
            break
        page.wait_for_timeout(250)
    answer.locator("a").first.click()
    page.get_by_label("Your words").fill("고맙습니다. 또 오세요.")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".said")).to_contain_text("on its way")
    expect(page.locator(".bubble.ours").last).to_contain_text("고맙습니다")
    ours = page.locator("main tbody tr", has_text="Re:")
    for _ in range(60):
        page.goto("/mailbox")
        if ours.count():
            break
        page.wait_for_timeout(500)
    ours.locator("a").first.click()
    expect(page.locator("main")).to_contain_text("고맙습니다. 또 오세요.")
    click_the_flow(page)
    assert seen.complaints == []
    assert seen.elsewhere == []


def click_the_flow(page: Page) -> None:
    """A ribbon and a block of the drawing open exactly the people that they stand for."""
    page.emulate_media(reduced_motion="reduce")
    for inset in (0.5, 0.0):
        page.goto("/flow")
        page.wait_for_function(_SETTLED)
        drawing = page.locator("[data-chart]").first
        chart = json.loads(drawing.get_attribute("data-chart"))
        box = drawing.bounding_box()
        x = box["x"] + 8 + (box["width"] - 16) * inset
        for down in range(10, int(box["height"]), 4):
            page.mouse.move(x, box["y"] + down)
            if page.evaluate(_POINTS, [x, box["y"] + down]):
                break
        page.mouse.down()
        page.mouse.up()
        page.wait_for_url("**/flow/people?**")
        query = {name: one[0] for name, one in parse_qs(urlsplit(page.url).query).items()}
        ends = {f"a:{query.get('was')}", f"b:{query.get('stage')}"}
        assert ("was" in query) + ("stage" in query) == (2 if inset else 1)
        wanted = ends if inset else ends - {"a:None", "b:None"}
        people = [one["people"] for one in chart["links"]
                  if wanted <= {one["source"], one["target"]}]  # fmt: skip
        total = page.locator("[data-total]").first
        assert int(total.get_attribute("data-total")) == sum(people) > 0


def test_every_page_keeps_the_rules(up, chromium):
    running = up("--demo", "300")
    page, seen = open_page(chromium, running, locale="en-GB")
    sign_in(page, running)
    ready = page.locator(".bars")
    for _ in range(120):
        with suppress(Error):  # the page goes on by itself when the work is done
            page.goto("/")
        if ready.count():
            break
        page.wait_for_timeout(500)
    urls = links_of(page)
    assert len(urls) > 20
    for lang, width, scheme in (("en", 1280, "dark"), ("ko", 390, "light")):
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto("/")
        if lang == "ko":
            page.get_by_role("button", name="한국어").first.click()
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 844})
        for url in urls:
            check_page(page, url)
            assert page.evaluate(_PALE) == [], url
            assert page.locator("html").get_attribute("lang") == lang
    assert seen.complaints == []
    assert seen.elsewhere == []


def test_the_keyboard_is_enough(up, chromium):
    running = up()
    page, _ = open_page(chromium, running, locale="en-GB")
    sign_in(page, running)
    page.goto("/customers")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.type("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nobody found")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    menu = page.locator("details.menu > summary")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.locator("details.menu .nav").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("details.menu .nav").first).to_be_hidden()


def test_without_scripts_everything_still_works(up, chromium):
    running = up()
    page, _ = open_page(chromium, running, locale="en-GB", java_script_enabled=False)
    page.goto(re.search(r"http://\S+", running.wait_for("sign in once"))[0])
    page.get_by_role("button", name="Sign in").click()
    page.goto("/letters")
    page.get_by_label("Name for the team").fill("Spring")
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("button", name="+ Button").click()
    page.get_by_label("Words on the button").fill("Come in")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_label("Words on the button")).to_have_value("Come in")
    page.goto("/segments/new")
    page.get_by_role("button", name="Regular, new, gone quiet").click()
    page.get_by_label("Regular").first.check()
    page.get_by_label("Name").fill("Regulars")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("main > p")).to_contain_text("customers")
