"""Screenshots of every screen at three sizes, in both languages, into .var/shots; `make shots` runs it.

Over a market's day, as somebody of each role sees it, so that the pages look as they do at work; axe looks
at every one of them as well.
"""

import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from suyuan.demo.day import Day
from tests.support.faces import FLAGS, NO_CHROMIUM, SIZES, find_chromium, until, violations

# Each step is pressed twice at the most; a step that fails would be pressed for ever.
FRAMES_MAX = 30
FOLDER, STORY = Path(".var/shots"), Path("docs/pictures/story.webp")
STALL = "m-013"


class Screen(NamedTuple):
    """A page, by whom it is looked at; nobody in particular sees the public ones."""

    name: str
    path: str
    account: str = ""


def screens(day: Day) -> list[Screen]:
    """Returns every screen there is something to see on."""
    public = [Screen(name, path) for name, path in day.sample_pages().items()]
    lot = next(path for path in day.sample_pages().values() if "/10/" in path)
    _, _, gtin, _, key = lot.split("/", 4)
    asked = f"product={gtin}&lot={key}"
    return [
        *public,
        Screen("recalls", "/recalls"), Screen("merchant", f"/m/{STALL}"), Screen("mine", "/mine"),
        Screen("proof", "/proof/100"), Screen("trust", "/trust"), Screen("no-such", "/nowhere"), Screen("sign-in", "/sign-in"), Screen("story", "/story"),
        Screen("scan", "/station/scan", "stall"), Screen("station", "/station", "stall"),
        Screen("station-ledger", "/station/ledgers", "stall"),
        Screen("desk", "/desk", "city"), Screen("trace-ask", "/desk/trace", "city"),
        Screen("trace", f"/desk/trace?{asked}", "city"),
        Screen("recall-draft", f"/desk/recalls/new?{asked}", "city"),
        Screen("desk-recalls", "/desk/recalls", "city"), Screen("holds", "/desk/holds", "city"),
        Screen("hold-new", "/desk/holds/new", "city"), Screen("register", "/desk/merchants", "city"),
        Screen("outbreak", "/desk/outbreak?suspects=m-013%0Am-016%0Am-022&places=true", "city"),
        Screen("statistics", "/desk/statistics?by=category", "city"),
        Screen("statistics-days", "/desk/statistics", "city"), Screen("quarantine", "/desk/quarantine", "city"),
        Screen("desk-merchant", f"/desk/merchants/{STALL}", "city"),
        Screen("devices", "/desk/devices", "city"), Screen("log", "/desk/log", "auditor"),
        Screen("not-yours", "/desk", "stall"),
    ]  # fmt: skip


def screens_of_a_recall(url: str) -> list[Screen]:
    """Returns what there is to see once the story has published a recall."""
    page = httpx.get(f"{url}/recalls", trust_env=False).text
    name = page.partition('href="/recalls/')[2].partition('"')[0].partition("?")[0]
    told = httpx.get(f"{url}/recalls/{name}", trust_env=False).text
    goods = told.partition('href="/01/')[2].partition('"')[0].partition("?")[0]
    return [
        Screen("recall", f"/recalls/{name}"), Screen("product-recalled", f"/01/{goods}"),
        Screen("attract-recall", "/"), Screen("desk-recall", f"/desk/recalls/{name}", "city"),
        Screen("recall-field", f"/desk/recalls/{name}/field", "city"),
        Screen("desk-today-recall", "/desk", "city"), Screen("station-recall", "/station", "stall"),
    ]  # fmt: skip


def main() -> int:
    """Makes the pictures; says what axe finds."""
    chromium = find_chromium()
    if chromium is None:
        print(NO_CHROMIUM)
        return 1
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    day = Day(print, kiosk_port=0, show=True)
    found = []
    try:
        result = day.run()
        assert day.machine is not None
        url = day.machine.kiosk_url.rstrip("/")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            for size in SIZES:
                found += [*_at(browser, day, url, screens(day), size)]
            _film(browser, url)
            for size in SIZES:
                found += [*_at(browser, day, url, screens_of_a_recall(url), size)]
            browser.close()
    finally:
        day.stop()
    for line in found:
        print(line)
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER}, {len(found)} violations")
    return 0 if result["ok"] and not found else 1


def _at(browser: Browser, day: Day, url: str, shown: list[Screen], size: str) -> Iterator[str]:
    """Looks at every screen at one size; yields what axe finds."""
    width, height = SIZES[size]
    pages: dict[str, Page] = {}
    for account in ("", *{screen.account for screen in shown} - {""}):
        context = browser.new_context(viewport={"width": width, "height": height})
        pages[account] = page = context.new_page()
        if account:
            page.goto(f"{url}/sign-in")
            page.fill("#account", account)
            page.fill("#password", day.accounts[account].password)
            page.click("main button")
            page.wait_for_url(lambda at: "/sign-in" not in at)
    for screen in shown:
        page = pages[screen.account]
        for language in ("zh", "en"):
            page.goto(f"{url}{screen.path}{'&' if '?' in screen.path else '?'}lang={language}")
            page.wait_for_timeout(200)
            # As tall as the page: a bar that sticks to the window's edge would else lie across the
            # middle of the picture.
            tall = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": width, "height": max(height, tall)})
            page.screenshot(path=FOLDER / f"{screen.name}-{size}-{language}.png")
            page.set_viewport_size({"width": width, "height": height})
            yield from (f"{screen.name} {size} {language}: {one}" for one in violations(page))
    for page in pages.values():
        page.context.close()


def _film(browser: Browser, url: str) -> None:
    """Presses the story's Next to its end; each step is a picture, all of them a moving one for the README."""
    context = browser.new_context(viewport={"width": 1120, "height": 760}, locale="en")
    page = context.new_page()
    page.goto(f"{url}/story?lang=en")
    page.wait_for_selector("#shopper .verdict")
    frames: list[Image.Image] = []
    for _ in range(FRAMES_MAX):
        # Long enough that the scanner in the corner and the shopper's page have turned.
        page.wait_for_timeout(2500)
        picture = page.screenshot(path=FOLDER / f"story-{len(frames)}.png")
        frames.append(Image.open(io.BytesIO(picture)).convert("RGB"))
        if not page.is_visible("#next"):
            break
        page.click("#next")
        until(lambda: page.is_enabled("#next"), 90)
    first, *others = frames
    first.save(STORY, save_all=True, append_images=others, duration=2500, loop=0, lossless=True)
    context.close()


if __name__ == "__main__":
    sys.exit(main())
