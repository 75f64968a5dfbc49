"""The regulator's desk: from a failed test to a published recall, with the stall and the shopper watching."""

import json
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import msgspec
import pytest
from playwright.sync_api import Browser, Page

from ledger.bundles import checking
from ledger.events.cases import AreaStated, MerchantRegistered, PremisesAdded
from ledger.events.reports import GoodsAsRead, Portion, TestReportFiled
from ledger.rules.access import Grant
from ledger.rules.areas import StateArea
from ledger.rules.device import EnrollDevice
from ledger.rules.requests import AddPremises, RegisterMerchant, RegisterProduct
from ledger.values.day import day_at
from scanners.agent import Agent, enroll, keep_document, learn_home
from scanners.asking import ask
from scanners.identity import Clocks
from scanners.labels import Label, png
from suyuan.participants import ZONE
from suyuan.parts.machine import Machine
from tests.support.databases import running_machine
from tests.support.faces import (
    Keyboard,
    context_of,
    said_by,
    sign_in_at,
    until,
    violations,
)
from tests.support.make import (
    MILK,
    YOGHURT,
    FakeTape,
    milk,
    pieces,
    received,
    registered,
    sold,
    transformed,
)
from tests.support.people import PASSWORD, add_account, begin, chief_of

pytestmark = pytest.mark.browser
TODAY = day_at(datetime.now(UTC), ZONE)
LOT = "A-24/11"
PAGES = [
    "/desk", "/desk?silenced=true", "/desk/trace", "/desk/trace?find=牛奶", f"/desk/trace?product={MILK}",
    f"/desk/trace?product={MILK}&lot=A-24%2F11",
    f"/desk/trace?product={MILK}&lot=A-24%2F11&as_of=1", f"/desk/trace?product={MILK}&lot=D%3A{TODAY}",
    f"/desk/trace?product={MILK}&lot=A-24%2F11&at=2026-01-01T00:00", "/desk/recalls", "/desk/holds", "/desk/holds/new",
    f"/desk/recalls/new?product={MILK}&lot=A-24%2F11", "/desk/merchants", "/desk/merchants?q=nobody",
    "/desk/merchants/m-1", "/desk/quarantine", "/desk/devices", "/desk/devices/scanner-1", "/desk/log",
    "/desk/outbreak", f"/desk/outbreak?suspects={MILK}%2FA-24%2F11%0Am-1", "/desk/outbreak?suspects=m-1%0Am-404", "/desk/statistics", "/desk/statistics?by=category", "/desk/statistics?by=district",
    "/desk/statistics?since=2020-01-01&until=2020-01-31", "/desk/statistics?since=yesterday",
]  # fmt: skip


