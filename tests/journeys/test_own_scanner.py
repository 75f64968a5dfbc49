"""A kiosk with a scanner of its own: what is held before it opens on the screen beside it, over MQTT."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, TimeoutError

from ledger.rules.device import RevokeDevice
from ledger.rules.requests import RegisterProduct
from scanners.agent import enroll, learn_home
from scanners.asking import ask
from suyuan.parts.machine import Machine
from tests.support.databases import running_machine
from tests.support.faces import SIZES, context_of, until
from tests.support.make import MILK, TODAY, registered
from tests.support.people import chief_of

pytestmark = pytest.mark.browser


class Scanner:
    """The verb at work, as somebody starts it at a kiosk; scans go to its standard input."""

    def __init__(self, tape: Path, pages: str) -> None:
        typed = ["kiosk", "--tape", str(tape), "--pages", pages, "--json"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "suyuan.cli", *typed], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.address: str = self.told()["open"]

    def told(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def scan(self, text: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()
        return self.told()

    def end(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(20)


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with running_machine("kiosk-") as running:
        product = registered(MILK, name_zh="鲜牛奶 950 毫升")
        ask(running.intake_url, [RegisterProduct(product)], auth=chief_of(running))
        yield running


@pytest.fixture
def screen(browser: Browser) -> Iterator[Page]:
    size = dict(zip(("width", "height"), SIZES["kiosk"], strict=True))
    context = context_of(browser, viewport=size)
    yield context.new_page()
    context.close()


def joined(machine: Machine, folder: Path, device: str) -> Path:
    """Lets a kiosk join, for no merchant: it reports nothing."""
    home = learn_home(machine.intake_url, "127.0.0.1", machine.broker.port)
    path = folder / f"{device}.tape"
    with contextlib.closing(enroll(path, device, home, [], since=TODAY, auth=chief_of(machine))):
        return path


def test_a_scan_of_the_kiosks_own_scanner_opens_its_page_by_itself(
    machine: Machine, screen: Page, tmp_path: Path
) -> None:
    scanner = Scanner(joined(machine, tmp_path, "kiosk-1"), machine.kiosk_url)
    screen.goto(scanner.address)
    # Nobody who stands there reads it off the screen.
    assert until(lambda: "screen=" not in screen.url)

    def opens(text: str, path: str) -> bool:
        # The first may come before the broker is reached, or the page listens: it is held there again.
        assert until(lambda: scanner.scan(text)["shown"])
        try:
            screen.wait_for_url(lambda at: urlsplit(at).path == path, timeout=3000)
        except TimeoutError:
            return False
        return True

    assert until(lambda: opens(MILK[1:], f"/01/{MILK}"))
    assert opens(f"]C101{MILK}10A-1", f"/01/{MILK}/10/A-1")
    assert "未登记" in screen.inner_text("main") or "没有记录" in screen.inner_text("main")
    assert opens(MILK[1:], f"/01/{MILK}")
    assert scanner.scan("x" * 2000)["shown"] is False

    ask(
        machine.intake_url,
        [RevokeDevice(device="kiosk-1", reason="it was stolen")],
        auth=chief_of(machine),
    )
    assert until(lambda: not opens(f"]C101{MILK}10A-2", f"/01/{MILK}/10/A-2"), 15)
    assert not opens(f"]C101{MILK}10A-3", f"/01/{MILK}/10/A-3")
    assert scanner.end() == 0


def test_a_kiosk_is_a_device_among_the_others_with_its_heartbeat(
    machine: Machine, tmp_path: Path
) -> None:
    import httpx

    scanner = Scanner(joined(machine, tmp_path, "kiosk-2"), machine.kiosk_url)

    def state() -> Any:
        answer = httpx.get(
            f"{machine.query_url}/v1/devices/kiosk-2", auth=chief_of(machine), trust_env=False
        )
        return answer.json().get("line", {}).get("online")

    assert until(lambda: state() is True, 15)
    assert scanner.end() == 0
    assert until(lambda: state() is False, 15)
