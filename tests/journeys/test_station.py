"""The merchant station: a browser joins, scans by wedge and thumb, online and not, and loses nothing."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import zlib
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright

from ledger.events.cases import MerchantRegistered
from ledger.rules.device import RevokeDevice
from ledger.rules.requests import RegisterMerchant, RegisterProduct
from ledger.values.base64url import base64url
from ledger.values.quantity import Unit
from scanners.labels import Label, png
from scanners.vouchers import Voucher, VoucherLine, codes_of
from tests.support.faces import FLAGS, SIZES, Keyboard, context_of, until, violations
from tests.support.make import MILK, registered
from tests.support.market import (
    EAN,
    GOODS,
    OTHER,
    SCAN,
    TODAY,
    Market,
    Station,
    gtin,
    made_on,
)

pytestmark = pytest.mark.browser
# Keeps a paper's picture that is not sent yet, or takes it away.
KEPT_PICTURE = """kept => new Promise(done => { const open = indexedDB.open('suyuan-station'); open.onsuccess = () => {
  const pictures = open.result.transaction('pictures', 'readwrite').objectStore('pictures');
  const asked = kept ? pictures.put({digest: 'x', media: 'image/png', content: new Uint8Array()}) : pictures.clear();
  asked.onsuccess = () => { open.result.close(); done(); }; }; })"""


@pytest.fixture
def station(joined: Station) -> Iterator[Station]:
    made = joined.afresh()
    yield made
    # A service that is too busy to answer says so, and the browser writes that down; the station asks again.
    away = ("ERR_INTERNET_DISCONNECTED", "503 (Service Unavailable)")
    assert [text for text in made.said if not any(word in text for word in away)] == []


def test_a_stallholder_joins_scans_a_plain_code_and_types_its_date(station: Station) -> None:
    before = len(station.market.rows())
    # The year is the one that makes sense: goods were made by today.
    made = TODAY - timedelta(days=20)

    station.scan(EAN, "包装上的日期是")
    station.keys.by_hand(made.strftime("%m%d"))
    assert station.sees("已保存")

    assert until(lambda: len(station.market.rows()) == before + 1)
    row = station.market.rows()[-1]
    assert (row["kind"], row["product"], row["produced"]) == ("goods-received", MILK, made)
    assert until(lambda: station.waiting() == 0)
    assert "已确认" in station.page.inner_text("#lines li:first-child")


def test_a_scan_survives_input_method_capslock_and_a_missing_enter(station: Station) -> None:
    hows: list[dict[str, Any]] = [
        {"end": ""}, {"composing": True}, {"capslock": True}, {"end": "Tab"}
    ]  # fmt: skip
    for number, how in enumerate(hows):
        lot = f"Lot-aB{number}"

        station.scan(f"https://x.example/01/{MILK}/10/{lot}", "已保存", **how)

        assert until(lambda: station.waiting() == 0)
        assert station.market.came(lot=f"L:{lot}"), how


def test_a_scan_with_the_focus_elsewhere_is_a_scan_and_leaves_the_field_as_it_was(
    station: Station,
) -> None:
    station.page.fill("#delivery", "SH-20")

    station.page.focus("#delivery")
    station.scan(EAN, "包装上的日期是")

    assert station.page.input_value("#delivery") == "SH-20"
    station.page.click("#forget")
    assert station.sees("已放弃")


def test_typing_by_hand_in_a_field_is_no_scan(station: Station) -> None:
    station.page.focus("#delivery")
    station.keys.by_hand("2026112901")

    assert station.page.input_value("#delivery") == "2026112901"
    assert "请扫第一个码" in station.verdict()


def test_scans_without_a_connection_are_kept_counted_and_handed_in_later(station: Station) -> None:
    before = len(station.market.rows())
    assert until(lambda: station.page.evaluate("!!navigator.serviceWorker.controller"))
    station.context.set_offline(True)
    for code in (EAN, OTHER, EAN):
        station.dated(code, "1101")
    assert until(lambda: "没有网络" in station.page.inner_text("#state"))
    assert station.waiting() == 3

    # The tab is closed and opened again, all without a connection. A page that is opened anew hears of that late: what
    # it hands in is stopped on its way as well.
    station.context.route("**/intake/**", lambda route: route.abort("internetdisconnected"))
    station.page.close()
    station.open()
    station.go()
    assert until(lambda: station.waiting() == 3)
    station.dated(OTHER, "1102")
    assert until(lambda: station.waiting() == 4)
    assert len(station.market.rows()) == before
    station.context.unroute("**/intake/**")
    station.context.set_offline(False)

    assert until(lambda: station.waiting() == 0, 20)
    assert until(lambda: len(station.market.rows()) == before + 4)


def test_a_scan_whose_date_was_not_yet_typed_is_asked_again_after_the_page_died(
    station: Station,
) -> None:
    station.scan(EAN, "包装上的日期是")
    station.page.close()
    station.open()

    station.go()
    station.page.wait_for_selector("#question:not([hidden])")
    station.keys.by_hand("1103")

    assert station.sees("已保存")


def test_what_was_scanned_is_there_after_the_browser_was_killed(
    market: Market, playwright: Playwright, chromium: str, tmp_path: Path
) -> None:
    def profile() -> BrowserContext:
        return playwright.chromium.launch_persistent_context(
            str(tmp_path / "profile"), executable_path=chromium, args=FLAGS, locale="zh-CN"
        )

    kept = profile()
    station = Station(market, kept).join()
    assert until(lambda: station.page.evaluate("!!navigator.serviceWorker.controller"))
    before = len(market.rows())
    kept.set_offline(True)
    for code in (EAN, OTHER):
        station.dated(code, "1104")

    _kill_browser_of(tmp_path / "profile")
    again = profile()
    back = Station(market, again)
    back.go()

    assert until(lambda: back.waiting() == 0, 20)
    assert until(lambda: len(market.rows()) == before + 2)
    again.close()


def _kill_browser_of(profile: Path) -> None:
    """Ends the browser of this profile, which the test started, as a power cut would."""
    asked = ["pgrep", "-f", "--", f"--user-data-dir={profile}"]
    for pid in subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue


def test_unsent_scans_go_by_file_to_another_station_which_hands_them_in(
    market: Market, browser: Browser, station: Station, tmp_path: Path
) -> None:
    before = len(market.rows())
    station.context.set_offline(True)
    for code in (EAN, OTHER):
        station.dated(code, "1105")
    with station.page.expect_download() as saving:
        station.page.click("#save")
    saving.value.save_as(tmp_path / "unsent.json")
    other = Station(market, context_of(browser)).join()

    other.page.set_input_files("#load", tmp_path / "unsent.json")

    assert other.sees("上交 2 条")
    assert until(lambda: len(market.rows()) == before + 2)
    # What a hand changed on the way is not taken.
    changed = json.loads((tmp_path / "unsent.json").read_text())
    changed["batches"][0]["signature"] = changed["batches"][0]["signature"][::-1]
    (tmp_path / "changed.json").write_text(json.dumps(changed))
    other.page.set_input_files("#load", tmp_path / "changed.json")
    assert other.sees("已上交 0 条")
    # Handed in twice, they count once.
    station.context.set_offline(False)
    assert until(lambda: station.waiting() == 0, 20)
    assert len(market.rows()) == before + 2
    other.context.close()


def test_a_second_tab_does_not_scan_until_it_is_chosen(station: Station) -> None:
    second = station.context.new_page()
    second.goto(station.market.url + SCAN)

    second.wait_for_selector("#elsewhere:not([hidden])")
    second.click("#here")

    second.wait_for_selector("#station:not([hidden])")
    station.page.wait_for_selector("#elsewhere:not([hidden])")
    # Whatever is scanned into the one that was left takes no number of the other's.
    station.keys.scan(EAN)
    assert until(
        lambda: station.page.evaluate("navigator.locks.query().then((all) => all.held.length)") == 1
    )
    Keyboard(second).scan(EAN)
    assert until(lambda: "日期" in second.inner_text("#verdict"))
    Keyboard(second).by_hand("1105")
    assert until(lambda: "已保存" in second.inner_text("#verdict"))


def test_two_merchants_of_one_name_are_told_apart_by_their_number(station: Station) -> None:
    station.market.ask(
        *(RegisterMerchant(MerchantRegistered(merchant=m, name="重名批发", kind="wholesaler", district="d-1"))
          for m in ("w-8", "w-9"))
    )  # fmt: skip
    assert until(station.market.is_followed)

    station.page.fill("#with", "重名批发")
    station.page.keyboard.press("Tab")
    assert station.sees("多家商户")
    assert "重名批发" not in station.page.inner_text("#stands")
    station.page.fill("#with", "w-9")
    station.page.keyboard.press("Tab")

    assert until(lambda: "重名批发" in station.page.inner_text("#stands"))


def test_a_scan_for_nobody_waits_amber_and_is_booked_on_who_is_chosen(
    market: Market, browser: Browser
) -> None:
    shared = Station(market, context_of(browser)).join("chain-1")
    first, second = len(market.rows("m-1")), len(market.rows("m-2"))
    assert until(lambda: shared.page.locator("#places button").count() == 2)

    shared.scan(EAN, "哪个摊位")
    assert shared.colour() == "amber"
    # A second one would take its place: it is told so, and the first one waits on.
    shared.scan(OTHER, "没有收下")
    assert shared.colour() == "red"
    shared.page.click("#places button:has-text('李记杂货')")
    assert shared.sees("包装上的日期是")
    shared.keys.by_hand("1106")

    assert until(lambda: len(market.rows("m-2")) == second + 1)
    assert market.came("m-2", product=MILK, produced=made_on("1106"))
    assert len(market.rows("m-1")) == first
    shared.context.close()


def test_goods_on_hold_turn_the_station_red_and_are_not_sold(station: Station) -> None:
    station.market.hold("h-9", GOODS[29], "H9")
    sold = [row for row in station.market.rows() if row["kind"] == "goods-sold"]
    station.page.click("#mode-sell")
    assert station.refuses(f"https://x.example/01/{GOODS[29]}/10/H9")
    assert station.colour() == "red"
    assert "依据" in station.verdict()
    # A plain code does not say its lot: the hand is asked to look, and what it sees is believed.
    station.keys.scan(GOODS[29][1:])
    assert station.sees("请看标签")
    # Another mode is no answer: goods that may be recalled would be sold unlooked at.
    station.page.click("#mode-count")
    assert station.sees("请看标签")
    assert station.page.get_attribute("#mode-sell", "aria-pressed") == "true"
    station.page.click("#is-not")
    assert station.sees("已保存")
    assert station.colour() == "green"
    station.keys.scan(GOODS[29][1:])
    assert station.sees("请看标签")
    station.page.click("#is-it")
    assert station.sees("停售")
    assert until(lambda: station.waiting() == 0)
    rows = [row for row in station.market.rows() if row["kind"] == "goods-sold"]
    # One that was looked at was sold; of the stopped lot no more than what was scanned before the list came.
    assert [row["lot"] for row in rows[len(sold) :]] in ([""], ["L:H9", ""])


def test_what_was_refused_and_sold_all_the_same_is_recorded_as_that(station: Station) -> None:
    station.market.hold("h-7", GOODS[27], "H7")
    station.page.click("#mode-sell")
    assert station.refuses(f"https://x.example/01/{GOODS[27]}/10/H7")
    assert until(lambda: station.waiting() == 0)
    before = len(station.market.rows())
    station.page.click("#anyway")

    assert station.sees("仍被售出")
    assert station.page.is_hidden("#anyway")
    assert until(lambda: len(station.market.rows()) == before + 1)
    row = station.market.rows()[-1]
    assert (row["kind"], row["lot"]) == ("goods-sold", "L:H7")
    # One that was not refused has nothing to be sold all the same.
    station.scan(f"https://x.example/01/{OTHER}/10/FINE", "已保存")
    assert station.page.is_hidden("#anyway")


def test_what_is_stopped_reaches_an_open_station_before_it_asks_again(
    market: Market, browser: Browser
) -> None:
    context = context_of(browser)
    # It never asks by itself again: only what it hears can make it ask.
    context.add_init_script(
        "const wait = setTimeout; globalThis.setTimeout = (f, ms, ...more) => ms === 10000 ? 0 : wait(f, ms, ...more)"
    )
    station = Station(market, context).join()

    station.page.click("#mode-sell")

    market.hold("h-8", GOODS[28], "H8")

    assert station.refuses(f"https://x.example/01/{GOODS[28]}/10/H8")
    context.close()


def test_a_line_that_was_wrong_is_taken_back_and_both_stay_on_record(station: Station) -> None:
    station.dated(EAN, "1107")
    assert station.market.came(produced=made_on("1107"))
    before = len(station.market.rows())

    station.page.click("#lines li:first-child button[aria-label^='撤销']")

    assert station.sees("已撤销")
    assert until(lambda: len(station.market.rows()) == before - 1)
    assert "已撤销" in station.page.inner_text("#lines li.gone")


def test_two_dates_in_one_case_become_two_lines(station: Station) -> None:
    station.scan(EAN, "包装上的日期是")
    # Of one there are no two: it says what comes first, and stands where that is typed.
    station.page.click("#half")
    assert station.sees("里面一共几件")
    station.keys.by_hand("12")
    station.page.keyboard.press("Enter")
    assert until(lambda: station.page.input_value("#how-many") == "12")
    station.page.click("#half")
    assert until(lambda: station.page.input_value("#how-many") == "6")
    # One after all, and two again.
    station.page.click("#whole")
    assert until(lambda: station.page.input_value("#how-many") == "12")
    station.page.click("#half")
    assert until(lambda: station.page.input_value("#how-many") == "6")
    station.page.click("#state")
    station.keys.by_hand("1108")
    assert station.sees("另外 6 件")
    station.keys.by_hand("1109")
    assert station.sees("已保存")

    assert until(lambda: station.waiting() == 0)
    assert station.market.came(amount=6000, produced=made_on("1109"))
    first = station.market.rows()[-2]
    assert (first["amount"], first["produced"]) == (6000, made_on("1108"))


def test_a_delivery_of_thirty_lines_takes_at_most_four_keys_a_line(station: Station) -> None:
    before = len(station.market.rows())
    random.seed(7)
    keys = 0
    station.page.fill("#with", "城北批发")
    station.page.press("#with", "Tab")
    assert until(lambda: "城北批发" in station.page.inner_text("#stands"))
    for number in range(24):
        made = TODAY - timedelta(days=random.randint(1, 60))
        station.scan(GOODS[number][1:], "日期")
        station.keys.by_hand(made.strftime("%m%d"))
        keys += 4
        assert station.sees("已保存"), (number, station.verdict())
    for number in range(24, 29):
        station.scan(f"https://x.example/01/{GOODS[number]}/10/B{number}?17=270401", "已保存")
    station.scan(GOODS[0][1:], "日期")
    station.page.click("#chips button")
    keys += 1
    assert station.sees("已保存")

    assert until(lambda: station.waiting() == 0)
    assert until(lambda: len(station.market.rows()) == before + 30)
    assert {row["partner"] for row in station.market.rows()[before:]} == {"w-1"}
    assert keys <= 4 * 30


def delivery(number: str, *, buyer: str | None = None, lines: int = 30) -> list[str]:
    """Returns the codes of a wholesaler's voucher."""
    told = tuple(
        VoucherLine(Unit.PIECE, Decimal(12), gtin=GOODS[n % 30].zfill(14), lot=f"V{hashlib.sha256(bytes([n])).hexdigest()[:12]}", expires=TODAY + timedelta(days=90))
        for n in range(lines)
    )  # fmt: skip
    return codes_of(Voucher("w-1", "w-1-a", number, TODAY, told, (), buyer))


