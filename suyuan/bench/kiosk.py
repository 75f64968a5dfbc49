"""Kiosk: a kept lot page against fixed bytes of the same server, and a spike while a recall is published."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np

from ledger.events.cases import MerchantRegistered, PremisesAdded, ProductRegistered
from ledger.events.reports import GoodsAsRead, GoodsReceived
from ledger.rules.requests import AddPremises, RegisterMerchant, RegisterProduct
from ledger.values.quantity import StatedQuantity, Unit
from scanners.agent import Agent, enroll, learn_home
from scanners.asking import ask
from scanners.identity import Clocks
from suyuan.bench.comparison import bench, comparison
from suyuan.bench.recall import GTIN, Officers
from suyuan.parts.machine import Machine
from suyuan.parts.places import data_root, free_port

# Rounds of so many pages each, ours and the anchor in turn.
ROUNDS = {"tiny": 3, "small": 20, "large": 100, "huge": 200}
PAGES_A_ROUND = 600
LOTS, CONNECTIONS = 2000, 64
SPIKE_S = {"tiny": 3.0, "small": 8.0, "large": 20.0, "huge": 40.0}
GREEN, RED = b'class="verdict good"', b'class="verdict bad"'
TODAY = date(2026, 11, 22)
ANCHOR = "fixed bytes of the same size from the same server"
WAIT_S = 30
FIXED = "/fixed"


def kiosk(size: str) -> dict[str, Any]:
    """Pages a second of one kept page; then 2,000 lots asked for by 64 while one recall is published."""
    root = data_root()
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=root))
    folder.chmod(0o755)
    machine = Machine(folder)
    try:
        machine.start(say=lambda text: None)
        officers = Officers(machine.dsn("suyuan_owner"), machine.intake_url)
        _fill(machine, officers, folder)
        return asyncio.run(_measure(machine, officers, size))
    finally:
        machine.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _fill(machine: Machine, officers: Officers, folder: Path) -> None:
    """Puts one stall and 2,000 lots of one product on record."""
    merchant = MerchantRegistered(merchant="m-001", name="摊位", kind="retailer", district="bench")
    place = PremisesAdded(merchant="m-001", premises="m-001-a", name="一号", market="bench")
    product = ProductRegistered(
        gtin=GTIN, name_zh="鲜牛奶", name_en="Milk", category="dairy", shelf_life_days=15
    )
    asked = [RegisterMerchant(merchant), AddPremises(place), RegisterProduct(product)]
    ask(machine.intake_url, asked, auth=officers.first)
    home = learn_home(machine.intake_url, "127.0.0.1", machine.broker.port)
    tape = enroll(folder / "s.tape", "scanner-1", home, ["m-001"], since=TODAY, auth=officers.first)
    agent = Agent(tape, Clocks())
    for number in range(LOTS):
        goods = GoodsAsRead(gtin=GTIN, lot=f"L{number}", expires=TODAY + timedelta(days=400))
        agent.keep(
            GoodsReceived(
                merchant="m-001", premises="m-001-a", business_date=TODAY, clock=agent.clocks.read(),
                session="00000000-0000-4000-8000-000000000001", goods=goods,
                quantity=StatedQuantity(amount=Decimal(1), unit=Unit.PIECE),
            )
        )  # fmt: skip
    agent.link.start()
    agent.link.wait_drained(WAIT_S * 4)
    agent.link.stop()


def page_of(number: int) -> str:
    """Returns the address of a lot's page."""
    return f"/01/{GTIN}/10/{quote(f'L{number}')}"


