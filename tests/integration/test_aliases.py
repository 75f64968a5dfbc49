"""Merchants that the register holds twice: their books become one, and apart again."""

from typing import Any

import pytest

from ledger.events.cases import (
    MerchantMerged,
    MerchantParted,
    MerchantRegistered,
    SalesModeStated,
)
from ledger.events.reports import CertificateFiled, Portion
from ledger.rules.aliases import (
    AliasCase,
    MergeMerchant,
    PartMerchant,
    decide_alias,
    evolve_alias,
)
from ledger.rules.refusal import Refusal
from tests.integration.test_pairs import PERIOD, Market, statuses
from tests.support.asked import asking
from tests.support.databases import Database
from tests.support.line import Line
from tests.support.make import (
    TODAY,
    clock,
    corrected,
    days,
    milk,
    pieces,
    registered,
    transformed,
)

AGAIN = {"merchant": "m-22", "premises": "p-2"}


def merge(market: Market, merchant: str, into: str) -> None:
    event = MerchantMerged(merchant=merchant, into=into, by="officer-1", note="同一执照")
    market.line.case("aliases", "merchants", event)


def part(market: Market, merchant: str) -> None:
    event = MerchantParted(merchant=merchant, by="officer-1", note="同名不同人")
    market.line.case("aliases", "merchants", event)


def twice_registered() -> Market:
    """A stall that is in the register as m-2 and as m-22, with one scanner for both."""
    market = Market()
    market.line.enroll(market.buyer, "m-2", "m-22")
    entry = MerchantRegistered(merchant="m-22", name="m-22", kind="retailer", district="d")
    market.line.case("merchant", "m-22", entry)
    return market


