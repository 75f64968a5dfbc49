"""A wholesaler sells from a browser: how many, and the voucher whose one scan is the buyer's delivery."""

import io
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser

from ledger.values.quantity import Unit
from scanners.vouchers import Voucher, VoucherCodes, VoucherLine, codes_of
from tests.support.faces import SIZES, context_of, until, violations
from tests.support.market import EAN, GOODS, OTHER, SCAN, TODAY, Market, Station

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def wholesaler(market: Market, browser: Browser) -> Iterator[Station]:
    made = Station(market, context_of(browser)).join("seller-1")
    yield made
    made.context.close()


@pytest.fixture
def seller(wholesaler: Station) -> Iterator[Station]:
    made = wholesaler.afresh()
    made.page.click("#mode-sell")
    yield made
    assert [text for text in made.said if "ERR_INTERNET_DISCONNECTED" not in text] == []


def sells_to(station: Station, buyer: str) -> str:
    """Chooses the buyer; returns the number that the sale got."""
    station.page.fill("#with", buyer)
    station.page.press("#with", "Tab")
    assert until(lambda: buyer in station.page.inner_text("#stands"))
    number = station.page.input_value("#delivery")
    assert number
    return number


def codes_shown(station: Station) -> list[str]:
    found: list[str] = station.page.eval_on_selector_all(
        "#voucher-codes figure", "all => all.map((one) => one.dataset.code)"
    )
    return found


def test_a_sale_to_a_stall_is_its_delivery_by_one_scan_of_the_vouchers_code(
    market: Market, seller: Station, joined: Station
) -> None:
    number = sells_to(seller, "张记奶品")
    seller.scan(f"https://x.example/01/0{EAN}/10/B7?17=270401", "多少")
    seller.keys.by_hand("12")
    assert until(lambda: seller.page.input_value("#how-many") == "12")
    # The next scan keeps the one before as it stands.
    seller.scan(f"https://x.example/01/0{OTHER}/10/Y1", "多少")
    seller.page.click("#more")
    seller.page.click("#confirm")
    assert seller.sees("已保存")
    seller.scan(f"https://x.example/01/0{OTHER}/10/WRONG", "多少")
    seller.keys.by_hand("5")
    seller.page.keyboard.press("Enter")
    assert seller.sees("已保存")
    seller.page.click("#lines li:first-child button[aria-label^='撤销']")
    assert seller.sees("已撤销")

    seller.page.click("#voucher")

    seller.page.wait_for_selector("#voucher-sheet[open] svg")
    (code,) = codes_shown(seller)
    told = VoucherCodes().add(code.removeprefix("SY:V:")).voucher
    assert told is not None
    assert (told.seller, told.premises, told.delivery, told.buyer) == (
        "w-1",
        "w-1-a",
        number,
        "m-1",
    )
    lines = [(line.gtin, line.lot, line.expires, str(line.amount)) for line in told.lines]
    assert lines == [(f"0{EAN}", "B7", date(2027, 4, 1), "12"), (f"0{OTHER}", "Y1", None, "2")]
    # What is drawn is that code, as a camera before the screen reads it.
    picture = seller.page.locator("#voucher-codes svg").screenshot()
    read = zxingcpp.read_barcodes(np.asarray(Image.open(io.BytesIO(picture)).convert("L")))
    assert [one.text for one in read] == [code]
    assert violations(seller.page) == []
    seller.page.click("#voucher-close")
    stall = joined.afresh()
    stall.scan(code, "已收 2 行")
    assert until(lambda: stall.waiting() == 0)
    assert market.came(lot="L:Y1", partner="w-1", amount=2000)


def test_a_long_sale_is_several_codes_also_without_a_connection(
    market: Market, browser: Browser, seller: Station
) -> None:
    sells_to(seller, "李记杂货")
    seller.context.set_offline(True)
    for n, code in enumerate(GOODS * 2):
        seller.scan(
            f"https://x.example/01/{code}/10/L{n}X{n * 7919}?17=27{n % 12 + 1:02}15", "多少"
        )
    seller.page.click("#voucher")
    seller.page.wait_for_selector("#voucher-sheet[open] svg")

    codes = codes_shown(seller)

    assert len(codes) > 1
    gathered = VoucherCodes()
    for code in codes:
        whole = gathered.add(code.removeprefix("SY:V:")).voucher
    assert whole is not None
    assert [line.gtin for line in whole.lines] == [code.zfill(14) for code in GOODS * 2]
    seller.context.set_offline(False)


