"""Screenshots of every screen at three sizes, in both languages, into .var/pictures.

`make pictures` runs it over a market's day, so that the pages look as they do at work.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from suyuan.demo.day import Day
from tests.journeys.test_kiosk import FLAGS, SIZES

FOLDER = Path(".var/pictures")


def main() -> int:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("no Chromium: apt-get install chromium fonts-noto-cjk")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    day = Day(print, kiosk_port=0, show=True)
    try:
        result = day.run()
        assert day.machine is not None
        pages = day.sample_pages()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            for size, (width, height) in SIZES.items():
                for language in ("zh", "en"):
                    page = browser.new_page(viewport={"width": width, "height": height})
                    for name, path in pages.items():
                        joint = "&" if "?" in path else "?"
                        page.goto(
                            f"{day.machine.kiosk_url.rstrip('/')}{path}{joint}lang={language}"
                        )
                        # As tall as the page: a bar that sticks to the window's edge would else
                        # lie across the middle of the picture.
                        tall = page.evaluate("document.documentElement.scrollHeight")
                        page.set_viewport_size({"width": width, "height": max(height, tall)})
                        page.screenshot(path=FOLDER / f"{name}-{size}-{language}.png")
                        page.set_viewport_size({"width": width, "height": height})
                    page.close()
            browser.close()
    finally:
        day.stop()
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER}")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