def test_a_stallholder_receives_a_delivery_by_voucher_without_a_connection_and_once_only(
    station: Station,
) -> None:
    before = len(station.market.rows())
    codes = delivery("SH-77", lines=70)
    assert len(codes) > 1
    station.context.set_offline(True)

    for code in reversed(codes):
        station.keys.scan(code)
    assert station.sees("已收 70 行"), station.verdict()
    for code in codes:
        station.keys.scan(code)
    assert station.sees("已收过"), station.verdict()
    # A line that was taken back comes again, and it alone.
    station.page.click("#lines li:first-child button[aria-label^='撤销']")
    assert station.sees("已撤销")
    for code in codes:
        station.keys.scan(code)
    assert station.sees("已收 1 行"), station.verdict()
    assert station.waiting() == 72
    station.context.set_offline(False)

    assert until(lambda: station.waiting() == 0, 20)
    assert until(lambda: len(station.market.rows()) == before + 70)
    new = station.market.rows()[before:]
    assert {(row["partner"], row["amount"]) for row in new} == {("w-1", 12000)}


NOT_HERE = [
    (delivery("SH-1", buyer="m-9", lines=2), "是开给 m-9 的"),
    ([delivery("SH-2", lines=2)[0][:-4] + "AAAA"], "不属于同一张凭证"),
    (["SY:V:0123abcd:1/1:AAAA"], "不属于同一张凭证"),
    (["SY:V:nonsense"], "不是凭证码"),
]


