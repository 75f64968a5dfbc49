"""Labels in sheets: what a browser draws, any scanner reads back as it was meant."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page

from scanners.gs1 import understand
from tests.support.faces import context_of, said_by, until, violations
from tests.support.market import EAN, Market

pytestmark = pytest.mark.browser


@pytest.fixture
def page(market: Market, browser: Browser) -> Iterator[Page]:
    # As fine as an office printer: 384 dots an inch.
    context = context_of(browser, device_scale_factor=4)
    made = context.new_page()
    said = said_by(made)
    made.goto(f"{market.url}/station/labels")
    yield made
    assert [text for text in said if "ERR_INTERNET_DISCONNECTED" not in text] == []
    context.close()


def drawn(page: Page, kind: str, *, sheet: str = "a4-24", count: int = 5) -> None:
    page.select_option("#kind", kind)
    page.select_option("#sheet", sheet)
    page.fill("#count", str(count))
    page.click("#label-form button")
    assert until(lambda: "回读无误" in page.inner_text("#label-said")), page.inner_text(
        "#label-said"
    )


@pytest.mark.parametrize("kind", ["qr", "gs1-128", "datamatrix"])
def test_a_label_is_read_back_by_a_scanner_as_it_was_meant(page: Page, kind: str) -> None:
    page.fill("#gtin", EAN)
    page.fill("#lot", "A-24/11")
    page.fill("#produced", "2026-11-01")
    page.fill("#expires", "2026-12-15")

    drawn(page, kind, sheet="a4-12")

    assert page.locator(".label").count() == 5
    assert until(lambda: page.input_value("#name") == "商品0")
    picture = page.locator(".label svg").first.screenshot()
    grey = np.asarray(Image.open(io.BytesIO(picture)).convert("L"))
    (read,) = zxingcpp.read_barcodes(grey)
    meaning = understand(read.symbology_identifier, read.bytes)
    assert (meaning.gtin, meaning.lot) == (f"0{EAN}", "A-24/11")
    assert (str(meaning.produced), str(meaning.expires)) == ("2026-11-01", "2026-12-15")


def test_labels_of_goods_that_cannot_be_are_not_drawn(page: Page) -> None:
    for gtin, lot, words in (
        ("6901234567893", "A", "校验"), (EAN, "has blank", "不含空格"), (EAN, "批号", "不含空格"),
    ):  # fmt: skip
        page.fill("#gtin", gtin)
        page.fill("#lot", lot)
        page.click("#label-form button")
        assert until(lambda words=words: words in page.inner_text("#label-said")), (gtin, lot)
        assert page.locator(".label").count() == 0
    page.fill("#lot", "A")
    page.fill("#produced", "2026-12-01")
    page.fill("#expires", "2026-11-01")
    page.click("#label-form button")
    assert until(lambda: "不能早于" in page.inner_text("#label-said"))
    # What is past its end is drawn, for it may be on its way back; and said to be.
    page.fill("#produced", "2020-01-01")
    page.fill("#expires", "2020-02-01")
    page.click("#label-form button")
    assert until(lambda: "2020年2月1日到期" in page.inner_text("#label-said"))
    assert page.locator(".label").count() > 0


def test_bars_too_fine_for_a_printer_are_not_drawn(page: Page) -> None:
    page.fill("#gtin", EAN)
    page.fill("#lot", "A-VERY-LONG-LOT-12")
    page.fill("#expires", "2026-12-15")
    page.select_option("#kind", "gs1-128")
    page.select_option("#sheet", "a4-65")

    page.click("#label-form button")

    assert until(lambda: "DataMatrix" in page.inner_text("#label-said"))
    drawn(page, "datamatrix", sheet="a4-65")


def test_the_sheet_is_printed_without_the_page_around_it_and_on_paper_of_its_size(
    page: Page,
) -> None:
    page.fill("#gtin", EAN)
    drawn(page, "qr", sheet="roll", count=2)

    page.emulate_media(media="print")

    assert not page.is_visible("#label-form")
    assert not page.is_visible("header")
    box = page.locator(".label").first.bounding_box()
    assert box is not None
    # 60 × 40 mm at 96 dots an inch.
    assert (round(box["width"]), round(box["height"])) == (227, 151)
    page.emulate_media(media="screen")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_of_labels_is_accessible(market: Market, page: Page, language: str) -> None:
    page.goto(f"{market.url}/station/labels?lang={language}")
    page.fill("#gtin", EAN)
    page.fill("#count", "3")
    page.click("#label-form button")
    page.wait_for_selector(".label")

    assert violations(page) == []


def test_labels_are_drawn_without_a_connection_once_the_page_was_open(
    market: Market, page: Page
) -> None:
    page.goto(f"{market.url}/station/scan")
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    page.context.set_offline(True)
    page.goto(f"{market.url}/station/labels")
    page.fill("#gtin", EAN)
    page.fill("#name", "鲜牛奶")

    drawn(page, "datamatrix", sheet="a4-65")

    page.context.set_offline(False)
