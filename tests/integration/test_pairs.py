"""Both sides of a trade by totals, and who is asked when one side is silent."""

from datetime import timedelta
from typing import Any

import pytest

from ledger.events.cases import CardLinked, CardUnlinked, MerchantRegistered
from ledger.projections.pairs import PairCell, trading_runs
from ledger.projections.table import Position
from ledger.rules.cards import CardCase, LinkCard, UnlinkCard, decide_card, evolve_card
from ledger.rules.refusal import Refusal
from tests.support.asked import asking
from tests.support.databases import Database
from tests.support.line import Line
from tests.support.make import NOON, TODAY, FakeTape, corrected, days, milk, received, sold

PERIOD = {"since": str(TODAY - days(3)), "until": str(TODAY)}


class Market:
    """A wholesaler, m-1, and a stall, m-2, with a scanner each."""

    def __init__(self, stall: str = "retailer") -> None:
        self.line = Line()
        self.line.market(TODAY)
        for name, kind in (("m-1", "wholesaler"), ("m-2", stall)):
            entry = MerchantRegistered(merchant=name, name=name, kind=kind, district="d")  # type: ignore[arg-type]  # a kind by name
            self.line.case("merchant", name, entry)
        self.line.place("p-2", "market-1", "m-2")
        self.seller = self.line.enroll(FakeTape("scanner-1"), "m-1")
        self.buyer = self.line.enroll(FakeTape("scanner-2"), "m-2")

    def sells(self, units: int, **fields: Any) -> None:
        report = sold(units, **({"counterparty": "m-2", "delivery": "V-1"} | fields))
        self.line.report(report, tape=self.seller)

    def buys(self, units: int, **fields: Any) -> None:
        place = {"merchant": "m-2", "premises": "p-2", "counterparty": "m-1", "delivery": "V-1"}
        self.line.report(received(units, **(place | fields)), tape=self.buyer)

    def later(self, *, count: int = 1) -> None:
        self.line.now += timedelta(days=count)

    def pairs(self, database: Database) -> list[dict[str, Any]]:
        with asking(database, self.line) as api:
            found: list[dict[str, Any]] = api.get("/v1/merchants/m-1/pairs", params=PERIOD).json()[
                "pairs"
            ]
        return found