def test_a_date_left_open_by_the_next_scan_is_added_later_and_both_stay_on_record(
    station: Station,
) -> None:
    page, line = station.page, station.page.locator("#lines li")
    before = len(station.market.rows())
    lacking = line.locator(".lacks").count()
    station.scan(EAN, "包装上的日期是")
    station.scan(OTHER, "包装上的日期是")
    station.keys.by_hand("1104")
    assert station.sees("已保存")
    assert line.locator(".lacks").count() == lacking + 1

    line.nth(1).get_by_text("补日期").click()
    assert station.sees("包装上的日期是")
    # A scan meanwhile leaves the line as it was, and is a line of its own.
    station.dated(OTHER, "1105")
    line.nth(2).get_by_text("补日期").click()
    page.fill("#how-many", "4")
    page.press("#how-many", "Enter")
    station.keys.by_hand("1106")

    assert station.sees("已保存")
    assert until(lambda: line.locator(".lacks").count() == lacking)
    assert "4 件" in line.nth(2).inner_text()
    assert until(lambda: station.waiting() == 0)
    assert until(station.market.is_followed)
    told = [(row["produced"], row["amount"]) for row in station.market.rows()[before:]]
    wanted = [("1104", 1000), ("1105", 1000), ("1106", 4000)]
    assert sorted(told) == [(made_on(digits), amount) for digits, amount in wanted]
    assert until(lambda: "✓" in line.nth(2).inner_text())
    line.nth(2).get_by_text("撤销").click()
    assert station.sees("已撤销")
    assert "商品0" in station.verdict()


def test_a_line_taken_back_while_its_date_is_asked_does_not_come_back(station: Station) -> None:
    line = station.page.locator("#lines li").first
    before = len(station.market.rows())
    station.scan(EAN, "包装上的日期是")
    station.page.click("#skip")
    assert station.sees("已保存")
    line.get_by_text("补日期").click()
    assert station.sees("包装上的日期是")

    line.get_by_text("撤销").click()
    assert station.sees("已撤销")
    station.keys.by_hand("1105")

    assert until(lambda: station.waiting() == 0)
    assert until(station.market.is_followed)
    assert len(station.market.rows()) == before
    assert "gone" in (line.get_attribute("class") or "")


def test_a_page_that_needs_the_ledger_says_so_without_a_connection_and_leads_to_scanning(
    station: Station,
) -> None:
    assert until(lambda: station.page.evaluate("!!navigator.serviceWorker.controller"))
    station.context.set_offline(True)

    station.page.click("nav a[href='/station']")
    assert until(lambda: "没有网络" in station.page.inner_text("h1"))
    station.page.click("main a[href='/station/scan']")

    station.page.wait_for_selector("#station:not([hidden])")
    station.context.set_offline(False)


def test_on_a_telephone_a_question_has_the_room_that_the_settings_took(
    market: Market, browser: Browser
) -> None:
    width, height = SIZES["phone"]
    context = context_of(browser, viewport={"width": width, "height": height})
    station = Station(market, context).join()
    if station.page.get_attribute("#standing", "open") is None:
        station.page.click("#stands")

    station.scan(EAN, "包装上的日期是")

    assert until(lambda: station.page.get_attribute("#standing", "open") is None)
    station.page.click("#forget")
    assert station.sees("已放弃")
    # Nothing of it lies beside the screen, the buttons of files at its end included.
    assert station.page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_a_voucher_of_another_or_a_broken_one_is_not_received(station: Station) -> None:
    for codes, words in NOT_HERE:
        for code in codes:
            station.keys.scan(code)

        assert station.sees(words), station.verdict()
        station.scan(EAN, "包装上的日期是")
        station.page.click("#forget")

    assert station.waiting() == 0


def test_a_voucher_made_anew_with_less_says_what_came_before(station: Station) -> None:
    station.scan(delivery("SH-79", lines=3)[0], "已收 3 行")

    station.scan(delivery("SH-79", lines=2)[0], "少了此前已收的 1 行")

    assert station.colour() == "amber"
    assert until(lambda: station.waiting() == 0)


def test_a_certificate_is_photographed_once_and_comes_along_with_each_delivery(
    station: Station, tmp_path: Path
) -> None:
    picture = tmp_path / "paper.png"
    picture.write_bytes(png(Label("qr", MILK, hashlib.sha256(os.urandom(8)).hexdigest()[:9])))
    digest = hashlib.sha256(picture.read_bytes()).hexdigest()
    station.page.fill("#with", "城北批发")
    station.page.press("#with", "Tab")
    assert until(lambda: "城北批发" in station.page.inner_text("#stands"))
    # Nothing is tried again by the clock: only a connection that is back can send it on.
    station.page.evaluate(
        "() => { const wait = setTimeout;"
        " globalThis.setTimeout = (f, ms, ...more) => (ms === 20000 ? 0 : wait(f, ms, ...more)); }"
    )
    station.context.set_offline(True)
    station.page.click("#papers summary")
    station.page.set_input_files("#paper-picture", picture)
    station.page.fill("#paper-number", "JY-1")
    station.page.fill("#paper-issuer", "城北动检")
    station.page.fill("#paper-from", str(TODAY - timedelta(days=3)))
    station.page.fill("#paper-until", str(TODAY + timedelta(days=30)))
    station.page.click("#paper-form button")
    assert station.sees("已入账")

    station.dated(EAN, "1111")
    station.context.set_offline(False)

    assert until(lambda: station.waiting() == 0, 20)
    with psycopg.connect(station.market.machine.dsn("suyuan_owner")) as connection:

        def kept() -> bool:
            asked = "SELECT 1 FROM ledger.documents WHERE digest = %s"
            return connection.execute(asked, [digest]).fetchone() is not None

        # Its picture follows when there is a connection again.
        assert until(kept, 40)
        asked = "SELECT convert_from(state, 'UTF8') FROM ledger.events ORDER BY notification_id DESC LIMIT 1"
        (last,) = connection.execute(asked).fetchone() or ("",)
    assert json.loads(last)["documents"] == [digest]