def held(market: Market) -> dict[tuple[str, str], int]:
    rows = [row for row in market.line.rows("stock") if row.premises == "p-2"]
    return {(row.merchant, row.lot): row.amount // 1000 for row in rows}


@pytest.mark.parametrize("first", ["merge", "goods"])
def test_goods_of_a_merchant_merged_into_another_lie_on_one_shelf(first: str) -> None:
    market = twice_registered()
    if first == "merge":
        merge(market, "m-22", "m-2")
    market.buys(4)
    market.buys(3, **AGAIN)
    if first == "goods":
        assert held(market) == {("m-2", "L:L1"): 4, ("m-22", "L:L1"): 3}
        merge(market, "m-22", "m-2")

    assert held(market) == {("m-2", "L:L1"): 7}

    part(market, "m-22")

    assert held(market) == {("m-2", "L:L1"): 4, ("m-22", "L:L1"): 3}


def test_deliveries_to_both_names_of_a_merchant_pair_as_one(database: Database) -> None:
    market = twice_registered()
    market.sells(10)
    market.buys(10, **AGAIN)
    merge(market, "m-22", "m-2")

    assert statuses(market.pairs(database)) == [("confirmed", "0", "V-1")]


def test_a_ledger_shows_what_was_bought_under_either_name(database: Database) -> None:
    market = twice_registered()
    market.buys(4)
    market.buys(3, **AGAIN)
    merge(market, "m-22", "m-2")

    with asking(database, market.line) as api:
        found = [
            api.get(f"/v1/merchants/{name}/ledgers/purchases", params=PERIOD).json()
            for name in ("m-2", "m-22")
        ]

    for answer in found:
        assert sorted(line["fields"]["quantity"] for line in answer["lines"]) == ["3 件", "4 件"]


def test_goods_between_both_names_of_a_merchant_were_no_trade(database: Database) -> None:
    market = twice_registered()
    market.buys(4, counterparty="m-22")
    merge(market, "m-22", "m-2")

    assert [cell for cell in market.line.rows("pair_cells") if cell.seller == "m-22"] == []


def test_what_was_taken_back_before_a_merge_is_still_shown_after_it(database: Database) -> None:
    market = twice_registered()
    market.sells(10, counterparty="m-22")
    market.buys(10, **AGAIN)
    market.line.report(corrected(market.buyer.id, 2, merchant="m-22"), tape=market.buyer)
    merge(market, "m-22", "m-2")

    (pair,) = market.pairs(database)

    assert [(e["merchant"], e["amount"]) for e in pair["contested"]] == [("m-2", "10")]


def test_stock_at_a_merged_merchants_place_goes_by_that_places_way_of_recording(
    database: Database,
) -> None:
    market = twice_registered()
    mode = SalesModeStated(merchant="m-2", premises="p-2", mode="day-totals", from_day=TODAY)
    market.line.case("merchant", "m-2", mode)
    market.buys(5)
    merge(market, "m-2", "m-22")

    with asking(database, market.line) as api:
        (line,) = api.get("/v1/premises/p-2/stock").json()["lines"]

    assert (line["merchant"], line["at_least"], line["at_most"]) == ("m-22", "0", "5")


def test_a_plant_merged_into_a_wholesaler_is_still_a_maker() -> None:
    line = Line()
    for name, kind in (("m-1", "processor"), ("m-3", "wholesaler")):
        entry = MerchantRegistered(merchant=name, name=name, kind=kind, district="d")  # type: ignore[arg-type]  # a kind by name
        line.case("merchant", name, entry)
    used = Portion(goods=milk("A", expires=TODAY + days(2)), quantity=pieces(1))
    made = Portion(goods=milk("B", expires=TODAY + days(9)), quantity=pieces(1))
    line.report(transformed([used], [made]))

    line.case("aliases", "a", MerchantMerged(merchant="m-1", into="m-3", by="o", note="n"))

    assert "outlives-its-parts" not in line.open_alerts()


def paper(supplier: str) -> CertificateFiled:
    return CertificateFiled(
        document="ab" * 32, kind="quarantine", number="Q-1", issuer="站", supplier=supplier,
        valid_from=TODAY - days(1), merchant="m-2", premises="p-2", business_date=TODAY,
        clock=clock(), session="00000000-0000-4000-8000-000000000001",
    )  # fmt: skip


@pytest.mark.parametrize("named", ["m-1", "m-22"])
def test_a_paper_that_names_a_supplier_by_his_other_name_serves_his_deliveries(named: str) -> None:
    market = twice_registered()
    market.line.case("product", "p", registered(milk().gtin or "", category="pork"))
    other = "m-22" if named == "m-1" else "m-1"
    market.buys(4, counterparty=other)
    market.line.report(paper(named), tape=market.buyer)
    lacking = {row.kind: row.state for row in market.line.rows("paper_needs")}
    assert lacking["quarantine"] == "missing"

    merge(market, "m-22", "m-1")

    assert {row.kind: row.state for row in market.line.rows("paper_needs")}[
        "quarantine"
    ] == "covered"

    part(market, "m-22")

    assert {row.kind: row.state for row in market.line.rows("paper_needs")}[
        "quarantine"
    ] == "missing"


def test_a_merchant_merged_through_another_stands_for_whom_that_one_is() -> None:
    market = twice_registered()
    for name, into in (("m-3", "m-22"), ("m-22", "m-2")):
        merge(market, name, into)
    aliases: dict[str, Any] = {a.alias: a.merchant for a in market.line.rows("merchant_aliases")}
    assert aliases == {"m-3": "m-2", "m-22": "m-2"}

    part(market, "m-22")

    assert {a.alias: a.merchant for a in market.line.rows("merchant_aliases")} == {"m-3": "m-22"}


def test_a_merge_is_decided_once_never_round_in_a_circle_and_can_be_undone() -> None:
    request = MergeMerchant(merchant="m-2", into="m-1", by="o", note="n")
    (event,) = decide_alias(AliasCase(), request, unregistered=None)
    case = evolve_alias(AliasCase(), event)
    refused = [
        (AliasCase(), request, "m-1"),
        (AliasCase(), MergeMerchant(merchant="m-1", into="m-1", by="o", note="n"), None),
        (case, MergeMerchant(merchant="m-2", into="m-3", by="o", note="n"), None),
        (case, MergeMerchant(merchant="m-1", into="m-2", by="o", note="n"), None),
    ]  # fmt: skip

    for state, asked, unregistered in refused:
        assert isinstance(decide_alias(state, asked, unregistered=unregistered), Refusal)
    assert decide_alias(case, request, unregistered=None) == []
    parting = PartMerchant(merchant="m-2", by="o", note="n")
    (undone,) = decide_alias(case, parting, unregistered=None)
    assert evolve_alias(case, undone).into == {}
    assert isinstance(decide_alias(AliasCase(), parting, unregistered=None), Refusal)
