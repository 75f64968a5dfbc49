"""What journeys share: a browser for each file, and one market for those that only trade in it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.support.databases import running_machine
from tests.support.faces import FLAGS, context_of
from tests.support.market import Market, Station


@pytest.fixture(scope="session")
def market() -> Iterator[Market]:
    with running_machine("market-") as machine:
        yield Market(machine)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def joined(market: Market, browser: Browser) -> Iterator[Station]:
    """The stall's browser, which joins once for all tests of a file that make it afresh."""
    made = Station(market, context_of(browser)).join()
    yield made
    made.context.close()