def test_papers_that_a_purchase_lacks_are_filed_from_where_that_is_said_and_the_alert_ends(
    station: Station, tmp_path: Path
) -> None:
    pork = gtin(41)
    station.market.ask(RegisterProduct(registered(pork, name_zh="猪前腿", category="pork")))
    station.page.fill("#with", "城北批发")
    station.page.press("#with", "Tab")
    assert until(lambda: "城北批发" in station.page.inner_text("#stands"))
    station.scan(f"https://x.example/01/{pork}/10/P9", "已保存")
    assert station.market.came(product=pork, lot="L:P9")
    lacking = "SELECT count(*) FROM trade.alerts WHERE product = %s AND closed_at IS NULL"

    def open_alerts() -> int:
        with psycopg.connect(station.market.machine.dsn("suyuan_owner")) as connection:
            return int(connection.execute(lacking, [pork]).fetchone()[0])  # type: ignore[index]

    assert until(lambda: open_alerts() > 0)
    station.page.goto(f"{station.market.url}/station?lang=zh")
    link = station.page.locator("a[href*='#papers']:has-text('归档')").first.get_attribute("href")
    assert f"gtin={pork}" in str(link)
    assert "lot=P9" in str(link)
    station.page.goto(station.market.url + str(link))
    station.page.wait_for_selector("#paper-form:visible")
    for kind in ("quarantine", "meat-inspection"):
        picture = tmp_path / f"{kind}.png"
        picture.write_bytes(png(Label("qr", MILK, hashlib.sha256(os.urandom(8)).hexdigest()[:9])))
        station.page.set_input_files("#paper-picture", picture)
        station.page.select_option("#paper-kind", kind)
        station.page.fill("#paper-number", f"ZB-{kind}")
        station.page.fill("#paper-issuer", "城北动检")
        station.page.fill("#paper-from", str(TODAY - timedelta(days=1)))
        station.page.fill("#paper-gtins", pork)
        station.page.fill("#paper-lots", "P9")
        station.page.click("#paper-form button")
        assert until(lambda: "已入账" in station.page.inner_text("#paper-said"))
        station.page.evaluate("document.getElementById('paper-said').textContent = ''")
    assert until(lambda: open_alerts() == 0, 20)
    # A paper of certain goods is their voucher in the ledger, too; one of the supplier alone would end the alert only.
    station.page.goto(f"{station.market.url}/station/ledgers?name=produce")
    assert "ZB-quarantine" in station.page.inner_text("main tbody tr:has-text('猪前腿')")


def test_a_date_typed_into_the_box_of_how_many_is_noticed(station: Station) -> None:
    station.scan(EAN, "包装上的日期是")
    station.page.fill("#how-many", "1211281128")
    station.page.press("#how-many", "Enter")

    assert station.sees("数量应为 1 到 99999")
    station.page.fill("#how-many", "12")
    station.page.press("#how-many", "Enter")
    station.keys.by_hand("1112")
    assert station.sees("已保存")
    assert station.market.came(amount=12000)

    # What came last time is offered, and never booked unasked.
    station.scan(EAN, "包装上的日期是")
    assert station.page.input_value("#how-many") == "1"
    station.page.click("#usual")
    assert until(lambda: station.page.input_value("#how-many") == "12")
    station.page.click("#forget")


def test_a_supplier_does_not_become_the_buyer_when_the_mode_is_turned(station: Station) -> None:
    station.page.fill("#with", "城北 批发")
    station.page.press("#with", "Tab")
    assert until(lambda: "城北批发" in station.page.inner_text("#stands"))

    station.page.click("#mode-sell")

    assert until(lambda: "城北批发" not in station.page.inner_text("#stands"))
    station.scan(f"https://x.example/01/{MILK}/10/T9", "已保存")
    assert until(lambda: station.waiting() == 0)
    assert station.market.came(lot="L:T9", partner=None)


def test_whoever_turns_the_mode_while_a_date_is_asked_is_asked_what_was_meant(
    station: Station,
) -> None:
    before = len(station.market.rows())
    station.scan(EAN, "包装上的日期是")
    station.page.click("#mode-sell")
    assert station.sees("刚才扫的那件")
    assert len(station.market.rows()) == before
    # Back again: the question is the one of before.
    station.page.click("#mode-receive")
    assert station.sees("包装上的日期是")
    station.page.click("#mode-sell")
    assert station.sees("刚才扫的那件")
    station.page.click("#turn-no")
    assert station.sees("已保存（进货）")
    assert until(lambda: len(station.market.rows()) == before + 1)
    assert station.market.rows()[-1]["kind"] == "goods-received"

    station.page.click("#mode-receive")
    station.scan(EAN, "包装上的日期是")
    station.page.click("#mode-sell")
    station.page.click("#turn-yes")
    assert station.sees("已保存")
    assert until(lambda: len(station.market.rows()) == before + 2)
    assert station.market.rows()[-1]["kind"] == "goods-sold"


def test_a_scan_that_waits_while_the_mode_is_turned_is_kept_as_it_was_scanned_by_the_next(
    station: Station,
) -> None:
    station.scan(EAN, "包装上的日期是")
    station.page.click("#mode-sell")
    assert station.sees("刚才扫的那件")
    station.scan(f"https://x.example/01/{MILK}/10/N1", "已保存")
    assert station.market.came(lot="L:N1")
    kinds = [(row["kind"], row["lot"]) for row in station.market.rows()[-2:]]
    assert kinds == [("goods-received", ""), ("goods-sold", "L:N1")]


def test_a_sale_whose_mode_was_turned_by_mistake_and_back_keeps_its_buyer(station: Station) -> None:
    station.page.click("#mode-sell")
    station.page.fill("#with", "城北批发")
    station.page.press("#with", "Tab")
    assert until(lambda: "城北批发" in station.page.inner_text("#stands"))
    station.scan(f"https://x.example/01/{MILK}/10/N7", "多少")
    station.page.click("#mode-receive")
    assert station.sees("刚才扫的那件")
    station.page.click("#mode-sell")
    assert station.sees("多少")
    station.page.click("#confirm")
    assert station.market.came(lot="L:N7", kind="goods-sold", partner="w-1")


def test_how_many_of_the_next_is_forgotten_where_another_mode_is_chosen(station: Station) -> None:
    station.page.fill("#typed", "12")
    station.page.press("#typed", "Enter")
    assert station.sees("数量 12")
    station.page.click("#mode-sell")
    station.scan(f"https://x.example/01/{MILK}/10/N8", "已保存")
    assert station.market.came(lot="L:N8", amount=1000)


def test_a_number_that_stood_in_the_box_of_codes_is_how_many_of_what_is_scanned(
    station: Station,
) -> None:
    station.page.click("#mode-sell")
    station.page.fill("#typed", "3")
    station.scan(f"https://x.example/01/{MILK}/10/N9", "已保存")
    assert station.market.came(lot="L:N9", amount=3000)
    assert until(lambda: station.page.input_value("#typed") == "")


def test_a_short_number_in_the_box_of_codes_is_how_many_of_the_next_scan(station: Station) -> None:
    station.page.click("#mode-sell")
    station.page.fill("#typed", "12")
    station.page.press("#typed", "Enter")
    assert station.sees("数量 12")
    station.scan(f"https://x.example/01/{MILK}/10/N2", "已保存")
    assert station.market.came(lot="L:N2", amount=12_000)
    # Of that one alone.
    station.scan(f"https://x.example/01/{MILK}/10/N3", "已保存")
    assert station.market.came(lot="L:N3", amount=1000)


def test_a_date_in_the_box_of_codes_is_the_date_that_is_asked_for(station: Station) -> None:
    station.scan(EAN, "包装上的日期是")
    station.page.fill("#typed", "1105")
    station.page.press("#typed", "Enter")
    assert station.sees("已保存")
    assert station.market.came(produced=made_on("1105"))


