"""What goods are: cases and singles, lots and dates, goods without code, shelves without lots."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from ledger.events.cases import SalesModeStated
from ledger.events.reports import GoodsAsRead, Portion
from ledger.projections.shelves import Bounds, bounds
from ledger.values.quantity import Pack, StatedQuantity, Unit, unpacked
from tests.support.line import Line
from tests.support.make import (
    MILK,
    MILK_CASE,
    NOON,
    TODAY,
    FakeTape,
    corrected,
    counted,
    days,
    disposed,
    milk,
    pieces,
    received,
    registered,
    sold,
    totalled,
)

HOUR = timedelta(hours=1)
D, E = TODAY - days(10), TODAY + days(5)


def a_case(lot: str | None = "L1", **fields: Any) -> GoodsAsRead:
    return GoodsAsRead(gtin=MILK_CASE, lot=lot, **fields)


def of(unit: Unit, amount: str) -> StatedQuantity:
    return StatedQuantity(amount=Decimal(amount), unit=unit)


def test_cases_received_and_singles_sold_are_one_stock() -> None:
    line = Line()
    line.case("product", MILK_CASE, registered(MILK_CASE, base=MILK, contains=12))

    line.report(received(2, a_case()), sold(3))

    assert line.stock() == {(MILK, "L:L1"): 21}


def test_a_case_registered_after_the_trade_gives_the_same_stock_and_keeps_what_was_read() -> None:
    line = Line()
    line.report(received(2, a_case()), sold(3))
    assert line.stock() == {(MILK, "L:L1"): -3, (MILK_CASE, "L:L1"): 2}

    line.case("product", MILK_CASE, registered(MILK_CASE, base=MILK, contains=12))

    assert line.stock() == {(MILK, "L:L1"): 21}
    assert line.open_alerts() == []
    read = {(m.read_product, m.stated, m.believed_to is None) for m in line.rows("movements")}
    assert read == {(MILK_CASE, 2000, False), (MILK_CASE, 2000, True), (MILK, 3000, True)}


def test_a_case_that_holds_an_inner_pack_that_holds_singles_adds_up() -> None:
    line, inner = Line(), "26901234567896"
    line.case("product", MILK_CASE, registered(MILK_CASE, base=inner, contains=4))
    line.case("product", inner, registered(inner, base=MILK, contains=6))

    line.report(received(1, a_case()))

    assert line.stock() == {(MILK, "L:L1"): 24}


def test_cases_that_contain_each_other_are_left_as_they_were_read() -> None:
    line = Line()
    line.report(received(2, a_case()), received(5))
    line.case("product", MILK_CASE, registered(MILK_CASE, base=MILK, contains=12))

    line.case("product", MILK, registered(MILK, base=MILK_CASE, contains=2))

    assert line.stock() == {(MILK, "L:L1"): 5, (MILK_CASE, "L:L1"): 2}


def test_boxes_and_jin_of_one_product_add_up_where_the_register_says_what_a_box_holds() -> None:
    line = Line()
    box = Pack(unit=Unit.BOX, holds=of(Unit.KILOGRAM, "15"))
    line.case("product", MILK, registered(MILK, packs=(box,)))

    line.report(
        received(1, quantity=of(Unit.BOX, "2")), sold(1, quantity=of(Unit.JIN, "47.5")),
    )  # fmt: skip

    (row,) = line.rows("stock")
    assert (row.unit, row.amount) == ("g", (30_000 - 23_750) * 1000)


def test_packs_that_lead_in_a_circle_convert_nothing() -> None:
    one = Pack(unit=Unit.BOX, holds=of(Unit.BAG, "2"))
    other = Pack(unit=Unit.BAG, holds=of(Unit.BOX, "3"))

    assert unpacked("box", 1000, [one, other]) == ("box", 1000)


@pytest.mark.parametrize("unit", [Unit.KILOGRAM, Unit.JIN, Unit.LITRE])
def test_a_weight_is_no_pack(unit: Unit) -> None:
    with pytest.raises(ValueError, match="a pack is a piece"):
        Pack(unit=unit, holds=of(Unit.PIECE, "2"))


@pytest.mark.parametrize("late", [True, False])
def test_goods_known_here_by_number_and_there_by_date_are_one_lot(*, late: bool) -> None:
    line = Line()
    both, by_date = received(5, milk("L1", produced=D)), sold(2, milk(None, produced=D))

    line.report(*([by_date, both] if late else [both, by_date]))

    assert line.stock() == {(MILK, "L:L1"): 3}


def test_a_date_on_the_labels_of_two_lots_is_neither_until_one_is_taken_back() -> None:
    line = Line()
    tape = line.report(
        received(5, milk("A", produced=D)), received(5, milk("B", produced=D)),
        sold(2, milk(None, produced=D)),
    )  # fmt: skip
    assert line.stock() == {(MILK, "L:A"): 5, (MILK, "L:B"): 5, (MILK, f"D:{D}"): -2}

    line.report(corrected(tape.id, 3), tape=tape)

    assert line.stock() == {(MILK, "L:A"): 3}


def test_a_tie_that_two_labels_state_outlives_one_of_them() -> None:
    line = Line()
    tape = line.report(
        received(5, milk("A", produced=D)), received(4, milk("A", produced=D)),
        sold(2, milk(None, produced=D)),
    )  # fmt: skip

    line.report(corrected(tape.id, 2), tape=tape)

    assert line.stock() == {(MILK, "L:A"): 2}


def test_a_last_good_day_leads_over_the_production_day_to_the_lot() -> None:
    line = Line()

    line.report(
        sold(1, milk(None, expires=E)),
        received(3, milk(None, produced=D, expires=E)),
        received(5, milk("A", produced=D)),
    )

    assert line.stock() == {(MILK, "L:A"): 7}


def test_deliveries_of_one_number_at_two_merchants_are_two_lots() -> None:
    line = Line()
    fish = GoodsAsRead(item="草鱼")
    line.report(received(2, fish, delivery="1"))
    other = line.enroll(FakeTape("scanner-2"), "m-2")

    line.report(received(3, fish, delivery="1", merchant="m-2", premises="p-2"), tape=other)

    assert line.stock() == {("item:草鱼", "R:m-1/1"): 2, ("item:草鱼", "R:m-2/1"): 3}


def test_waste_of_a_delivery_comes_off_that_delivery_and_a_sale_off_none() -> None:
    line = Line()
    fish = GoodsAsRead(item="草鱼")

    line.report(
        received(9, fish, delivery="1"), disposed(2, fish, delivery="1"),
        sold(3, fish, delivery="V-7"),
    )  # fmt: skip

    assert line.stock() == {("item:草鱼", "R:m-1/1"): 7, ("item:草鱼", ""): -3}
    assert line.open_alerts() == []


def between(line: Line) -> dict[str, Bounds]:
    """What each lot's stock lies between, in pieces."""
    shelves = {(s.premises, s.product, s.unit): s for s in line.rows("shelves")}
    found = {}
    for row in line.rows("stock"):
        least, most = bounds(row, shelves[row.premises, row.product, row.unit])
        found[row.lot] = Bounds(least // 1000, most // 1000)
    return found


def test_a_count_of_the_whole_bounds_every_lot_though_one_was_given_out_that_never_came() -> None:
    line = Line()
    wrong = milk(None, expires=TODAY + days(9))

    line.report(received(16, milk("A")), disposed(100, wrong), counted(1, milk(None)))

    assert all(most <= 1 for _, most in between(line).values())
    line.report(received(4, milk("B")))
    assert between(line)["L:B"][1] <= 5
    assert between(line)["L:A"][1] <= 5


def test_what_was_sold_without_its_lot_may_have_been_of_any() -> None:
    line = Line()

    line.report(received(10, milk("A")), received(3, milk("B")), sold(8, milk(None)))

    assert between(line)["L:A"] == (2, 5)
    assert between(line)["L:B"] == (0, 3)


def test_with_one_lot_there_a_sale_without_lot_was_of_it() -> None:
    line = Line()

    line.report(received(10, milk("A")), sold(8, milk(None)))

    assert between(line)["L:A"] == (2, 2)


@pytest.mark.parametrize("late", [True, False])
def test_a_count_of_one_lot_says_where_unnamed_goods_came_from(*, late: bool) -> None:
    line = Line()
    reports = [
        received(10, milk("A"), at=NOON - 4 * HOUR), received(10, milk("B"), at=NOON - 4 * HOUR),
        sold(8, milk(None), at=NOON - 3 * HOUR), counted(4, milk("A"), at=NOON - 2 * HOUR),
    ]  # fmt: skip

    # Each on a tape of its own: within one nothing comes before what stands in front of it.
    for report in reversed(reports) if late else reports:
        line.report(report, tape=line.enroll(FakeTape()))

    assert between(line)["L:A"] == (4, 4)
    assert between(line)["L:B"] == (8, 10)


def test_a_sale_after_a_count_is_not_what_the_count_missed() -> None:
    line = Line()

    line.report(
        received(10, milk("A"), at=NOON - 4 * HOUR),
        sold(3, milk(None), at=NOON - HOUR),
    )
    line.report(counted(4, milk("A"), at=NOON - 2 * HOUR), tape=line.enroll(FakeTape()))

    assert between(line)["L:A"] == (1, 1)


def test_sold_out_empties_every_lot_of_the_product() -> None:
    line = Line()

    line.report(received(10, milk("A")), received(10, milk("B")), counted(0, milk(None)))

    assert set(between(line).values()) == {(0, 0)}
    assert set(line.stock().values()) == {0}


def test_a_count_of_the_whole_product_narrows_every_lot() -> None:
    line = Line()

    line.report(received(10, milk("A")), received(3, milk("B")), counted(4, milk(None)))

    assert between(line)["L:A"] == (1, 4)
    assert between(line)["L:B"] == (0, 3)


def test_days_totals_leave_a_lot_past_its_end_to_be_looked_at_and_not_accused() -> None:
    line = Line()
    line.market(TODAY)
    mode = SalesModeStated(merchant="m-1", premises="p-1", mode="day-totals", from_day=TODAY)
    line.case("merchant", "m-1", mode)

    tape = line.report(received(10, milk(expires=TODAY - days(1))))
    assert line.open_alerts() == ["shelf-check"]

    line.report(counted(0), tape=tape)
    assert line.open_alerts() == []


def test_a_mode_that_begins_tomorrow_accuses_until_then() -> None:
    line = Line()
    line.market(TODAY)
    mode = SalesModeStated(merchant="m-1", premises="p-1", mode="none", from_day=TODAY + days(1))
    line.case("merchant", "m-1", mode)
    line.report(received(10, milk(expires=TODAY - days(1))))
    assert line.open_alerts() == ["expired-in-stock"]

    line.begin(TODAY + days(1))

    assert line.open_alerts() == ["shelf-check"]


def test_a_days_total_moves_every_line_and_is_voided_whole() -> None:
    line = Line()
    lines = [
        Portion(goods=milk(None), quantity=pieces(4)),
        Portion(goods=milk("B"), quantity=pieces(1)),
    ]
    tape = line.report(received(5, milk("A")), received(2, milk("B")), totalled(*lines))
    assert line.stock() == {(MILK, "L:A"): 5, (MILK, "L:B"): 1, (MILK, ""): -4}

    line.report(corrected(tape.id, 4, goods=milk("A"), quantity=pieces(1)), tape=tape)
    assert line.open_alerts() == ["correction-refused"]
    line.report(corrected(tape.id, 4), tape=tape)

    assert line.stock() == {(MILK, "L:A"): 5, (MILK, "L:B"): 2}


def test_goods_booked_under_a_number_by_their_date_do_not_keep_the_tie_alive() -> None:
    line = Line()
    tape = line.report(received(5, milk("A", produced=D)), received(2, milk(None, produced=D)))
    assert line.stock() == {(MILK, "L:A"): 7}

    line.report(corrected(tape.id, 2), tape=tape)

    assert line.stock() == {(MILK, f"D:{D}"): 2}


def test_a_count_after_sales_by_a_date_that_two_lots_bear_does_not_call_the_shelf_oversold() -> (
    None
):
    line = Line()
    at = [NOON - n * HOUR for n in (4, 3, 2)]

    line.report(
        received(20, milk("A", expires=E), at=at[0]), received(2, milk("B", expires=E), at=at[0]),
        sold(15, milk(None, expires=E), at=at[1]), counted(4, milk("A"), at=at[2]),
    )  # fmt: skip

    assert line.open_alerts() == []


def test_more_sold_by_a_date_than_came_in_of_all_its_lots_is_oversold() -> None:
    line = Line()

    line.report(
        received(3, milk("A", expires=E)), received(2, milk("B", expires=E)),
        sold(6, milk(None, expires=E)),
    )  # fmt: skip

    assert line.open_alerts() == ["oversold"]


def test_packs_that_multiply_beyond_all_weight_are_not_believed() -> None:
    line, million = Line(), Decimal(1_000_000)
    steps = [Unit.CASE, Unit.BOX, Unit.BAG, Unit.BOTTLE, Unit.KILOGRAM]
    packs = tuple(
        Pack(unit=unit, holds=StatedQuantity(amount=million, unit=inner))
        for unit, inner in pairwise(steps)
    )
    line.case("product", MILK, registered(MILK, packs=packs))

    line.report(received(1, quantity=StatedQuantity(amount=million, unit=Unit.CASE)))

    (row,) = line.rows("stock")
    assert (row.unit, row.amount) == ("case", 10**9)


def test_a_bottle_of_what_is_sold_by_the_bottle_is_one_of_it() -> None:
    line = Line()

    line.report(received(1, quantity=of(Unit.BOTTLE, "24")), sold(2))

    assert line.stock() == {(MILK, "L:L1"): 22}
