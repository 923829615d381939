"""Reports in a real browser: they open fast, run nothing, reach nothing, and can be read, by light and by dark."""

import os
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from infopo.report import write_report

pytestmark = pytest.mark.slow

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
).split()
DEADLINE = 2_000  # milliseconds that a page has to open
# Contrast of every text with what lies behind it, least first.
CONTRAST = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgb = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = (part) => (part /= 255) <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const luminance = (c) => 0.2126 * light(c[0]) + 0.7152 * light(c[1]) + 0.0722 * light(c[2]);
  const behind = (node) => { const color = rgb(getComputedStyle(node).backgroundColor);
    return color[3] || !node.parentElement ? color : behind(node.parentElement); };
  return [...document.querySelectorAll("body *")]
    .filter((node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()))
    .map((node) => {
      const pair = [rgb(getComputedStyle(node).color), behind(node)].map(luminance).sort((a, b) => a - b);
      return [(pair[1] + 0.05) / (pair[0] + 0.05), node.className, node.textContent.slice(0, 40)]; })
    .sort((a, b) => a[0] - b[0]);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        reason = "no Chromium is installed; `make test-slow` as root installs one"
        pytest.fail(reason) if "CI" in os.environ else pytest.skip(reason)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield started
        started.close()


class Visit:
    """A page that was opened, and what it tried besides."""

    def __init__(self, browser: Any, path: Path, scheme: str = "light") -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page = browser.new_context(color_scheme=scheme).new_page()
        self.page.goto("about:blank")
        self.page.on("request", lambda request: self.requests.append(request.url.partition(",")[0]))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.goto(path.as_uri(), wait_until="load", timeout=DEADLINE)
        self.url = path.as_uri()

    def check_harmless(self) -> None:
        assert set(self.requests) <= {self.url, "data:image/svg+xml;base64"}
        assert self.complaints == []
        assert self.page.title().startswith("Report of ")
        assert self.page.evaluate("document.scripts.length") == 0


def test_a_run_of_ten_thousand_episodes_opens(browser: Any, make_long_run: Callable[[int], Path]) -> None:
    visit = Visit(browser, write_report([run := make_long_run(10_000)], run / "report"))
    visit.check_harmless()
    assert "of 10000 recorded episodes" in visit.page.inner_text("#dialogues")
    assert visit.page.evaluate("document.querySelectorAll('*').length") < 15_000
    pictures = "[...document.images].map((image) => image.complete && image.naturalWidth > 0)"
    assert set(visit.page.evaluate(pictures)) == {True}, "every curve is drawn"


def test_a_hostile_run_does_nothing_but_show(browser: Any, hostile_run: Path, tmp_path: Path) -> None:
    visit = Visit(browser, write_report([hostile_run], tmp_path / "report"))
    visit.page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    visit.check_harmless()
    assert "<script>document.title = 'owned'</script>" in visit.page.inner_text("#dialogues")
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert visit.page.evaluate(wide) <= 0, "long words are wrapped"


def test_the_policy_stops_a_script_that_would_get_in(browser: Any, make_long_run: Callable[[int], Path]) -> None:
    path = write_report([run := make_long_run(100)], run / "report")
    harm = "<script>document.title = 'owned'</script><img src='https://example.org/x'><b style='color: red'>b</b>"
    path.write_text(path.read_text().replace("</main>", f"{harm}</main>"))
    visit = Visit(browser, path)
    assert visit.page.title() == "Report of long"
    assert sum("Content Security Policy" in complaint for complaint in visit.complaints) == 3
    assert visit.page.evaluate("getComputedStyle(document.querySelector('b')).color") != "rgb(255, 0, 0)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_everyone(browser: Any, make_long_run: Callable[[int], Path], scheme: str) -> None:
    visit = Visit(browser, write_report([run := make_long_run(400)], run / "report"), scheme)
    page = visit.page
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    texts = page.evaluate(CONTRAST)
    assert len(texts) > 100
    assert texts[0][0] >= 4.5, texts[:5]
    levels = page.evaluate("[...document.querySelectorAll('.dialogue li')].map((line) => line.className)")
    assert {"level-0", "level-3", "missing"} <= set(levels)
    shown = page.evaluate("document.images[0].currentSrc === document.images[0].src")
    assert shown is (scheme == "light"), "dark pages have dark pictures"
    headings = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))")
    assert headings[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(headings))
    assert page.evaluate("[...document.querySelectorAll('table')].every((one) => one.caption && one.tHead)")
    assert page.evaluate("[...document.images].every((one) => one.alt)")


def test_a_dialogue_opens_by_keyboard(browser: Any, make_long_run: Callable[[int], Path]) -> None:
    page = Visit(browser, write_report([run := make_long_run(100)], run / "report")).page
    first = page.locator("#dialogues details").first
    assert not first.evaluate("(part) => part.open")
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert first.evaluate("(part) => part.open")
    assert first.locator(".said").first.is_visible()