def test_a_case_of_two_dates_is_asked_as_the_packs_it_holds(station: Station) -> None:
    single = GOODS[26]
    body = f"1{single[1:-1]}"
    case = body + str(-sum(int(d) * (3 if n % 2 == 0 else 1) for n, d in enumerate(body)) % 10)
    station.market.ask(RegisterProduct(registered(case, base=single, contains=12)))
    assert until(station.market.is_followed)
    station.scan(case, "包装上的日期是")
    assert station.sees("1 箱 × 12")
    station.page.click("#half")
    assert until(lambda: station.page.input_value("#how-many") == "6")
    station.page.fill("#how-many", "8")
    station.page.press("#how-many", "Enter")
    station.page.click("#state")
    station.keys.by_hand("1108")
    assert station.sees("另外 4 件")
    station.keys.by_hand("1109")
    assert station.market.came(amount=4000, produced=made_on("1109"), product=single)
    first = station.market.rows()[-2]
    assert (first["amount"], first["produced"], first["product"]) == (8000, made_on("1108"), single)


WORKER = """async code => {
    const make = new Function("self", "caches", "fetch", "told", code + "; return freshOrKept;");
    const opened = async (answer) => {
        const caches = { match: async () => new Response("kept") };
        const open = make({ addEventListener() {} }, caches, answer, { kept: [], version: 1 });
        return (await open(new Request("http://x.example/station/scan"))).text();
    };
    return [
        await opened(async () => new Response("fresh")), await opened(async () => new Response("away", { status: 503 })),
        await opened(async () => { throw new TypeError("offline"); }), await opened(() => new Promise(() => {})),
    ];
}"""


def test_the_scan_page_opens_also_where_a_proxy_says_that_the_ledger_is_away(
    browser: Browser,
) -> None:
    page = context_of(browser).new_page()
    code = Path("kiosk_ui/assets/station/worker.js").read_text()

    assert page.evaluate(WORKER, code) == ["fresh", "kept", "kept", "kept"]
    page.context.close()


def test_nothing_left_is_a_count(station: Station) -> None:
    station.page.click("#mode-count")
    station.scan(f"https://x.example/01/{MILK}/10/Z1", "已保存")
    station.scan(EAN, "包装上的日期是")
    station.page.fill("#how-many", "0")
    station.page.press("#how-many", "Enter")
    assert until(lambda: station.page.input_value("#how-many") == "0")
    station.page.click("#state")
    station.keys.by_hand("1102")
    assert station.sees("已保存")
    assert station.market.came(kind="stock-counted", amount=0)
    # Also of a line that was kept, by the keys of the pad.
    station.page.click("#lines li:has-text('Z1') button[aria-label^='改第']")
    assert station.sees("多少")
    station.keys.by_hand("0")
    station.page.click("#confirm")
    assert until(
        lambda: any((row["lot"], row["amount"]) == ("L:Z1", 0) for row in station.market.rows())
    )


def test_a_delivery_notes_own_code_fills_in_the_field_of_its_number(station: Station) -> None:
    station.page.focus("#delivery")
    station.keys.scan("SH-20261201-07")
    assert until(lambda: station.page.input_value("#delivery") == "SH-20261201-07")
    station.scan(f"https://x.example/01/{MILK}/10/N5", "已保存")
    assert station.market.came(lot="L:N5", delivery="SH-20261201-07")


def test_digits_typed_while_nothing_is_asked_are_how_many_of_the_next(station: Station) -> None:
    station.page.click("#mode-sell")
    station.page.click("#state")
    station.keys.by_hand("7")
    station.page.keyboard.press("Enter")
    assert station.sees("数量 7")
    station.scan(f"https://x.example/01/{MILK}/10/N6", "已保存")
    assert station.market.came(lot="L:N6", amount=7000)
    before = len(station.market.rows())
    # Five they were, and the line says so.
    station.page.click("#lines li:first-child button[aria-label^='改第']")
    assert station.sees("多少")
    station.keys.by_hand("5")
    station.page.click("#confirm")
    assert station.sees("已保存")
    assert station.market.came(kind="goods-sold", lot="L:N6", amount=5000)
    assert len(station.market.rows()) == before


def test_a_date_that_was_typed_wrongly_is_changed_and_both_stay_on_record(station: Station) -> None:
    station.dated(EAN, "1106")
    assert station.market.came(produced=made_on("1106"))
    before = len(station.market.rows())
    station.page.click("#lines li:first-child button[aria-label^='改第']")
    assert station.sees("包装上的日期是")
    station.keys.by_hand("1104")
    assert station.sees("已保存")
    assert station.market.came(produced=made_on("1104"))
    assert until(lambda: station.waiting() == 0)
    assert len(station.market.rows()) == before
    # Once more, of the same line.
    station.page.click("#lines li:first-child button[aria-label^='改第']")
    station.keys.by_hand("1103")
    assert station.market.came(produced=made_on("1103"))
    assert len(station.market.rows()) == before


def test_a_lot_number_is_said_beside_the_date_and_added_to_a_line_that_was_kept(
    station: Station,
) -> None:
    page = station.page
    station.scan(EAN, "包装上的日期是")
    page.fill("#lot", "B-77")
    page.press("#lot", "Enter")
    assert station.sees("批号 B-77"), station.verdict()
    station.keys.by_hand("1106")
    assert station.sees("已保存")
    assert station.sees("批号 B-77"), station.verdict()
    assert station.market.came(lot="L:B-77", produced=made_on("1106"))

    # It was another one: the date and the number stay.
    page.click("#lines li:first-child button[aria-label^='改第']")
    assert station.sees("包装上的日期是")
    assert page.input_value("#lot") == "B-77"
    page.fill("#lot", "B-78")
    page.press("#lot", "Enter")
    assert station.market.came(lot="L:B-78", produced=made_on("1106"), amount=1000)

    # Also of one without a date, and of what was sold.
    station.scan(EAN, "包装上的日期是")
    page.click("#skip")
    page.get_by_text("补日期或批号").first.click()
    page.fill("#lot", "B-79")
    page.press("#lot", "Enter")
    page.click("#keep-lot")
    assert station.market.came(lot="L:B-79", produced=None)
    page.click("#mode-sell")
    station.scan(EAN, "已保存")
    page.click("#lines li:first-child button[aria-label^='改第']")
    page.fill("#lot", "B-78")
    page.click("#keep-lot")
    assert station.market.came(kind="goods-sold", lot="L:B-78")


def test_a_lot_that_was_typed_is_kept_though_the_next_scan_came_before_it_was_said(
    station: Station,
) -> None:
    """A stallholder typed the number, saw it above, and scanned on: it was gone without a word."""
    page = station.page
    station.dated(EAN, "1106")
    page.click("#lines li:first-child button[aria-label^='改第']")
    page.fill("#lot", "C-1")
    assert page.is_visible("#keep-lot")
    page.focus("#typed")
    station.dated(OTHER, "1104")
    rows = station.market.rows
    assert until(lambda: any(row["lot"] == "L:C-1" for row in rows()))
    # A line that has a lot and no date still gets its date.
    station.scan(EAN, "包装上的日期是")
    page.fill("#lot", "C-2")
    page.press("#lot", "Enter")
    assert station.sees("批号 C-2")
    page.click("#skip")
    page.click("#lines li:first-child button[aria-label^='改第']")
    assert station.sees("更正这一行")
    station.keys.by_hand("1103")
    assert station.sees("已保存更正")
    assert until(
        lambda: any((row["lot"], row["produced"]) == ("L:C-2", made_on("1103")) for row in rows())
    )