class Browser:
    """One connection that asks for page after page, with as little work of its own as can be."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def open(self) -> "Browser":
        """Connects."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def get(self, path: str, more: str = "") -> bytes:
        """Returns a page's body, as it was sent. Raises `ConnectionError` for what is no page."""
        asked = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept-language: en\r\n{more}\r\n"
        self._writer.write(asked.encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise ConnectionError(head[:80].decode())
        size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return await self._reader.readexactly(size)

    def close(self) -> None:
        """Hangs up."""
        self._writer.close()


async def _measure(machine: Machine, officers: Officers, size: str) -> dict[str, Any]:
    port = free_port()
    probe = httpx.get(machine.kiosk_url + page_of(0)[1:], trust_env=False, timeout=WAIT_S)
    server = _serve(machine, port, len(probe.content))
    try:
        await _until_it_answers(port)
        kept = await _kept_page(port, ROUNDS[size])
        spike = await _spike(machine, officers, port, SPIKE_S[size])
    finally:
        server.terminate()
        server.wait(10)
    return bench("kiosk", [*kept]) | {"spike": spike}


def _serve(machine: Machine, port: int, size: int) -> subprocess.Popen[bytes]:
    environment = os.environ | machine.environment() | {"SUYUAN_KIOSK_PORT": str(port)}
    words = [sys.executable, "-m", "suyuan.bench.kiosk_server", FIXED, str(size)]
    return subprocess.Popen(words, env=environment)


async def _until_it_answers(port: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            browser = await Browser(port).open()
            await browser.get(page_of(0))
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.1)
            continue
        # The kiosk has heard where the record stands: from now on it keeps pages.
        await asyncio.sleep(1.5)
        browser.close()
        return
    raise TimeoutError("the kiosk never answered")


async def _kept_page(port: int, rounds: int) -> list[dict[str, Any]]:
    browser = await Browser(port).open()
    # A reader who once chose a language is not answered from what is kept.
    working = "cookie: suyuan-lang=en\r\n"
    ways: dict[str, Callable[[], Awaitable[bytes]]] = {
        "kept": lambda: browser.get(page_of(1)),
        "fixed": lambda: browser.get(FIXED),
        "made": lambda: browser.get(page_of(1), working),
    }
    equal = await ways["kept"]() == await ways["made"]()
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        order = list(ways) if number % 2 else list(reversed(ways))
        for name in order:
            count = PAGES_A_ROUND if name != "made" else PAGES_A_ROUND // 10
            begun = time.perf_counter()
            for _ in range(count):
                await ways[name]()
            rates[name].append(count / (time.perf_counter() - begun))
    browser.close()
    n = rounds * PAGES_A_ROUND
    return [
        comparison("a kept lot page", ours=rates["kept"], anchor=rates["fixed"],
                   anchor_name=ANCHOR, unit="pages/s", equal=equal, n=n),
        comparison("a lot page made anew", ours=rates["made"], anchor=rates["fixed"],
                   anchor_name=ANCHOR, unit="pages/s", equal=equal, n=n // 10),
    ]  # fmt: skip


async def _spike(machine: Machine, officers: Officers, port: int, seconds: float) -> dict[str, Any]:
    """Lets 64 ask for 2,000 lots; a recall of half of them is published in the middle."""
    recalled = set(range(0, LOTS, 2))
    await asyncio.to_thread(officers.prepare, "spike", [f"L{n}" for n in sorted(recalled)])
    published: list[float] = []
    late_green: list[float] = []
    taken: list[float] = []
    red = 0
    ends = time.perf_counter() + seconds

    async def ask_on(first: int) -> None:
        nonlocal red
        browser = await Browser(port).open()
        number = first
        while (begun := time.perf_counter()) < ends:
            body = await browser.get(page_of(number))
            taken.append(time.perf_counter() - begun)
            if number in recalled and published:
                if GREEN in body and begun > published[0]:
                    late_green.append(begun - published[0])
                red += RED in body
            number = (number + CONNECTIONS) % LOTS
        browser.close()

    async def publish() -> None:
        await asyncio.sleep(seconds / 2)
        await asyncio.to_thread(officers.publish, "spike")
        published.append(time.perf_counter())

    await asyncio.gather(publish(), *(ask_on(n) for n in range(CONNECTIONS)))
    return {
        "lots": LOTS, "connections": CONNECTIONS, "pages": len(taken),
        "pages_a_second": round(len(taken) / seconds), "red_pages": red,
        "p50_ms": round(float(np.percentile(taken, 50)) * 1000, 1),
        "p99_ms": round(float(np.percentile(taken, 99)) * 1000, 1),
        "green_asked_for_after_publication": len(late_green),
        "last_green_s": round(max(late_green, default=0.0), 3),
    }  # fmt: skip
