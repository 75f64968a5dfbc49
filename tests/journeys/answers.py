"""How long the station takes to answer a scan and a typed date, online and not; `make answers` runs it.

From the moment the page hears the last key until the frame in which the answer is drawn. Beside it, in turns, a
page that does nothing but write a word for a key: what the browser itself needs.
"""

import json
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from statistics import median

from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.support.databases import running_machine
from tests.support.faces import FLAGS, NO_CHROMIUM, Keyboard, context_of, find_chromium, until
from tests.support.market import GOODS, TODAY, Market, Station

ROUNDS, SCANS = 10, 10
GOAL_MS = 300
# Heard before the page itself hears the key, and told once the frame with the answer is drawn.
WATCH = """
addEventListener("keydown", () => { window.heardAt = performance.now(); }, { capture: true });
window.answers = [];
addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
  const since = window.heardAt;
  requestAnimationFrame(() => setTimeout(() => window.answers.push(performance.now() - since)));
}).observe(document.getElementById("verdict"), { childList: true }));
"""
# For each Enter another word.
PLAIN = """<p id="verdict">-</p><script>
let n = 0;
addEventListener("keydown", ({ code }) => code === "Enter" && document.getElementById("verdict").replaceChildren(String(n += 1)));
</script>"""
ANCHOR = "a page that only writes a word"


def main() -> int:
    """Prints a JSON line; fails where an answer took longer than the goal."""
    chromium = find_chromium()
    if chromium is None:
        print(NO_CHROMIUM)
        return 1
    with running_machine("answers-") as machine, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        taken = _measure(Market(machine), context_of(browser), context_of(browser))
        browser.close()
    told = {name: _told(times) for name, times in taken.items()}
    ratio = round(told["online"]["median_ms"] / told[ANCHOR]["median_ms"], 2)
    load = round(os.getloadavg()[0], 1)
    print(
        json.dumps({"bench": "answers", "goal_ms": GOAL_MS, **told, "ratio": ratio, "load": load})
    )
    return 0 if all(told[one]["worst_ms"] <= GOAL_MS for one in ("online", "offline")) else 1


def _measure(
    market: Market, scanning: BrowserContext, plain: BrowserContext
) -> dict[str, list[float]]:
    for context in (scanning, plain):
        context.add_init_script(WATCH)
    station = Station(market, scanning).join()
    assert until(lambda: bool(station.page.evaluate("!!navigator.serviceWorker.controller")))
    anchor = plain.new_page()
    anchor.route("**/*", lambda route: route.fulfill(content_type="text/html", body=PLAIN))
    anchor.goto("http://plain.invalid/")
    keys = Keyboard(anchor)
    taken: dict[str, list[float]] = {"online": [], "offline": [], ANCHOR: []}
    for number in range(ROUNDS):
        for name in ("online", "offline"):
            scanning.set_offline(name == "offline")
            taken[name] += _delivery(station, number)
        scanning.set_offline(False)
        for _ in range(2 * SCANS):
            taken[ANCHOR].append(_answer(anchor, lambda: keys.scan("", end="Enter")))
    return taken


def _delivery(station: Station, number: int) -> list[float]:
    """Scans so many goods and types the date of each; returns how long each answer took."""
    made = (TODAY - timedelta(days=1 + number)).strftime("%m%d")
    taken = []
    for code in GOODS[:SCANS]:
        taken.append(_answer(station.page, lambda code=code: station.keys.scan(code)))
        assert "日期" in station.verdict()
        station.keys.by_hand(made[:-1])
        taken.append(_answer(station.page, lambda: station.keys.by_hand(made[-1])))
        assert "已保存" in station.verdict()
    return taken


def _answer(page: Page, press: Callable[[], None]) -> float:
    """Returns how long one answer took, in milliseconds."""
    before = page.evaluate("window.answers.length")
    press()
    assert until(lambda: page.evaluate("window.answers.length") > before)
    return float(page.evaluate("window.answers.at(-1)"))


def _told(times: list[float]) -> dict[str, float]:
    times = sorted(times)
    return {
        "answers": len(times), "median_ms": round(median(times), 1),
        "p99_ms": round(times[int(len(times) * 0.99)], 1), "worst_ms": round(times[-1], 1),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