def test_a_scanner_that_leaves_out_what_kind_of_code_it_read_is_told_of(station: Station) -> None:
    station.keys.scan(f"01{MILK}1726123010ABC7")
    assert station.sees("AIM")
    station.scan(f"]d201{MILK}1726123010ABC7", "已保存")


def test_a_date_that_is_tapped_twice_is_one_answer_and_no_error(station: Station) -> None:
    station.dated(EAN, "1106")
    station.scan(EAN, "包装上的日期是")
    station.page.dblclick("#chips button >> nth=0")
    assert station.sees("已保存"), station.verdict()
    assert station.colour() in ("green", "amber")


def test_a_number_typed_before_its_supplier_is_the_suppliers(station: Station) -> None:
    page = station.page
    page.fill("#delivery", "S-1202")
    page.press("#delivery", "Enter")
    page.fill("#with", "城北批发")
    page.press("#with", "Tab")
    assert until(lambda: "城北批发" in page.inner_text("#stands"))
    assert page.input_value("#delivery") == "S-1202"
    station.scan(f"https://x.example/01/{MILK}/10/N7", "已保存")
    assert station.market.came(lot="L:N7", delivery="S-1202", partner="w-1")
    # Of another one it is not.
    page.fill("#with", "")
    page.press("#with", "Tab")
    assert until(lambda: page.input_value("#delivery") == "")
    page.fill("#typed", "12345")
    page.press("#typed", "Enter")
    assert station.sees("数量应为 1 到 9999")


def test_a_lot_scanned_into_its_field_is_the_lot_and_a_date_tapped_after_it_counts(
    station: Station,
) -> None:
    station.dated(EAN, "1106")
    station.scan(EAN, "包装上的日期是")
    station.page.focus("#lot")
    station.keys.scan("LOT-2026-9")
    assert until(lambda: station.page.input_value("#lot") == "LOT-2026-9")
    # A finger rests on what it taps, while the page says what it has just heard.
    station.page.fill("#lot", "LOT-2026-8")
    station.page.click("#chips button", delay=300)
    rows = station.market.rows
    assert until(lambda: any(row["lot"] == "L:LOT-2026-8" for row in rows()))
    assert next(row for row in rows() if row["lot"] == "L:LOT-2026-8")["produced"] == made_on(
        "1106"
    )


def test_whether_it_was_the_stopped_one_is_answered_after_the_next_scan_as_well(
    station: Station,
) -> None:
    page, goods = station.page, GOODS[25]
    station.market.hold("h-25", goods, "H25")
    assert station.refuses(f"https://x.example/01/{goods}/10/H25")
    page.click("#mode-sell")
    for _ in range(2):
        station.scan(goods[1:], "请看标签")
        station.scan(EAN, "没有人核对标签")
    open_ones = page.locator("#lines .lacks", has_text="核对")
    assert open_ones.count() == 2

    page.get_by_text("现在看标签").first.click()
    assert station.sees("请看标签")
    station.keys.by_hand("2")
    assert station.sees("不是停售的")
    assert until(lambda: open_ones.count() == 1)
    page.get_by_text("现在看标签").first.click()
    assert station.sees("请看标签")
    page.click("#is-it")
    assert station.sees("撤销这一行")
    assert station.colour() == "red"
    assert until(lambda: open_ones.count() == 0)
    # That answer was for another sale: of the next one nobody has looked yet.
    station.scan(goods[1:], "请看标签")
    station.scan(EAN, "没有人核对标签")
    assert until(lambda: open_ones.count() == 1)
    page.get_by_text("现在看标签").first.click()
    page.click("#is-not")
    assert until(lambda: open_ones.count() == 0)
    # Also where the page begins anew.
    station.go()
    assert until(lambda: page.locator("#lines li").count() > 3)
    assert open_ones.count() == 0


def test_a_line_that_names_no_supplier_is_told_of_one_by_the_ledgers_own_link(
    station: Station,
) -> None:
    station.scan(f"https://x.example/01/{MILK}/10/N4", "已保存")
    assert station.market.came(lot="L:N4", partner=None)
    # What came last stands first.
    station.page.goto(station.market.url + "/station/ledgers")
    row = station.page.locator("main tbody tr:has-text('N4')").first
    link = row.locator("a[href*='lacks=party']").first.get_attribute("href")
    station.page.goto(station.market.url + SCAN)
    station.page.click("#mode-sell")
    assert until(lambda: "销售" in station.page.inner_text("#stands"))
    station.page.goto(station.market.url + "/recalls")
    station.page.goto(station.market.url + str(link))
    assert station.sees("从谁那里进的")
    station.page.fill("#with", "城北批发")
    station.page.press("#with", "Tab")
    assert until(lambda: "城北批发" in station.page.inner_text("#confirm"))
    station.page.click("#confirm")
    assert station.sees("对方是城北批发")
    assert station.market.came(lot="L:N4", partner="w-1")
    # The next scan is what it was before.
    assert until(lambda: station.page.get_attribute("#mode-sell", "aria-pressed") == "true")


def test_an_open_question_outlives_a_change_and_the_same_pack_again_is_one_more(
    station: Station,
) -> None:
    station.scan(EAN, "包装上的日期是")
    station.keys.scan(EAN)
    assert until(lambda: station.page.input_value("#how-many") == "2")
    station.page.fill("#with", "城北批发")
    station.page.press("#with", "Tab")
    assert until(lambda: "城北批发" in station.page.inner_text("#stands"))
    station.page.evaluate("document.activeElement.blur()")
    assert station.page.is_visible("#question")

    station.keys.by_hand("1101")

    assert station.market.came(amount=2000, partner="w-1", produced=made_on("1101"))


def test_a_case_scanned_again_is_as_many_more_as_it_says(station: Station) -> None:
    case = f"]C102{MILK}3712"
    station.scan(case, "包装上的日期是")
    station.keys.scan(case)

    assert until(lambda: station.page.input_value("#how-many") == "24")
    station.page.click("#forget")


def test_a_day_on_which_it_ended_long_ago_is_doubted_once(station: Station) -> None:
    before = len(station.market.rows())
    old = TODAY - timedelta(days=200)
    station.scan(EAN, "包装上的日期是")
    if "生产" not in station.page.inner_text("#kind"):
        station.page.click("#kind")

    station.keys.by_hand(f"{old:%y%m%d}")

    assert station.sees("已到期")
    assert station.page.is_visible("#question")
    assert len(station.market.rows()) == before
    station.keys.by_hand(f"{old:%y%m%d}")
    assert station.sees("已保存")
    assert station.market.came(produced=old)
    station.page.click("#lines li:first-child button[aria-label^='撤销']")
    assert station.sees("已撤销")


def test_who_is_typed_into_the_field_is_who_the_scan_behind_it_is_for(station: Station) -> None:
    station.page.click("#mode-sell")
    station.page.focus("#with")
    station.page.keyboard.type("李记杂货", delay=60)

    # The scanner does not wait for anybody to leave the field.
    station.keys.scan(EAN)

    assert station.sees("多少"), station.verdict()
    station.page.keyboard.type("5")
    station.page.keyboard.press("Enter")
    assert station.sees("已保存")
    assert station.market.came(kind="goods-sold", partner="m-2", amount=5000)


def test_who_clears_the_buyer_sells_under_no_number_of_before(station: Station) -> None:
    station.page.click("#mode-sell")
    station.page.fill("#with", "李记杂货")
    station.page.keyboard.press("Tab")
    assert until(lambda: station.page.input_value("#delivery") != "")
    station.page.focus("#with")
    station.page.fill("#with", "")
    station.page.keyboard.press("Tab")

    assert until(lambda: station.page.input_value("#delivery") == "")
    station.keys.scan(EAN)
    assert station.sees("已保存")
    assert station.market.came(kind="goods-sold", partner=None, amount=1000)
    assert station.page.input_value("#delivery") == ""