def statuses(pairs: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    return [(pair["status"], pair["difference"], pair["delivery"]) for pair in pairs]


def test_split_and_partial_deliveries_of_one_number_add_up(database: Database) -> None:
    market = Market()
    market.sells(10)
    market.sells(2, goods=milk("L2"))
    market.buys(7)
    market.buys(5, goods=milk(None))

    assert statuses(market.pairs(database)) == [("confirmed", "0", "V-1")]


def test_a_difference_is_said_with_its_amount(database: Database) -> None:
    market = Market()
    market.sells(10)
    market.buys(9)

    assert statuses(market.pairs(database)) == [("differs", "-1", "V-1")]


def test_without_a_number_on_both_sides_the_lot_pairs_them(database: Database) -> None:
    market = Market()
    market.sells(10)
    market.buys(10, delivery=None)

    assert statuses(market.pairs(database)) == [("confirmed", "0", None)]


def test_what_one_side_alone_reports_is_named_by_that_side(database: Database) -> None:
    market = Market()
    market.sells(10)
    market.buys(3, goods=milk("L9"), delivery="V-9")

    assert sorted(statuses(market.pairs(database))) == [
        ("buyer-only", "3", None), ("seller-only", "-10", None),
    ]  # fmt: skip


def test_a_merchants_goods_between_its_own_premises_are_no_trade(database: Database) -> None:
    market = Market()
    market.sells(10, counterparty="m-1")

    assert market.pairs(database) == []


def silent_for_two_days(market: Market) -> list[str]:
    """The buyer's scanner works on; then the second day begins."""
    market.later()
    market.buys(1, goods=milk("X"), counterparty=None, delivery=None, at=NOON + days(1))
    market.later()
    market.line.begin(TODAY + days(2))
    return market.line.open_alerts()


def test_a_buyer_who_scans_on_and_leaves_a_delivery_out_is_asked_and_answers() -> None:
    market = Market()
    market.buys(1, goods=milk("X"), counterparty=None, delivery=None)
    market.sells(10)

    assert "one-sided" in silent_for_two_days(market)
    market.buys(10)
    assert "one-sided" not in market.line.open_alerts()


def test_nobody_is_asked_who_has_not_connected_since_or_never_reported() -> None:
    offline, never = Market(), Market()
    offline.buys(1, goods=milk("X"), counterparty=None, delivery=None)
    for market in (offline, never):
        market.sells(10)
        market.later(count=2)
        market.line.begin(TODAY + days(2))

    assert "one-sided" not in offline.line.open_alerts() + never.line.open_alerts()


def test_a_stall_need_not_record_what_it_sells() -> None:
    market = Market()
    market.buys(1, goods=milk("X"), counterparty=None, delivery=None)
    market.sells(4, goods=milk("Y"), counterparty=None, delivery=None)
    # The wholesaler says it bought from the stall; the stall is bound to no sales record.
    report = received(3, milk("Z"), counterparty="m-2")
    market.line.report(report, tape=market.seller)

    assert "one-sided" not in silent_for_two_days(market)


def test_an_answer_under_another_number_ends_the_question_next_morning() -> None:
    market = Market()
    market.buys(1, goods=milk("X"), counterparty=None, delivery=None)
    market.sells(10)
    silent_for_two_days(market)
    market.buys(10, delivery="V-other")

    market.line.begin(TODAY + days(3))

    assert "one-sided" not in market.line.open_alerts()


def test_a_notebook_entered_days_late_is_asked_about_next_morning() -> None:
    market = Market()
    market.buys(1, goods=milk("X"), counterparty=None, delivery=None)
    market.sells(10, business_date=TODAY - days(7))
    market.later()
    market.buys(1, goods=milk("X"), counterparty=None, delivery=None, at=NOON + days(1))
    assert "one-sided" not in market.line.open_alerts()

    market.line.begin(TODAY + days(1))

    assert "one-sided" in market.line.open_alerts()


def test_another_delivery_that_both_sides_state_answers_nothing_for_this_one() -> None:
    market = Market()
    market.buys(1, goods=milk("X"), counterparty=None, delivery=None)
    market.sells(10)
    market.sells(4, delivery="V-2")
    market.buys(4, delivery="V-2")

    assert "one-sided" in silent_for_two_days(market)


def test_a_delivery_of_another_week_without_a_number_is_another_pair(database: Database) -> None:
    market = Market()
    market.sells(10, delivery=None, business_date=TODAY - days(3))
    market.buys(10, delivery=None, business_date=TODAY - days(2))
    market.sells(4, delivery=None, business_date=TODAY + days(1))

    with asking(database, market.line) as api:
        asked = {"since": str(TODAY - days(9)), "until": str(TODAY + days(9))}
        found = api.get("/v1/merchants/m-1/pairs", params=asked).json()["pairs"]

    assert [(p["status"], p["sold"]) for p in found] == [("confirmed", "10"), ("seller-only", "4")]


def test_steady_trade_without_numbers_is_no_single_sum_and_a_past_month_can_be_read(
    database: Database,
) -> None:
    market = Market()
    for number in range(20):
        market.sells(number + 1, delivery=None, business_date=TODAY - days(2 * number))
        market.buys(number + 1, delivery=None, business_date=TODAY - days(2 * number))

    with asking(database, market.line) as api:
        asked = {"since": str(TODAY - days(30)), "until": str(TODAY - days(20))}
        found = api.get("/v1/merchants/m-1/pairs", params=asked).json()["pairs"]

    assert [(p["status"], p["sold"]) for p in found] == [
        ("confirmed", str(n)) for n in (16, 15, 14, 13, 12, 11)
    ]


def test_trade_that_never_comes_out_even_is_not_added_up_for_ever() -> None:
    def cell(day: int, sold: int, received: int) -> PairCell:
        return PairCell(
            "m-1", "m-2", "p", "piece", "", "", TODAY + days(day), sold, received, Position(1),
            Position(1), NOON, "p-1", "", None, False,
        )  # fmt: skip

    runs = trading_runs([cell(day, 2, 1) for day in range(20)])

    assert len(runs) == 3
    assert sum(run.sold for run in runs) == 40
    late = trading_runs([cell(0, 5, 0), cell(1, 0, 5), cell(2, 3, 3)])
    assert [(run.sold, run.received) for run in late] == [(5, 5), (3, 3)]


def test_a_number_answered_on_the_next_day_is_one_delivery_and_asked_about_no_more(
    database: Database,
) -> None:
    market = Market()
    market.buys(1, goods=milk("X"), counterparty=None, delivery=None)
    market.sells(10)
    assert "one-sided" in silent_for_two_days(market)

    market.buys(10, business_date=TODAY + days(1))

    assert "one-sided" not in market.line.open_alerts()
    asked = {"since": str(TODAY), "until": str(TODAY + days(2))}
    with asking(database, market.line) as api:
        found = api.get("/v1/merchants/m-1/pairs", params=asked).json()["pairs"]
    assert [(p["status"], p["delivery"]) for p in found] == [("confirmed", "V-1")]


def test_a_voided_sale_is_asked_about_no_more() -> None:
    market = Market()
    market.buys(1, goods=milk("X"), counterparty=None, delivery=None)
    market.sells(10)
    silent_for_two_days(market)

    market.line.report(corrected(market.seller.id, 2), tape=market.seller)

    assert "one-sided" not in market.line.open_alerts()


def test_what_was_voided_says_no_longer_when_or_where_a_trade_was() -> None:
    """A typing error in the year, taken back, kept a delivery from ever being asked about."""
    market = Market()
    market.buys(1, goods=milk("X"), counterparty=None, delivery=None)
    market.sells(10, business_date=TODAY + days(365))
    market.sells(10)
    market.line.report(corrected(market.seller.id, 2), tape=market.seller)

    (cell,) = [c for c in market.line.rows("pair_cells") if c.delivery == "V-1"]

    assert (cell.day, cell.sold) == (TODAY, 10_000)
    assert "one-sided" in silent_for_two_days(market)


def test_what_was_taken_back_after_both_agreed_stays_beside_its_pair(database: Database) -> None:
    market = Market()
    market.sells(10)
    market.buys(10)
    market.line.report(corrected(market.seller.id, 2), tape=market.seller)

    (pair,) = market.pairs(database)

    assert (pair["status"], pair["sold"]) == ("buyer-only", "0")
    (entry,) = pair["contested"]
    assert (entry["merchant"], entry["amount"], entry["kind"]) == ("m-1", "10", "goods-sold")


def test_what_was_taken_back_is_shown_though_the_buyers_day_is_another(database: Database) -> None:
    market = Market()
    market.sells(10)
    market.buys(10, business_date=TODAY + days(1))
    market.line.report(corrected(market.seller.id, 2), tape=market.seller)

    with asking(database, market.line) as api:
        asked = PERIOD | {"until": str(TODAY + days(2))}
        (pair,) = api.get("/v1/merchants/m-1/pairs", params=asked).json()["pairs"]

    assert [entry["amount"] for entry in pair["contested"]] == ["10"]


CARD = "5e4d3c2b-1a09-4f8e-9d7c-6b5a49382716"


def linked(market: Market) -> None:
    link = CardLinked(card=CARD, merchant="m-1", by="officer-1")
    market.line.case("card", CARD, link)


@pytest.mark.parametrize("first", ["link", "goods"])
def test_a_card_found_to_be_a_merchant_pairs_its_deliveries_until_that_is_undone(
    database: Database, first: str
) -> None:
    market = Market()
    if first == "link":
        linked(market)
    market.sells(10)
    market.buys(10, counterparty=None, counterparty_card=CARD)
    if first == "goods":
        linked(market)
    cells = {(c.sold, c.received) for c in market.line.rows("pair_cells")}
    assert cells == {(10_000, 10_000)}

    market.line.case("card", CARD, CardUnlinked(card=CARD, by="officer-1", note="同名不同人"))

    assert statuses(market.pairs(database)) == [("seller-only", "-10", None)]


def test_a_link_is_made_once_to_a_registered_merchant_and_can_be_undone() -> None:
    case = CardCase(CARD)
    link = LinkCard(card=CARD, merchant="m-1", by="officer-1")
    (event,) = decide_card(case, link, registered=True)
    known = evolve_card(case, event)
    other = LinkCard(card=CARD, merchant="m-2", by="officer-1")

    assert isinstance(decide_card(case, link, registered=False), Refusal)
    assert decide_card(known, link, registered=True) == []
    assert isinstance(decide_card(known, other, registered=True), Refusal)
    (undone,) = decide_card(known, UnlinkCard(card=CARD, by="x", note="n"), registered=False)
    assert evolve_card(known, undone).merchant is None