def test_a_number_of_our_own_making_is_of_the_day_that_is_sold_on(seller: Station) -> None:
    number = sells_to(seller, "李记杂货")
    before = TODAY - timedelta(days=2)
    seller.page.fill("#day", str(before))

    seller.scan(f"https://x.example/01/0{EAN}/10/D1", "多少")

    made = seller.page.input_value("#delivery")
    assert (number[:7], made[:7]) == (f"{TODAY:%y%m%d}-", f"{before:%y%m%d}-")
    # One that somebody typed stays.
    seller.page.fill("#delivery", "SH-OWN")
    seller.page.press("#delivery", "Tab")
    seller.page.fill("#day", str(TODAY))
    seller.scan(f"https://x.example/01/0{EAN}/10/D2", "多少")
    assert until(lambda: "D2" in seller.verdict())
    assert until(lambda: seller.page.input_value("#delivery") == "SH-OWN")


def test_a_buyer_whom_nobody_knows_is_mended_where_it_was_typed_and_named_nowhere(
    seller: Station,
) -> None:
    sells_to(seller, "李记杂货")
    seller.page.fill("#with", "张记奶口")
    seller.page.press("#with", "Tab")
    assert seller.sees("登记簿中没有商户“张记奶口”")

    assert seller.page.input_value("#with") == "张记奶口"
    assert "李记" not in seller.page.inner_text("#stands")
    sells_to(seller, "张记奶品")


def test_the_last_line_of_a_sale_stays_with_its_buyer_when_the_next_one_comes(
    market: Market, seller: Station
) -> None:
    sells_to(seller, "李记杂货")
    seller.scan(f"https://x.example/01/0{EAN}/10/LAST", "多少")

    sells_to(seller, "张记奶品")

    assert until(lambda: seller.waiting() == 0)
    assert market.came("w-1", lot="L:LAST", partner="m-2", amount=1000)


def test_papers_that_came_with_goods_go_on_with_them(seller: Station) -> None:
    paper = "ab" * 32
    lines = (VoucherLine(Unit.PIECE, Decimal(12), gtin=f"0{EAN}", lot="C3"),)
    (code,) = codes_of(Voucher("m-2", "m-2-a", "SH-C", TODAY, lines, (paper,), "w-1"))
    seller.page.click("#mode-receive")
    seller.scan(code, "已收 1 行")
    seller.page.click("#mode-sell")
    sells_to(seller, "李记杂货")
    seller.scan(f"https://x.example/01/0{EAN}/10/C3", "多少")
    seller.scan(f"https://x.example/01/0{OTHER}/10/Y1", "多少")

    seller.page.click("#voucher")
    seller.page.wait_for_selector("#voucher-sheet[open] svg")

    told = VoucherCodes().add(codes_shown(seller)[0].removeprefix("SY:V:")).voucher
    assert told is not None
    assert told.documents == (paper,)


def test_what_is_printed_is_the_voucher_alone(seller: Station) -> None:
    sells_to(seller, "李记杂货")
    seller.scan(f"https://x.example/01/0{EAN}/10/P1", "多少")
    seller.page.click("#voucher")
    seller.page.wait_for_selector("#voucher-sheet[open] svg")

    seller.page.emulate_media(media="print")

    assert not seller.page.is_visible("#station")
    assert not seller.page.is_visible("#voucher-print")
    assert seller.page.is_visible("#voucher-lines li")
    seller.page.emulate_media(media="screen")


def test_a_voucher_fits_every_screen(seller: Station) -> None:
    sells_to(seller, "李记杂货")
    seller.scan(f"https://x.example/01/0{EAN}/10/P1", "多少")
    seller.page.click("#voucher")
    seller.page.wait_for_selector("#voucher-sheet[open] svg")
    for size, (wide, high) in SIZES.items():
        seller.page.set_viewport_size({"width": wide, "height": high})

        box: Any = seller.page.locator("#voucher-codes svg").bounding_box()

        assert box["x"] >= 0, size
        assert box["x"] + box["width"] <= wide, size
        # Large enough to be read across a counter.
        assert box["width"] >= 240, size


def test_nothing_sold_yet_has_no_voucher_and_a_shopper_gets_none(seller: Station) -> None:
    assert not seller.page.is_visible("#voucher")
    number = sells_to(seller, "李记杂货")

    seller.page.click("#voucher")

    assert seller.sees(f"{number} 还没有销售")
    assert seller.page.url.endswith(SCAN)