class City:
    """A ledger with a dairy, two stalls and the officers of two districts."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine, self.url = machine, machine.kiosk_url.rstrip("/")
        owner = machine.dsn("suyuan_owner")
        add_account(owner, "officer-1", Grant("regulator", ("city",)))
        add_account(owner, "officer-2", Grant("regulator", ("city",)))
        add_account(owner, "inspector-1", Grant("inspector", ("d-2",)))
        add_account(owner, "auditor-1", Grant("auditor"))
        add_account(owner, "stall-1", Grant("merchant", ("m-1",)))
        chief, who = chief_of(machine), (("w-1", "城北奶业", "producer"), ("m-1", "张记奶品", "retailer"),
                                         ("m-2", "李记杂货", "retailer"))  # fmt: skip
        ask(machine.intake_url, [
            *(StateArea(AreaStated(area=a, name=a, within=w)) for a, w in (("city", None), ("d-1", "city"), ("d-2", "city"))),
            *(RegisterMerchant(MerchantRegistered(merchant=m, name=n, kind=k, district="d-1")) for m, n, k in who),
            *(AddPremises(PremisesAdded(merchant=m, premises=f"{m}-a", name="一号", market="k-1")) for m, _, _ in who),
            RegisterProduct(registered(MILK, name_zh="鲜牛奶 950 毫升", shelf_life_days=15)),
        ], auth=chief)  # fmt: skip
        home = learn_home(machine.intake_url, "127.0.0.1", machine.broker.port)
        tape = enroll(
            folder / "s.tape", "scanner-1", home, [m for m, _, _ in who], since=TODAY, auth=chief
        )
        self.agent = Agent(tape, Clocks())
        self.agent.link.start()
        goods = milk(LOT, produced=TODAY - timedelta(days=2), expires=TODAY + timedelta(days=13))
        for buyer, units in (("m-1", 6), ("m-2", 4)):
            trade: dict[str, Any] = {"delivery": f"D-{buyer}"}
            self.keep(
                sold(units, goods, merchant="w-1", premises="w-1-a", counterparty=buyer, **trade)
            )
            self.keep(
                received(
                    units, goods, merchant=buyer, premises=f"{buyer}-a", counterparty="w-1", **trade
                )
            )
        # And one that names its day alone, which nobody else speaks of.
        self.keep(
            received(
                1, milk(None, produced=TODAY, dates_from="keyed"), merchant="m-1", premises="m-1-a"
            )
        )
        assert self.agent.link.wait_drained(20)

    def keep(self, event: Any) -> None:
        clock = self.agent.clocks.read()
        self.agent.keep(msgspec.structs.replace(event, clock=clock, business_date=TODAY))

    def fail_a_test(self) -> None:
        picture = keep_document(self.agent.tape, "image/png", png(Label("qr", MILK)))
        self.agent.keep(
            TestReportFiled(
                merchant="m-1", premises="m-1-a", business_date=TODAY, clock=self.agent.clocks.read(),
                session="00000000-0000-4000-8000-000000000009", document=picture, number="T-9",
                laboratory="市检测中心", result="failed", tested_on=TODAY, gtins=(MILK,), lots=(LOT,),
            )
        )  # fmt: skip
        assert self.agent.send_documents() == []
        assert self.agent.link.wait_drained(20)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with running_machine("desk-") as machine:
        made = City(machine, tmp_path_factory.mktemp("tapes"))
        yield made
        made.agent.link.stop()


@pytest.fixture(scope="module")
def officer(city: City, browser: Browser) -> Iterator[Page]:
    context = context_of(browser)
    page = context.new_page()
    sign_in_at(page, city.url, "officer-1")
    yield page
    context.close()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_the_desk_is_accessible(
    city: City, officer: Page, path: str, language: str
) -> None:
    said = said_by(officer)
    address = f"{city.url}{path}{'&' if '?' in path else '?'}lang={language}"
    answer = officer.goto(address)
    if answer is not None and answer.status == 503:
        # A disk that stalls for seconds makes an honest page, and no other.
        said.clear()
        answer = officer.goto(address)

    assert answer is not None
    assert answer.status == 200
    if urlsplit(path).path == "/desk":
        officer.wait_for_selector("#calendar svg")
    assert violations(officer) == []
    assert said == []
    if language == "en":
        # What is left in Chinese is what people and places are called.
        left = officer.evaluate("document.querySelector('nav').innerText")
        assert not any("一" <= char <= "鿿" for char in left)


def test_an_officer_goes_from_a_failed_test_to_a_published_recall_while_stall_and_shopper_watch(
    city: City, browser: Browser, officer: Page
) -> None:
    stall, shopper = context_of(browser), context_of(browser)
    station = stall.new_page()
    sign_in_at(station, city.url, "stall-1", there="/station/scan")
    station.click("#join")
    station.wait_for_selector("#station:not([hidden])")
    station.click("#mode-sell")
    keys = Keyboard(station)
    page = shopper.new_page()
    page.goto(f"{city.url}/01/{MILK}/10/A-24%2F11")
    assert "有登记" in page.inner_text("#verdict")
    officer.goto(f"{city.url}/desk?lang=zh")
    city.fail_a_test()

    # The officer touches nothing: the open page shows what has come.
    officer.wait_for_selector("a:has-text('检验不合格')", timeout=15_000)
    officer.click("a:has-text('检验不合格')")
    officer.click("main a.button:has-text('追溯')")
    assert "鲜牛奶 950 毫升 · A-24/11" in officer.inner_text("h1")
    tiles = officer.inner_text(".tiles")
    assert "3\n确定持有者" in tiles
    officer.click("text=据此起草召回")
    officer.check("input[name=grade][value=I]")
    officer.fill("#reason", "检出沙门氏菌")
    officer.fill("#authority", "市市场监督管理局")
    officer.click("button:has-text('起草')")
    assert "草稿" in officer.inner_text("h1")
    name = officer.inner_text("h1").split()[0]
    # Who drafted it does not check it.
    assert officer.locator("text=无误，可以公布").count() == 0
    assert "请由另一名" in officer.inner_text("main")
    second = context_of(browser)
    other = second.new_page()
    sign_in_at(other, city.url, "officer-2", there="/desk?lang=zh")
    # Whoever may check it finds it among what waits.
    assert name in other.inner_text(".panel:has(h2:text-is('处理中的草稿'))")
    other.goto(f"{city.url}/desk/recalls/{name}?lang=zh")
    other.click("text=无误，可以公布")
    assert "已复核" in other.inner_text("h1")
    officer.goto(f"{city.url}/desk/recalls/{name}")
    officer.fill("#notice", "请勿食用，送回购买处退款。")
    officer.click("text=公布：扫码设备与查询页面立即变红")
    assert "已公布" in officer.inner_text("h1")
    # So many scanners refuse it by now: the one that is connected says so itself.
    reached = ".panel:has(h2:text-is('会拦下它的扫码设备'))"
    assert until(lambda: officer.reload() and "1 / 1" in officer.inner_text(reached), 20)

    # The page that a shopper has open turns by itself, and so does the stall's scanner.
    assert until(
        lambda: "已召回" in page.inner_text("#verdict") or "召回" in page.inner_text("#verdict"), 20
    )

    # Who reads English is told in English what to do, and whose words the others are.
    page.goto(f"{city.url}/recalls/{name}?lang=en")
    assert "Recalled: do not eat it" in page.inner_text("#verdict")
    quoted = page.locator("li:has-text(\"In the authority's own words\") q[lang='zh']")
    assert quoted.all_inner_texts() == ["请勿食用，送回购买处退款。", "检出沙门氏菌"]
    page.goto(f"{city.url}/recalls/{name}?lang=zh")
    assert "请勿食用，送回购买处退款。" in page.inner_text("#verdict")

    def is_red() -> bool:
        keys.scan(f"https://x.example/01/{MILK}/10/A-24%2F11")
        return until(lambda: "停售" in station.inner_text("#verdict"), 2)

    assert until(is_red, 30)
    assert violations(officer) == []
    for opened in (stall, shopper, second):
        opened.close()


def test_a_stall_answers_the_recall_at_its_station_and_the_officer_sees_it(
    city: City, browser: Browser, officer: Page
) -> None:
    context = context_of(browser)
    page = context.new_page()
    sign_in_at(page, city.url, "stall-1", there="/station")
    assert "检出沙门氏菌" in page.inner_text("main")
    officer.goto(f"{city.url}/desk/recalls?lang=zh")
    officer.click("tbody a")
    assert "0 / 3" in officer.inner_text(".tiles")

    page.click("button:has-text('已阅，商品已单独存放')")
    # The acknowledgement stands on the officer's open page by itself.
    officer.wait_for_selector(".tile:has-text('1 / 3')", timeout=15_000)
    page.fill("input[name='found-0']", "5")
    page.fill("input[name='sold-0']", "1")
    page.click("button:has-text('提交答复')")

    assert "已答复" in page.inner_text("main")
    officer.goto(f"{city.url}/desk/recalls?lang=zh")
    officer.click("tbody a")
    assert "1 / 3" in officer.inner_text(".tiles")
    # The stopwatch stands there as well, and how much of what they had they can account for.
    stopwatch = officer.inner_text(".panel:has(h2:text-is('进展如何'))")
    assert re.search(r"已公布.*\d:\d\d:\d\d[\s\S]*首家已答复.*\d:\d\d:\d\d", stopwatch)
    assert re.search(r"33\.3 %\s*持有者已阅", stopwatch)
    row = officer.inner_text("#holders tr:has-text('张记奶品')")
    assert row.count("年") >= 2
    context.close()


def test_an_officer_draws_whom_to_visit_says_what_was_seen_and_hands_a_list_over(
    city: City, officer: Page
) -> None:
    officer.goto(f"{city.url}/desk/recalls?lang=zh")
    officer.click("tbody a")
    officer.click("text=回访和电话")
    # Who has not read it is called; who has is not.
    officer.click("text=查看要打电话的名单")
    calls = officer.inner_text("#calls")
    assert "李记杂货" in calls
    assert "张记奶品" not in calls
    # Nobody is recorded as reached by one click alone.
    assert officer.input_value("#calls li:has-text('李记杂货') select") == ""
    officer.select_option("#calls li:has-text('李记杂货') select", "no-answer")
    officer.click("#calls li:has-text('李记杂货') button")
    assert "无人接听" in officer.inner_text("#calls li:has-text('李记杂货')")
    officer.fill("#share", "100")
    officer.click("text=抽取回访对象")
    assert until(lambda: officer.locator("#visits tbody tr").count() == 3)
    officer.click("#visits tr:has-text('张记奶品') a:has-text('说明所见')")
    assert officer.input_value("#merchant") == "m-1"
    officer.check("input[name=result][value=still-there]")
    officer.fill("#visit-note", "货架上还有两盒")
    officer.click("#visit button")
    assert "仍在货架上" in officer.inner_text("#visits tr:has-text('张记奶品')")
    # Also where nobody was drawn: what was just said stands on the page.
    assert "货架上还有两盒" in officer.inner_text("#visits li:has-text('m-1')")
    assert violations(officer) == []

    officer.fill("#authority", "芙蓉区市监局")
    officer.click("#hand-over button")
    assert "没有可移交的持有者" in officer.inner_text("main")
    # The menu stays, and what was filled in.
    assert officer.is_visible("nav a:has-text('召回')")
    officer.click("text=返回表单")
    assert officer.input_value("#authority") == "芙蓉区市监局"
    officer.select_option("#to", "d-1")
    with officer.expect_download() as saved:
        officer.click("#hand-over button")
    assert zipfile.is_zipfile(saved.value.path())
    # Once more from the same page, to somebody else: another hand-over, and on record as one.
    officer.fill("#authority", "开福区市监局")
    with officer.expect_download():
        officer.click("#hand-over button")
    officer.goto(f"{city.url}/desk/recalls?lang=zh")
    officer.click("tbody a")
    history = officer.inner_text(".panel:has(h2:text-is('经过'))")
    assert "货架上还有两盒" in history
    assert "芙蓉区市监局" in history
    assert "开福区市监局" in history


def test_a_recall_is_widened_by_one_officer_and_narrowed_by_two(
    city: City, browser: Browser, officer: Page
) -> None:
    officer.goto(f"{city.url}/desk/recalls?lang=zh")
    officer.click("tbody a")
    lines = ".panel:has(h2:has-text('涉及商品'))"
    officer.click("summary:has-text('扩大召回')")
    officer.fill("#widen-product", MILK[1:])
    officer.fill("#widen-reason", "同一条生产线")
    officer.click("details[open] button.danger")
    # Half a name recalls nothing else.
    assert "请写明还要召回的商品和批号" in officer.inner_text("main")
    officer.click("text=返回表单")
    officer.fill("#widen-lot", f"D:{TODAY}")
    officer.fill("#widen-reason", "同一条生产线")
    officer.click("details[open] button.danger")
    assert until(lambda: officer.locator(f"{lines} li").count() == 2)
    # Who read it before is asked to read it again.
    assert "在扩大召回之前" in officer.inner_text("#holders tr:has-text('张记奶品')")
    context = context_of(browser)
    stall = context.new_page()
    sign_in_at(stall, city.url, "stall-1", there="/station")
    assert "扩大了召回" in stall.inner_text("main")
    stall.click("button:has-text('已阅，商品已单独存放')")
    assert until(lambda: "扩大了召回" not in stall.inner_text("main"))
    context.close()

    officer.click("summary:has-text('缩小召回')")
    officer.fill("#narrow-reason", "复检合格")
    officer.fill("#narrow-second", "officer-2")
    officer.fill("#narrow-password", PASSWORD)
    officer.click("details[open] button.danger")
    assert "请选择不再召回的行" in officer.inner_text("main")
    officer.go_back()
    officer.check(f"details[open] label:not(:has-text('{LOT}')) input[name=lines]")
    officer.fill("#narrow-password", PASSWORD)
    officer.click("details[open] button.danger")
    assert until(lambda: officer.locator(f"{lines} li").count() == 1)
    assert LOT in officer.inner_text(lines)
    # A form that was tampered with names none of its lines.
    for odd in ("[" * 5000, '{"product":"\\ud800"}', f'{{"product":"0{MILK[1:]}"}}'):
        officer.goto(officer.url)
        officer.click("summary:has-text('缩小召回')")
        officer.locator("input[name=lines]").first.evaluate(
            "(box, odd) => { box.value = odd; box.checked = true; }", odd
        )
        officer.fill("#narrow-reason", "试")
        officer.fill("#narrow-second", "officer-2")
        officer.fill("#narrow-password", PASSWORD)
        here = officer.url
        officer.click("details[open] button.danger")
        assert "此次召回目前不含这些商品" in officer.inner_text("main")
        officer.goto(here)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    "path",
    [
        "/station",
        "/station/ledgers",
        "/station/ledgers?name=sales",
        "/station/ledgers?lacking=vouchers",
        "/station/ledgers?name=clearings",
        "/station/bundle?nothing=1",
    ],
)
def test_every_page_of_the_station_is_accessible(
    city: City, browser: Browser, path: str, language: str
) -> None:
    context = context_of(browser)
    page = context.new_page()
    said = said_by(page)
    joint = "&" if "?" in path else "?"
    sign_in_at(page, city.url, "stall-1", there=quote(f"{path}{joint}lang={language}"))

    assert violations(page) == []
    assert said == []
    context.close()


def test_a_trace_says_what_stops_the_lot_now_and_nothing_of_it_as_it_was_known_before(
    city: City, officer: Page
) -> None:
    trace = f"{city.url}/desk/trace?product={MILK}&lot=A-24%2F11&lang=zh"
    officer.goto(trace)
    assert "已召回：" in officer.inner_text("#answer")
    officer.goto(f"{city.url}/desk/recalls?lang=zh")
    officer.click("tbody a")
    history = officer.locator(".panel:has(h2:text-is('经过')) a[href^='/proof/']")
    drafted = int(str(history.first.get_attribute("href")).rpartition("/")[2])
    officer.goto(f"{trace}&as_of={drafted - 1}")
    assert "已召回：" not in officer.inner_text("#answer")
    assert "时所知的情况" in officer.inner_text("#answer")
    # What is saved of it is of that moment, too; also of an hour.
    officer.goto(f"{trace}&as_of={drafted - 1}&at={TODAY}T08:00")
    for link in officer.locator("a[href*='/v1/trace/export']").all():
        query = parse_qs(urlsplit(str(link.get_attribute("href"))).query)
        assert (query["as_of"], query["at"]) == ([str(drafted - 1)], [f"{TODAY}T08:00:00+08:00"])
    # What was known at an hour, too: before anything was recorded, nobody had it.
    officer.goto(f"{trace}&known=2020-01-01T08:00")
    assert "时所知的情况" in officer.inner_text("#answer")
    assert officer.input_value("#as_of") in ("0", "1")
    hour = datetime.now(ZONE) + timedelta(minutes=1)
    officer.fill("input[name=known]", f"{hour:%Y-%m-%dT%H:%M}")
    officer.click("form:has(#as_of) button")
    assert int(officer.input_value("#as_of")) >= drafted
    assert f"{hour:%H}:" in officer.inner_text("#shown-time")
    # Whoever slides then means a position, and not the hour that still stands there.
    officer.fill("input[name=known]", f"{hour:%Y-%m-%dT%H:%M}")
    officer.evaluate(
        "s => { const b = document.getElementById('as_of'); b.value = s; b.dispatchEvent(new Event('input', {bubbles: true})); }",
        1,
    )
    assert officer.input_value("input[name=known]") == ""
    officer.goto(f"{trace}&as_of={drafted - 1}")
    # And one can slide forward again.
    assert int(officer.get_attribute("#as_of", "max") or "0") > drafted


def test_a_recall_ends_only_as_two_officers_say_each_with_their_own_password(
    city: City, officer: Page
) -> None:
    officer.goto(f"{city.url}/desk/recalls?lang=zh")
    officer.click("tbody a")
    officer.click("summary:has-text('结束')")
    assert "3 家持有者中还有 2 家没有答复" in officer.inner_text("details.panel[open]")
    # How it ends nobody chooses by not looking.
    assert officer.locator("[name=how]:checked").count() == 0
    officer.check("[name=how][value=close]")
    officer.fill("#words", "全部收回")
    officer.fill("#unaccounted", "李记未答复")
    officer.fill("#end-second", "officer-2")
    officer.fill("#end-password", "not the one")
    officer.click("details[open] button.danger")
    assert "账号或密码不对" in officer.inner_text("main")

    officer.go_back()
    officer.fill("#end-password", PASSWORD)
    officer.click("details[open] button.danger")

    assert "已结束" in officer.inner_text("h1")


def test_an_officer_says_of_an_alert_that_it_was_seen_and_everybody_sees_who(
    city: City, officer: Page
) -> None:
    officer.goto(f"{city.url}/desk?lang=zh")
    officer.click(".case h3 a >> nth=0")
    officer.click("button:has-text('已阅')")

    assert "officer-1 已阅" in officer.inner_text("main").replace("\n", " ")

    officer.click("summary:has-text('交给他人')")
    # Those who work on alerts are there to choose from, and nobody else.
    offered = officer.locator("select[name=to] option").all_inner_texts()
    assert {"officer-1", "officer-2"} <= {one.rpartition("(")[2].rstrip(")") for one in offered}
    assert not any("stall" in one or "auditor" in one for one in offered), offered
    officer.select_option("select[name=to]", "officer-2")
    officer.click("details[open]:has(select[name=to]) button")
    assert "officer-2" in officer.inner_text("main").replace("\n", " ")


def test_what_somebody_is_filling_in_is_not_taken_from_under_their_hands(
    city: City, browser: Browser, officer: Page
) -> None:
    officer.goto(f"{city.url}/desk?lang=zh")
    officer.click(".case h3 a >> nth=0")
    officer.click("summary:has-text('添加备注')")
    officer.fill("textarea[name=note]", "正在现场核查")
    officer.evaluate("document.activeElement.blur()")
    # The stream says first where everything stands.
    officer.wait_for_timeout(1500)
    context = context_of(browser)
    other = context.new_page()
    sign_in_at(other, city.url, "officer-2", there=urlsplit(officer.url).path)

    other.click("button:has-text('已阅')")

    officer.wait_for_selector("#something-new:not([hidden])", timeout=15_000)
    assert officer.input_value("textarea[name=note]") == "正在现场核查"
    assert "officer-2 已阅" not in officer.inner_text("main").replace("\n", " ")
    officer.click("#something-new a")
    officer.wait_for_selector("text=officer-2", timeout=15_000)
    context.close()


def test_an_inspector_of_another_district_is_told_that_the_books_are_not_his(
    city: City, browser: Browser
) -> None:
    context = context_of(browser)
    page = context.new_page()
    sign_in_at(page, city.url, "inspector-1", there="/desk/merchants/m-1")

    assert "不在您的管辖范围" in page.inner_text("main")
    assert page.locator("table").count() == 0
    context.close()


def test_a_merchant_has_no_desk_and_is_told_so(city: City, browser: Browser) -> None:
    context = context_of(browser)
    page = context.new_page()
    sign_in_at(page, city.url, "stall-1", there="/desk")

    assert "您无权查看或执行" in page.inner_text("h1")
    context.close()


def test_an_auditor_reads_who_looked_at_what(city: City, browser: Browser) -> None:
    context = context_of(browser)
    page = context.new_page()
    sign_in_at(page, city.url, "auditor-1", there="/desk/log")

    assert "officer-1" in page.inner_text("main")
    assert violations(page) == []
    page.fill("#account", "inspector-1")
    page.click("form:has(#account) button")
    assert "officer-1" not in page.inner_text("main tbody")
    sheet = page.request.get(f"{city.url}/v1/access-log/export.csv?account=officer-1&merchant=m-1")
    assert sheet.status == 200
    rows = sheet.text().splitlines()
    assert len(rows) > 1
    assert all("officer-1" in row and "m-1" in row for row in rows[1:])
    # A number is one however it is written, and who was called is among those looked at.
    page.goto(f"{city.url}/desk/log?merchant=M-2&overviews=true&lang=zh")
    assert "call-holder" in page.inner_text("main"), page.inner_text("main")
    context.close()


def test_a_report_that_nobody_could_read_is_named_and_can_be_read_again(
    city: City, officer: Page
) -> None:
    tape = FakeTape("odd-1")
    ask(
        city.machine.intake_url,
        [EnrollDevice(device="odd-1", key=tape.key.public, name="odd")],
        auth=chief_of(city.machine),
    )
    tape.add(b'{"type":"goods-eaten.v9"}')
    url = f"{city.machine.intake_url}/intake/batches"
    assert httpx.post(url, content=tape.batch(), trust_env=False).status_code == 200

    def is_shown() -> bool:
        officer.goto(f"{city.url}/desk/quarantine?lang=zh")
        return officer.locator("button:has-text('重新读取')").count() == 1

    assert until(is_shown)
    # Whose device it is of, which somebody has to call, in quarantine as in the alert.
    assert officer.locator("tr:has-text('重新读取') a[href='/desk/devices/odd-1']").count() == 1
    officer.goto(f"{city.url}/desk?lang=zh")
    officer.click(".case h3 a:has-text('无法读取')")
    assert officer.locator("tbody a[href='/desk/devices/odd-1']").count() == 1
    assert is_shown()
    subject = officer.locator("input[name=subject]").first
    subject.evaluate("box => { box.dataset.was = box.value; box.value = 'x|y'; }")
    officer.click("button:has-text('重新读取')")
    assert officer.locator("nav a").count() > 5
    assert until(is_shown)
    officer.click("button:has-text('重新读取')")

    assert "仍然无法读取" in officer.inner_text("main")


def test_goods_are_stopped_at_once_and_released_again(city: City, officer: Page) -> None:
    officer.goto(f"{city.url}/desk/holds/new?product={MILK}&lot=B-1&lang=zh")
    officer.fill("#reason", "等待检验")
    officer.fill("#authority", "市市场监督管理局")
    officer.fill("#hold", "h-desk")
    officer.click("button.danger")
    assert "生效中" in officer.inner_text("h1")

    officer.click("summary:has-text('解除')")
    officer.fill("#reason", "检验合格")
    officer.click("button:has-text('解除')")

    assert "已解除" in officer.inner_text("h1")


def test_who_goes_back_and_stops_the_same_lot_again_is_asked_whether_they_mean_it(
    city: City, officer: Page
) -> None:
    new = f"{city.url}/desk/holds/new?product={MILK}&lot=A-24%2F11&lang=zh"

    def stop(name: str) -> str:
        officer.fill("#reason", "等待检验")
        officer.fill("#authority", "市市场监督管理局")
        officer.fill("#hold", name)
        officer.click("button.danger")
        return officer.inner_text("main")

    officer.goto(new)
    assert "生效中" in stop("h-once")
    # Another page of the desk sees it as soon as the views have it.
    assert until(lambda: officer.goto(new) is not None and "h-once" in officer.inner_text("main"))
    told = stop("h-twice")
    assert "h-once" in told
    assert "仍要再次暂停销售" in told
    officer.check("[name=twice]")
    assert "生效中" in stop("h-twice")
    # Whoever drafts a recall of it finds what was said already.
    officer.goto(f"{city.url}/desk/recalls/new?product={MILK}&lot=A-24%2F11&lang=zh")
    assert officer.input_value("#reason") == "等待检验"
    for name in ("h-once", "h-twice"):
        officer.goto(f"{city.url}/desk/holds/{name}?lang=zh")
        officer.click("summary:has-text('解除')")
        officer.fill("#reason", "检验合格")
        officer.click("button:has-text('解除')")


def test_goods_known_by_their_date_are_stopped_by_it(city: City, officer: Page) -> None:
    officer.goto(f"{city.url}/desk/holds/new?product={MILK}&lot=D:2026-11-20&lang=zh")
    assert (officer.input_value("#lot"), officer.input_value("#produced")) == ("", "2026-11-20")
    officer.fill("#reason", "等待检验")
    officer.fill("#authority", "市市场监督管理局")
    officer.fill("#hold", "h-dated")

    officer.click("button.danger")

    assert "生效中" in officer.inner_text("h1")
    assert "2026年11月20日" in officer.inner_text("main")


def test_loose_goods_are_stopped_by_their_delivery_and_never_all_of_them(
    city: City, officer: Page
) -> None:
    officer.goto(f"{city.url}/desk/holds/new?product=item:草鱼&lot=R:SH-5&lang=zh")
    assert officer.input_value("#delivery") == "SH-5"
    officer.fill("#reason", "等待检验")
    officer.fill("#authority", "市市场监督管理局")
    officer.fill("#hold", "h-loose")
    officer.click("button.danger")
    assert "SH-5" in officer.inner_text("main")

    officer.goto(f"{city.url}/desk/holds/new?product={MILK}&lot=X:what&lang=zh")
    assert officer.locator("#hold").count() == 0


def test_a_stall_saves_its_bundle_and_a_stranger_checks_it(
    city: City, browser: Browser, tmp_path: Path
) -> None:
    context = context_of(browser)
    page = context.new_page()
    city.keep(sold(1, GoodsAsRead(gtin=MILK)))
    assert city.agent.link.wait_drained(20)
    sign_in_at(page, city.url, "stall-1", there="/station")
    assert until(lambda: "未注明批次" in _reloaded(page, f"{city.url}/station/bundle?lang=zh"))
    assert violations(page) == []
    page.check(f"li:has-text('{LOT}') input[type=checkbox]")
    # What was sold without saying which lot it was of, is a line of its own.
    page.check("li:has-text('未注明批次') input[type=checkbox]")

    with page.expect_download() as saved:
        page.click("button:has-text('生成文件') >> nth=0")
    saved.value.save_as(tmp_path / "bundle.zip")

    found = checking.check(tmp_path / "bundle.zip")
    assert found.problems == []
    told = zipfile.ZipFile(tmp_path / "bundle.zip").read("bundle.json")
    assert [MILK, ""] in json.loads(told)["lots"]
    # What it took in, what it was told, and the failed test with its picture.
    assert found.records >= 2
    assert found.documents == 1
    context.close()


def _reloaded(page: Page, address: str) -> str:
    page.goto(address)
    return page.inner_text("main")


def test_nobody_takes_another_merchants_records_along(city: City) -> None:
    def asked(account: str, merchant: str, lots: Any) -> httpx.Response:
        token = begin(city.machine.intake_url, account)["token"]
        return httpx.post(
            f"{city.machine.intake_url}/intake/bundles", json={"merchant": merchant, "lots": lots},
            headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=30,
        )  # fmt: skip

    lot = [[MILK, f"L:{LOT}"]]

    assert asked("stall-1", "m-1", lot).status_code == 200
    assert asked("stall-1", "m-2", lot).status_code == 403
    assert asked("officer-1", "m-1", lot).status_code == 403
    assert asked("auditor-1", "m-1", lot).status_code == 403
    for lots in ([], [["x", ""]], [[MILK, "L:NOBODY"]], [[MILK]], "x", [[MILK, "L:\x00"]]):
        assert asked("stall-1", "m-1", lots).status_code in (400, 422)
    stranger = httpx.post(
        f"{city.machine.intake_url}/intake/bundles", json={"merchant": "m-1", "lots": lot},
        trust_env=False,
    )  # fmt: skip
    assert stranger.status_code == 401


def test_a_line_of_a_draft_is_left_out_before_anybody_checks_it(city: City, officer: Page) -> None:
    part = Portion(goods=milk(LOT), quantity=pieces(1))
    made = Portion(goods=GoodsAsRead(gtin=YOGHURT, lot="Y-1"), quantity=pieces(3))
    city.keep(
        msgspec.structs.replace(transformed([part], [made]), merchant="w-1", premises="w-1-a")
    )
    assert city.agent.link.wait_drained(20)
    draft = f"{city.url}/desk/recalls/new?product={MILK}&lot={quote(LOT, safe='')}&lang=zh"
    lines = officer.locator("input[name=taken]")
    assert until(lambda: officer.goto(draft) is not None and lines.count() == 2)
    officer.uncheck("label:has-text('Y-1') input")
    officer.fill("#recall", "r-left-out")
    officer.check("input[name=grade][value=II]")
    officer.fill("#reason", "标签错误")
    officer.fill("#authority", "市市场监督管理局")
    officer.click("button:has-text('起草')")

    named = officer.inner_text(".panel:has(h2:has-text('涉及商品'))")
    assert LOT in named
    assert "Y-1" not in named
    officer.goto(draft)
    for n in range(2):
        lines.nth(n).uncheck()
    officer.fill("#recall", "r-nothing")
    officer.check("input[name=grade][value=II]")
    officer.fill("#reason", "标签错误")
    officer.fill("#authority", "市市场监督管理局")
    officer.click("button:has-text('起草')")
    assert "没有可召回的商品" in officer.inner_text("main")


def test_a_number_that_nobody_registered_is_not_stopped_before_it_was_looked_at_once_more(
    city: City, officer: Page
) -> None:
    """A slip of the finger stopped nothing, and the officer thought that the goods were stopped."""
    officer.goto(f"{city.url}/desk/holds/new?product=06901234999991&lang=zh")
    officer.fill("#reason", "抽检不合格")
    officer.fill("#authority", "市市场监督管理局")
    officer.click("main button.danger")
    # What no product can have is not asked about, but said.
    assert officer.locator("input[name=anyway]").count() == 0
    assert "校验" in officer.inner_text("main")
    officer.goto(f"{city.url}/desk/holds/new?product=06901234999990&lang=zh")
    name = officer.input_value("#hold")
    officer.fill("#reason", "抽检不合格")
    officer.fill("#authority", "市市场监督管理局")
    officer.click("main button.danger")

    assert "没有人登记过条码 06901234999990" in officer.inner_text("main")
    assert officer.input_value("#reason") == "抽检不合格"
    officer.check("input[name=anyway]")
    officer.click("main button.danger")
    assert name in officer.inner_text("h1")


def test_a_visit_names_a_merchant_as_people_do(city: City, officer: Page) -> None:
    officer.goto(f"{city.url}/desk/recalls?lang=zh")
    name = officer.inner_text("tbody tr:last-child a")
    officer.goto(f"{city.url}/desk/recalls/{name}/field?lang=zh")
    officer.fill("#merchant", "没有这家")
    officer.check("#visit input[value=effective]")
    officer.click("#visit button")
    assert "没有名为“没有这家”" in officer.inner_text("main")


def test_a_form_of_more_than_any_page_sends_is_refused_in_words(
    city: City, browser: Browser
) -> None:
    context = context_of(browser)
    page = context.new_page()
    sign_in_at(page, city.url, "stall-1", there="/station")

    answer = page.request.post(
        f"{city.url}/station/recalls/r-1?lang=zh", form={f"found-{n}": "1" for n in range(4000)}
    )

    assert (answer.status, "请分几次提交" in answer.text()) == (422, True)
    context.close()


def test_statistics_that_one_merchants_page_leads_to_are_of_that_merchant(
    city: City, officer: Page
) -> None:
    def taken_in(address: str) -> int:
        officer.goto(city.url + address)
        return int(officer.inner_text(".tiles .tile >> nth=0").split()[0].replace(",", ""))

    everybody = taken_in("/desk/statistics?lang=zh")
    officer.goto(f"{city.url}/desk/merchants/m-1?lang=zh")
    there = officer.get_attribute("a[href*='/desk/statistics?merchant=']", "href")
    own = taken_in(f"{there}&lang=zh")
    assert 0 < own < everybody
    assert "张记奶品" in officer.inner_text("main")
    sheet = officer.get_attribute("a[href*='export.xlsx']", "href")
    assert "merchant=m-1" in str(sheet)


def test_days_that_were_not_asked_for_are_not_shown_as_if_they_were(
    city: City, officer: Page
) -> None:
    said = {}
    for days in ("since=2026-01-01&until=2026-12-31", "since=2026-11-01&until=2026-11-30"):
        officer.goto(f"{city.url}/desk/statistics?{days}&lang=zh")
        said[days] = officer.inner_text("main")

    assert ["不是您要查询的日期" in text for text in said.values()] == [True, False]


def test_what_is_not_there_leaves_an_officer_at_the_desk(city: City, officer: Page) -> None:
    officer.goto(f"{city.url}/desk/trace?product={MILK}&lot=NOBODY&lang=zh")
    assert "没有这方面的记录" in officer.inner_text("main")
    assert officer.locator("nav a").count() > 5
    officer.goto(f"{city.url}/proof/99999999?lang=zh")
    assert "没有这条记录" in officer.inner_text("main")