def test_a_date_beyond_the_shelf_life_is_doubted_once(station: Station) -> None:
    # Good for 180 days, says the register: in a year it is no last good day of today's goods.
    station.scan(EAN, "包装上的日期是")
    if "保质期" not in station.page.inner_text("#kind"):
        station.page.click("#kind")
    far = f"{TODAY + timedelta(days=300):%y%m%d}"
    station.keys.by_hand(far)
    assert station.sees("保质期 180 天还长"), station.verdict()
    assert station.page.is_visible("#question")

    station.keys.by_hand(far)

    assert station.sees("已保存")
    # What was taken back is no habit: it is not offered again.
    station.page.click("#lines li:first-child button[aria-label^='撤销']")
    assert station.sees("已撤销")
    station.scan(EAN, "包装上的日期是")
    offered = station.page.locator("#chips button").all_inner_texts()
    day = TODAY + timedelta(days=300)
    assert [one for one in offered if f"{day.month}月{day.day}日" in one] == []
    station.page.click("#forget")


def test_a_date_as_it_is_printed_is_understood_and_what_follows_a_refusal_is_no_date(
    station: Station,
) -> None:
    station.dated(EAN, f"{made_on('1115'):%Y%m%d}")
    assert station.market.came(produced=made_on("1115"))

    station.scan(EAN, "包装上的日期是")
    station.keys.by_hand("133225")
    assert station.sees("不是日期")
    # However slowly it goes on: each key is soon behind the one before, and the last long behind the refusal.
    station.keys.by_hand("0315", gap_s=0.4)
    assert "不是日期" in station.verdict()
    station.page.wait_for_timeout(1500)
    station.keys.by_hand("1114")

    assert station.market.came(produced=made_on("1114"))


def test_a_scanner_that_types_slowly_is_heard_at_its_enter(station: Station) -> None:
    station.keys.by_hand(EAN, gap_s=0.06)
    station.page.keyboard.press("Enter")

    assert station.sees("包装上的日期是"), station.verdict()
    station.page.click("#forget")


def test_a_scan_whose_first_digit_came_apart_is_the_whole_code_and_not_a_shorter_wrong_one(
    station: Station,
) -> None:
    station.scan(EAN, "包装上的日期是", held_s=0.4)
    station.page.click("#forget")
    assert station.sees("已放弃")
    station.page.fill("#delivery", "SH-21")
    station.page.focus("#delivery")
    station.scan(EAN, "包装上的日期是", held_s=0.4)
    assert station.page.input_value("#delivery") == "SH-21"
    station.page.click("#forget")
    assert station.sees("已放弃")

    # Half a link, on a page that was just opened and saw no scan yet.
    station.go()
    link = f"https://x.example/01/{MILK}/10/HELD"
    station.scan(link, "已保存", held_s=0.4, held_after=len(link) - 12)
    assert station.market.came(lot="L:HELD")

    # A scanner that stutters by itself: the times of its keys tell no burst, the check digit does.
    station.keys.by_hand(EAN[0])
    station.scan(EAN[1:], "包装上的日期是")
    station.page.click("#forget")


def test_a_supplier_is_there_again_after_a_sale_and_the_buyer_is_not(station: Station) -> None:
    station.page.fill("#with", "城北批发")
    station.page.press("#with", "Tab")
    assert until(lambda: "城北批发" in station.page.inner_text("#stands"))
    station.page.click("#mode-sell")
    assert until(lambda: "城北批发" not in station.page.inner_text("#stands"))

    station.page.click("#mode-receive")

    assert until(lambda: station.page.input_value("#with") == "城北批发")
    station.dated(EAN, "1109")
    assert station.market.came(partner="w-1", produced=made_on("1109"))


def test_a_mistyped_digit_is_taken_back_by_the_keyboard(station: Station) -> None:
    station.scan(EAN, "包装上的日期是")
    station.keys.by_hand("12")
    station.page.keyboard.press("Backspace")
    station.keys.by_hand("113")

    assert station.sees("已保存")
    assert station.market.came(produced=made_on("1113"))


PIECE = ["piece", "1", MILK]


def made_up(line: list[Any] = PIECE, **about: Any) -> str:
    """Returns the code of a voucher that no scanner of ours writes."""
    told = {
        "seller": "w-1", "premises": "w-1-a", "delivery": "SH-9", "day": str(TODAY), "lines": [line],
        "documents": [], "buyer": None,
    }  # fmt: skip
    text = base64url(zlib.compress(msgspec.msgpack.encode(list((told | about).values())), 9))
    return f"SY:V:{hashlib.sha256(text.encode()).hexdigest()[:8]}:1/1:{text}"


MADE_UP = [
    made_up(["constructor", "1", MILK]), made_up(["piece", "-5"]), made_up(["piece", "NaN", MILK]),
    made_up(["piece", "1000001", MILK]), made_up(["piece", "1.0001", MILK]), made_up(["piece", "1", "123"]),
    made_up(["piece", "1", EAN]), made_up(["piece", "1", MILK, "豆腐"]), made_up(["piece", "1", None, "豆" * 61]),
    made_up([*PIECE, None, "\x00"]), made_up([*PIECE, None, "L" * 41]), made_up([*PIECE, None, 5]),
    made_up([*PIECE, None, None, "2199-01-01"]), made_up([*PIECE, None, None, None, None, -1]),
    made_up(seller=None), made_up(seller="W 1"), made_up(premises=""), made_up(delivery="S" * 61),
    made_up(documents=["paper"]), made_up(documents=["ab" * 32] * 17), made_up(buyer="m 1"), made_up(lines=[]),
    "SY:D:whatever", f"https://x.example/01/{MILK}/10/A1?3103=abc",
]  # fmt: skip


def test_codes_that_somebody_made_up_are_refused_and_leave_the_station_whole(
    station: Station,
) -> None:
    before = station.page.locator("#lines li").count()
    for code in MADE_UP:
        # So that each is answered by itself.
        station.page.evaluate("document.getElementById('verdict').className = 'told'")

        station.keys.scan(code)

        assert until(lambda: station.colour() == "red"), (code, station.verdict())
    station.page.reload()
    station.page.wait_for_selector("#station:not([hidden])")
    assert station.page.locator("#lines li").count() == before


def test_a_small_voucher_that_unfolds_without_end_is_refused(station: Station) -> None:
    bomb = base64url(zlib.compress(bytes(8_000_000), 9))
    name = hashlib.sha256(bomb.encode()).hexdigest()[:8]
    parts = [bomb[at : at + 600] for at in range(0, len(bomb), 600)]

    for number, part in enumerate(parts, 1):
        station.page.fill("#typed", f"SY:V:{name}:{number}/{len(parts)}:{part}")
        station.page.press("#typed", "Enter")
        wanted = f"已扫 {number} /" if number < len(parts) else "无法读取"
        assert station.sees(wanted), station.verdict()

    assert station.waiting() == 0


def test_a_link_alone_makes_no_browser_anybodys_scanner(market: Market, browser: Browser) -> None:
    context = context_of(browser)
    page = context.new_page()

    page.goto(f"{market.url}{SCAN}#d=spy&c=AAAAAAAAAAAAAAAAAAAAAA")

    page.wait_for_selector("#join:not([hidden])")
    assert "发送链接的人" in page.inner_text("#joining")
    assert "c=" not in page.url
    context.close()


