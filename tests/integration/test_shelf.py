"""What everybody may know of a stall's shelf: which lots, how they were tested, never how much or from whom."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ledger.events.cases import MerchantRegistered
from ledger.events.reports import GoodsAsRead, TestReportFiled
from suyuan.parts.cluster import Cluster
from tests.support.asked import asking
from tests.support.databases import fresh
from tests.support.line import Line
from tests.support.make import (
    MILK,
    MILK_CASE,
    TODAY,
    YOGHURT,
    clock,
    days,
    drafted,
    held,
    milk,
    recalled,
    received,
    registered,
    stopped_goods,
)

NEXT_WEEK = TODAY + days(7)


def filed(
    result: str, number: str, *lots: str, gtins: tuple[str, ...] = (MILK,)
) -> TestReportFiled:
    return TestReportFiled(
        merchant="m-1", premises="p-1", business_date=TODAY, clock=clock(), document="1" * 64,
        session="00000000-0000-4000-8000-000000000003", number=number, laboratory="快检室",
        result=result, tested_on=TODAY, gtins=gtins, lots=lots,
    )  # fmt: skip


@pytest.fixture(scope="module")
def api(cluster: Cluster) -> Iterator[httpx.Client]:
    line = Line()
    stall = MerchantRegistered(merchant="m-1", name="张记", kind="retailer", district="d-1")
    line.case("merchant", "m-1", stall)
    line.place("p-1", "market-1")
    line.begin(TODAY)
    line.case("product", MILK, registered(MILK, maker="m-9"))
    line.case("product", MILK_CASE, registered(MILK_CASE, base=MILK, contains=12))
    line.report(
        received(12, milk("GOOD", expires=NEXT_WEEK), counterparty="m-7", delivery="D-1"),
        received(5, milk("ENDED", expires=TODAY - days(1)), business_date=TODAY - days(5)),
        received(5, milk("OLD", expires=NEXT_WEEK), business_date=TODAY - days(40)),
        received(3, GoodsAsRead(gtin=YOGHURT, lot="Y"), counterparty="m-7"),
        received(2, milk("BAD", expires=NEXT_WEEK), business_date=TODAY - days(2)),
        received(4, GoodsAsRead(item="草鱼"), delivery="F-1"),
        filed("passed", "T-1", "GOOD"), filed("failed", "T-2", "BAD"),
        # By the case that it came in; and of no lot, which is no test of this one.
        filed("passed", "T-3", "GOOD", gtins=(MILK_CASE,)), filed("passed", "T-4"),
    )  # fmt: skip
    goods = stopped_goods(lot="BAD")
    line.case("recall", "r-1", drafted(goods), recalled(goods))
    dated = stopped_goods(product=YOGHURT, produced_from=TODAY - days(9), produced_until=TODAY)
    line.case("hold", "h-1", held(dated))
    with asking(fresh(cluster), line) as client:
        client.auth = None
        yield client


def shelf(api: httpx.Client, **asked: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = api.get("/v1/merchants/m-1/shelf", params=asked).json()["lines"]
    return lines


def test_a_shelf_shows_what_came_lately_and_is_still_good_the_stopped_first(
    api: httpx.Client,
) -> None:
    found = [(one["lot"], one["stopped"], one["maybe_stopped"]) for one in shelf(api)]

    assert found[:2] == [("L:BAD", True, False), ("L:Y", False, True)]
    assert set(found[2:]) == {("L:GOOD", False, False), ("", False, False)}


def test_tests_count_for_the_lot_they_name(api: httpx.Client) -> None:
    counts = {one["lot"]: (one["tests_passed"], one["tests_failed"]) for one in shelf(api)}

    assert counts["L:GOOD"] == (2, 0)
    assert counts["L:BAD"] == (0, 1)
    assert counts["L:Y"] == (0, 0)


def test_neither_how_much_nor_from_whom_is_told(api: httpx.Client) -> None:
    said = api.get("/v1/merchants/m-1/shelf").text

    assert "m-7" not in said
    assert "D-1" not in said
    assert "F-1" not in said
    assert '"12' not in said
    assert {name for one in shelf(api) for name in one} == {
        "product", "lot", "name_zh", "name_en", "maker", "day", "expires", "tests_passed",
        "tests_failed", "recalled", "stopped", "maybe_stopped",
    }  # fmt: skip


def test_goods_without_a_code_are_asked_for_by_name(api: httpx.Client) -> None:
    assert [one["product"] for one in shelf(api, product="item:草鱼")] == ["item:草鱼"]
    assert shelf(api, product="item:鲤鱼") == []


def test_every_one_of_the_last_days_says_how_its_tests_ended(api: httpx.Client) -> None:
    found = api.get("/v1/test-days", params={"days": 3}).json()["days"]

    assert found == [
        {"day": str(TODAY - days(2)), "passed": 0, "failed": 0},
        {"day": str(TODAY - days(1)), "passed": 0, "failed": 0},
        {"day": str(TODAY), "passed": 3, "failed": 1},
    ]


def test_a_cases_code_says_how_many_it_holds(api: httpx.Client) -> None:
    found = api.get(f"/v1/products/{MILK_CASE}").json()

    assert (found["product"]["gtin"], found["holds"]) == (MILK, 12)
    assert api.get(f"/v1/products/{MILK}").json()["holds"] == 1
