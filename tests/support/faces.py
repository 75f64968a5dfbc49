"""Browsers of the tests: pages with what their console said, scans as a wedge types them, accessibility."""

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import BrowserContext, Page

from tests.support.people import PASSWORD

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
SIZES = {"phone": (390, 844), "desk": (1280, 800), "kiosk": (1080, 1920)}
# What passed is many times as much as what did not, and nobody reads it.
RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations']}"
NO_CHROMIUM = "no Chromium: apt-get install chromium-headless-shell fonts-noto-cjk"
# A hand scanner types a character in a few milliseconds, a hand in a tenth of a second.
SCANNER_S, HAND_S = 0.004, 0.12
SHIFTED = {char: f"Digit{n}" for n, char in enumerate(")!@#$%^&*(")}
PLAIN = {
    "_": "Minus",
    "/": "Slash",
    "?": "Slash",
    "=": "Equal",
    ":": "Semicolon",
    "-": "Minus",
    ".": "Period",
    "]": "BracketRight",
}


def said_by(page: Page) -> list[str]:
    """Returns the list that a page's console fills with warnings and errors."""
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def violations(page: Page) -> list[Any]:
    """Returns what axe finds against WCAG 2.2 AA on a page."""
    page.evaluate(Path(AXE_FILE_PATH).read_text())
    found = page.evaluate(f"axe.run(document, {RULES}).then((all) => all.violations)")
    return [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found]


def sign_in_at(page: Page, url: str, account: str, *, there: str = "") -> None:
    """Signs somebody in at the form, as a person does."""
    page.goto(f"{url}/sign-in?next={there}")
    page.fill("#account", account)
    page.fill("#password", PASSWORD)
    page.click("main button")
    page.wait_for_url(lambda at: "/sign-in" not in at)


class Keyboard:
    """Presses keys at times of its own, so that a busy machine does not slow a scanner down."""

    def __init__(self, page: Page) -> None:
        self._keys = page.context.new_cdp_session(page)

    def scan(self, text: str, *, end: str = "Enter", **how: Any) -> None:
        """Types what a wedge reads, as fast as it does; `end` may be empty."""
        self._type([*text, *([end] if end else [])], SCANNER_S, **how)

    def by_hand(self, text: str, *, gap_s: float = HAND_S) -> None:
        """Types as a hand does, or as slowly as a bad scanner."""
        for char in text:
            self._type([char], gap_s)
            time.sleep(gap_s)

    def _type(
        self,
        keys: list[str],
        gap_s: float,
        *,
        composing: bool = False,
        capslock: bool = False,
        held_s: float = 0,
        held_after: int = 1,
    ) -> None:
        """Types; a busy machine holds what follows the first key, or the first few, back for `held_s`."""
        begun, pressed = time.time(), []
        for number, key in enumerate(keys):
            code, shifted = _code(key)
            shown = key.swapcase() if capslock and key.isalpha() else key
            about: dict[str, Any] = {
                "type": "keyDown", "code": code, "key": shown, "timestamp": begun + number * gap_s,
                "modifiers": 2 if key == "\x1d" else 8 if shifted else 0,
            }  # fmt: skip
            if composing and key != "Enter":
                # As Chromium tells of a key that an input method took (UI Events, 4.3).
                about |= {"key": "Process", "windowsVirtualKeyCode": 229}
            elif len(key) == 1 and key != "\x1d":
                about |= {"text": shown}
            elif key == "Enter":
                about |= {"text": "\r", "windowsVirtualKeyCode": 13}
            # Only that it goes down: each call takes time that no scanner takes.
            pressed.append(about)
        self._press(pressed[:held_after])
        time.sleep(held_s)
        self._press(pressed[held_after:])

    def _press(self, keys: list[dict[str, Any]]) -> None:
        """Hands keys to the browser all at once: waiting for each in turn, a busy machine would tear a scan apart."""
        session, send = self._keys, self._keys._impl_obj.send

        async def pressed() -> None:
            await asyncio.gather(
                *(send("Input.dispatchKeyEvent", timeout=None, params=about) for about in keys)
            )

        session._sync(pressed())


def _code(key: str) -> tuple[str, bool]:
    if key in ("Enter", "Tab", "Backspace"):
        return key, False
    if key == "\x1d":
        # As wedges type the group separator: Ctrl+].
        return "BracketRight", False
    if key.isdigit():
        return f"Digit{key}", False
    if key in SHIFTED:
        return SHIFTED[key], True
    if key.isalpha():
        return f"Key{key.upper()}", key.isupper()
    return PLAIN[key], key in ":?_"


def until(asked: Callable[[], bool], wait_s: float = 10) -> bool:
    """Waits until something is so; tells whether it came to be."""
    deadline = time.monotonic() + wait_s
    while not (so := asked()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return so


def find_chromium() -> str | None:
    """Finds the browser without windows, which costs half as much, or else the whole one."""
    return shutil.which("chromium-headless-shell") or shutil.which("chromium")


def context_of(browser: Any, **options: Any) -> BrowserContext:
    """Opens a fresh browser profile that reads Chinese."""
    context: BrowserContext = browser.new_context(**({"locale": "zh-CN"} | options))
    return context