def test_a_proposal_does_nothing_until_it_is_confirmed_and_changes_no_mode(
    station: Station,
) -> None:
    before = len(station.market.rows())
    address = f"{station.market.url}{SCAN}#do=dispose&product={MILK}&lot=L:P1&amount=2&unit=piece"
    # Another page first: an address that differs in its end alone loads nothing.
    station.page.goto(station.market.url + "/recalls")
    station.page.goto(address)
    station.page.wait_for_selector("#confirm:visible")
    # What stands is what is asked, until it is answered.
    assert station.page.get_attribute("#mode-dispose", "aria-pressed") == "true"
    station.page.click("#forget")
    assert until(lambda: station.page.get_attribute("#mode-receive", "aria-pressed") == "true")
    assert len(station.market.rows()) == before

    station.page.goto(station.market.url + "/recalls")
    station.page.goto(address)
    station.page.wait_for_selector("#confirm:visible")
    station.page.click("#confirm")

    assert until(lambda: len(station.market.rows()) == before + 1)
    row = station.market.rows()[-1]
    assert (row["kind"], row["lot"], row["amount"]) == ("goods-disposed", "L:P1", 2000)
    assert until(lambda: station.page.get_attribute("#mode-receive", "aria-pressed") == "true")


def test_what_was_asked_when_the_page_ended_is_asked_again_in_its_own_words(
    station: Station,
) -> None:
    """After a reload a stall was asked "Yes, it is disposed of?" and not of what."""
    address = f"{station.market.url}{SCAN}#do=dispose&product={MILK}&lot=L:P7&amount=2&unit=piece"
    station.page.goto(station.market.url + "/recalls")
    station.page.goto(address)
    station.page.wait_for_selector("#confirm:visible")
    asked = station.page.inner_text("#verdict")
    assert "P7" in asked

    station.page.goto(station.market.url + SCAN)
    station.page.wait_for_selector("#confirm:visible")

    assert station.page.inner_text("#verdict") == asked
    # Another scan is not taken for what stands on the left, and does not end the question either.
    before = len(station.market.rows())
    station.scan(f"https://x.example/01/{MILK}/10/P8", "这次扫码没有登记")
    assert station.page.is_visible("#confirm")
    station.page.click("#forget")
    station.scan(f"https://x.example/01/{MILK}/10/P8", "已保存")
    assert station.market.came(lot="L:P8")
    assert len(station.market.rows()) == before + 1


def test_a_line_that_names_the_wrong_supplier_is_told_of_the_right_one(station: Station) -> None:
    station.page.fill("#with", "城北批发")
    station.page.keyboard.press("Tab")
    assert until(lambda: "城北批发" in station.page.inner_text("#stands"))
    station.scan(f"https://x.example/01/{MILK}/10/N9", "已保存")
    assert station.market.came(lot="L:N9", partner="w-1")
    line = "#lines li:has-text('N9')"
    assert until(lambda: "来自 城北批发" in station.page.inner_text(line))

    station.page.click(f"{line} button:has-text('更改来源')")
    assert station.sees("从谁那里进的")
    station.page.fill("#with", "李记杂货")
    station.page.keyboard.press("Tab")
    assert until(lambda: "李记杂货" in station.page.inner_text("#confirm"))
    station.page.click("#confirm")

    assert station.market.came(lot="L:N9", partner="m-2")


@pytest.mark.parametrize(
    ("proposed", "lot", "unit", "amount"),
    [
        (f"product={MILK}&lot=E:2026-01-05&amount=3&unit=piece", "E:2026-01-05", "piece", 3000),
        (f"product={MILK}&lot=D:2026-01-04&amount=12500&unit=g", "D:2026-01-04", "g", 12_500_000),
        ("product=item:%E7%8C%AA%E8%82%89&lot=&amount=1.5&unit=kg", "", "g", 1_500_000),
    ],
)
def test_what_a_list_proposes_is_of_the_lot_and_in_the_unit_that_the_list_shows(
    station: Station, proposed: str, lot: str, unit: str, amount: int
) -> None:
    before = len(station.market.rows())
    station.page.goto(station.market.url + "/recalls")
    station.page.goto(f"{station.market.url}{SCAN}#do=dispose&{proposed}")
    station.page.wait_for_selector("#confirm:visible")

    station.page.click("#confirm")

    assert until(lambda: len(station.market.rows()) == before + 1)
    row = station.market.rows()[-1]
    assert (row["lot"], row["unit"], row["amount"]) == (lot, unit, amount)


def test_what_goes_back_to_its_supplier_is_told_of_no_buyer_who_stands_there(
    station: Station,
) -> None:
    station.page.click("#mode-sell")
    station.page.fill("#with", "李记杂货")
    station.page.keyboard.press("Tab")
    assert until(lambda: "李记杂货" in station.page.inner_text("#stands"))
    before = len(station.market.rows())
    address = f"{station.market.url}{SCAN}#do=return&product={MILK}&lot=L:P9&amount=2&unit=piece"
    station.page.goto(station.market.url + "/recalls")
    station.page.goto(address)
    station.page.wait_for_selector("#confirm:visible")

    station.page.click("#confirm")

    assert until(lambda: len(station.market.rows()) == before + 1)
    row = station.market.rows()[-1]
    assert (row["kind"], row["partner"]) == ("goods-returned", None)


def test_which_day_one_stall_enters_is_no_day_of_the_next(station: Station) -> None:
    station.page.fill("#day", (TODAY - timedelta(days=1)).isoformat())
    station.page.keyboard.press("Tab")
    day = station.page.inner_text("#stands")

    station.page.click("#places .badge")

    assert "年" in day
    assert until(lambda: "年" not in station.page.inner_text("#stands"))
    assert station.page.input_value("#day") == ""


def test_whoever_is_done_leaves_the_browser_and_it_scans_no_more(
    market: Market, browser: Browser
) -> None:
    station = Station(market, context_of(browser)).join()
    station.page.click("summary:has-text('如何退出')")
    station.page.evaluate(KEPT_PICTURE, 1)
    station.page.click("#leave")
    assert until(lambda: "图片尚未送达" in station.page.inner_text("#leave-words"))
    station.page.evaluate(KEPT_PICTURE, 0)

    station.page.click("#leave")
    assert until(lambda: "再按一次" in station.page.inner_text("#leave-words"))
    station.page.click("#leave")

    station.page.wait_for_selector("#joining:not([hidden])")
    assert until(lambda: "已退出" in station.page.inner_text("#left"))
    station.context.close()


def test_a_revoked_browser_turns_red_and_keeps_what_it_scans(
    market: Market, browser: Browser
) -> None:
    station = Station(market, context_of(browser)).join()
    device = station.page.evaluate(
        "new Promise(done => { const open = indexedDB.open('suyuan-station'); open.onsuccess = () => {"
        " const asked = open.result.transaction('about').objectStore('about').get('device');"
        " asked.onsuccess = () => done(asked.result.device); }; })"
    )

    market.ask(RevokeDevice(device=device, reason="lost"))
    station.dated(EAN, "1110")

    assert until(lambda: "已被停用" in station.page.inner_text("#state"))
    assert station.waiting() == 1
    station.context.close()


def test_nobody_takes_the_key_out_of_the_browser(station: Station) -> None:
    found = station.page.evaluate(
        "new Promise(done => { const open = indexedDB.open('suyuan-station'); open.onsuccess = () => {"
        " const asked = open.result.transaction('about').objectStore('about').get('device');"
        " asked.onsuccess = async () => { const { secret } = asked.result.key;"
        " done([secret.extractable, await crypto.subtle.exportKey('pkcs8', secret).then(() => 'out', (e) => e.name)]); }; }; })"
    )

    assert found == [False, "InvalidAccessError"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_scan_page_is_accessible_also_while_it_asks(station: Station, language: str) -> None:
    station.page.goto(f"{station.market.url}{SCAN}?lang={language}")
    station.page.wait_for_selector("#station:not([hidden])")
    station.keys.scan(EAN)
    station.page.wait_for_selector("#question:not([hidden])")

    assert violations(station.page) == []


@pytest.fixture(autouse=True)
def _no_leftovers(tmp_path: Path) -> Iterator[None]:
    yield
    shutil.rmtree(tmp_path / "profile", ignore_errors=True)
