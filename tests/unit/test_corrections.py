"""Corrections: what they reach, whichever comes first."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ledger.events.base import Event
from ledger.events.cases import OfficerCorrected
from ledger.events.reports import CertificateFiled, TestReportFiled
from ledger.projections.sweeps import read_sweeps
from tests.support.line import Line
from tests.support.make import (
    MILK,
    NOON,
    TODAY,
    FakeTape,
    clock,
    corrected,
    counted,
    days,
    milk,
    pieces,
    received,
    sold,
    totalled,
)
from tests.support.wild import examples

HOUR = timedelta(hours=1)


def two_scanners(line: Line) -> tuple[FakeTape, FakeTape]:
    return line.enroll(FakeTape("scanner-a")), line.enroll(FakeTape("scanner-b"))


def stock_after(order: str, first: list[Event], second: list[Any]) -> dict[Any, int]:
    """Lets scanner a report `first` and b `second`, which may name a's tape, in an order."""
    line = Line()
    a, b = two_scanners(line)
    events = [e(a.id) if callable(e) else e for e in second]
    both = {"ab": [(a, first), (b, events)], "ba": [(b, events), (a, first)]}[order]
    for tape, what in both:
        line.report(*what, tape=tape)
    return line.stock()


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_a_voided_session_stays_voided_for_entries_that_come_later(order: str) -> None:
    early = NOON - HOUR
    entries: list[Event] = [received(5, at=early), received(7, milk("L2"), at=early)]

    stock = stock_after(order, entries, [lambda tape: corrected(tape, 2, "session")])

    assert stock == {}


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_what_is_scanned_after_the_void_of_a_delivery_stands(order: str) -> None:
    late, early = NOON, NOON - 2 * HOUR
    entries: list[Event] = [
        received(5, delivery="D-1", at=early), received(6, delivery="D-1", at=late),
    ]  # fmt: skip

    stock = stock_after(
        order, entries,
        [lambda tape: corrected(tape, 2, "delivery", clock=clock(NOON - HOUR))],
    )  # fmt: skip

    assert stock == {(MILK, "L:L1"): 6}


def test_a_delivery_voided_and_scanned_again_on_one_scanner_counts_once() -> None:
    line = Line()
    tape = line.report(received(5, delivery="D-1"), received(2, milk("L2"), delivery="D-1"))

    line.report(corrected(tape.id, 2, "delivery"), received(4, delivery="D-1"), tape=tape)

    assert line.stock() == {(MILK, "L:L1"): 4}


def test_the_same_delivery_number_of_another_supplier_or_year_is_not_voided() -> None:
    line = Line()
    last_year = TODAY - days(365)
    tape = line.report(
        received(5, delivery="D-1", counterparty="m-8"),
        received(6, delivery="D-1", counterparty="m-9"),
        received(7, delivery="D-1", counterparty="m-8", business_date=last_year),
    )

    line.report(corrected(tape.id, 2, "delivery"), tape=tape)

    assert line.stock() == {(MILK, "L:L1"): 13}


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_a_line_corrected_after_its_session_was_voided_says_what_it_says(order: str) -> None:
    replaced = {"goods": milk(), "quantity": pieces(3)}

    stock = stock_after(
        order, [received(5, at=NOON - HOUR), received(7, milk("L2"), at=NOON - HOUR)],
        [lambda tape: corrected(tape, 2, "session"), lambda tape: corrected(tape, 2, **replaced)],
    )  # fmt: skip

    assert stock == {(MILK, "L:L1"): 3}


def test_voiding_a_count_brings_back_what_the_movements_say() -> None:
    line = Line()
    tape = line.report(
        received(10, at=NOON - 3 * HOUR), counted(4, at=NOON - 2 * HOUR), sold(1, at=NOON - HOUR)
    )
    assert line.stock() == {(MILK, "L:L1"): 3}

    line.report(corrected(tape.id, 3), tape=tape)

    assert line.stock() == {(MILK, "L:L1"): 9}


def test_voiding_what_came_before_a_count_leaves_the_count() -> None:
    line = Line()
    tape = line.report(received(10, at=NOON - 3 * HOUR), counted(4, at=NOON - 2 * HOUR))

    line.report(corrected(tape.id, 2), tape=tape)

    assert line.stock() == {(MILK, "L:L1"): 4}
    (row,) = line.rows("stock")
    assert row.taken_in == 0


def test_the_latest_correction_wins_whichever_entry_comes_first() -> None:
    """A replaced line of a voided delivery, replaced later than the void, stands in any order."""
    outcomes = []
    for order in ("abc", "bac", "cab", "cba", "bca", "acb"):
        line = Line()
        tapes = {name: line.enroll(FakeTape(f"scanner-{name}")) for name in "abc"}
        early = {"at": NOON - HOUR, "delivery": "D-1"}
        what: dict[str, list[Event]] = {
            "a": [received(5, **early)],
            "b": [received(7, milk("L2"), **early)],
            "c": [
                corrected(tapes["a"].id, 2, "delivery"),
                corrected(tapes["b"].id, 2, goods=milk("L2"), quantity=pieces(3)),
            ],
        }
        for name in order:
            line.report(*what[name], tape=tapes[name])
        outcomes.append({key: amount for key, amount in line.stock().items() if amount})

    assert outcomes == [{(MILK, "L:L2"): 3}] * 6


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_a_second_narrower_void_of_a_session_takes_nothing_back(order: str) -> None:
    entries: list[Event] = [received(5, at=NOON - 3 * HOUR), received(7, at=NOON - HOUR)]
    voids = [
        lambda tape: corrected(tape, 2, "session", clock=clock(NOON)),
        lambda tape: corrected(tape, 2, "session", clock=clock(NOON - 2 * HOUR)),
    ]

    assert stock_after(order, entries, voids) == {}


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_what_cannot_be_corrected_so_opens_an_alert(order: str) -> None:
    line = Line()
    a, b = two_scanners(line)
    steps: dict[str, tuple[FakeTape, list[Event]]] = {
        "a": (a, [*papers(), received(1), corrected(a.id, 4)]),
        "b": (b, [
            corrected(a.id, 2, merchant="m-2"),
            corrected(a.id, 3, goods=milk(), quantity=pieces(1)),
            corrected(a.id, 5), corrected(a.id, 1),
        ]),
    }  # fmt: skip
    for name in order:
        tape, events = steps[name]
        line.report(*events, tape=tape)

    refused = [row for row in line.rows("alerts") if row.kind == "correction-refused"]
    numbers = sorted(int(row.subject.split("|")[1]) for row in refused)
    assert numbers == [1, 2, 3, 5]
    assert all(row.believed_to is None for row in line.rows("papers"))


def supplied_by(line: Line) -> dict[str, int]:
    """What is believed to have come from whom."""
    rows = [row for row in line.rows("movements") if row.believed_to is None]
    return {str(row.counterparty): row.amount // 1000 for row in rows if row.amount}


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_a_delivery_booked_on_the_wrong_supplier_is_put_right_whole(order: str) -> None:
    line = Line()
    a, b = two_scanners(line)
    early = {"at": NOON - HOUR, "delivery": "D-1", "counterparty": "m-8"}
    steps: dict[str, tuple[FakeTape, list[Event]]] = {
        "a": (a, [received(5, **early), received(6, milk("L2"), **early)]),
        "b": (b, [corrected(a.id, 2, "delivery", counterparty="m-9")]),
    }
    for name in order:
        line.report(*steps[name][1], tape=steps[name][0])

    assert line.stock() == {(MILK, "L:L1"): 5, (MILK, "L:L2"): 6}
    believed = [row for row in line.rows("movements") if row.believed_to is None]
    assert [(row.counterparty, row.read_counterparty) for row in believed] == [("m-9", "m-9")] * 2
    pairs = {(c.seller, c.lot): c.received // 1000 for c in line.rows("pair_cells")}
    assert pairs == {("m-9", "L:L1"): 5, ("m-9", "L:L2"): 6}


def test_a_supplier_is_corrected_for_his_own_delivery_alone() -> None:
    """Two farmers in no register use the same number, and so does a buyer for what goes out."""
    line = Line()
    cards = ["5e4d3c2b-1a09-4f8e-9d7c-6b5a4938271" + digit for digit in "67"]
    tape = line.report(
        received(5, milk("A"), delivery="7", counterparty_card=cards[0]),
        received(6, milk("B"), delivery="7", counterparty_card=cards[1]),
        received(7, milk("C"), delivery="7", counterparty="m-8"),
        sold(2, milk("C"), delivery="7", counterparty="m-8"),
    )

    line.report(
        corrected(tape.id, 2, "delivery", counterparty="m-9"),
        corrected(tape.id, 4, "delivery"), tape=tape,
    )  # fmt: skip

    believed = {
        r.lot: (r.kind, r.counterparty) for r in line.rows("movements") if r.believed_to is None
    }
    assert believed == {
        "L:A": ("goods-received", "m-9"), "L:B": ("goods-received", None), "L:C": ("goods-sold", "m-8"),
    }  # fmt: skip


def test_goods_and_supplier_are_corrected_apart_in_any_order() -> None:
    """A line's amount mended before or after its delivery's supplier: both hold."""
    outcomes = []
    for order in ("abc", "acb", "bac", "bca", "cab", "cba"):
        line = Line()
        tapes = {name: line.enroll(FakeTape(f"scanner-{name}")) for name in "abc"}
        early = {"at": NOON - HOUR, "delivery": "D-1", "counterparty": "m-8"}
        what: dict[str, list[Event]] = {
            "a": [received(5, **early)],
            "b": [corrected(tapes["a"].id, 2, goods=milk(), quantity=pieces(3))],
            "c": [corrected(tapes["a"].id, 2, "delivery", counterparty="m-9")],
        }
        for name in order:
            line.report(*what[name], tape=tapes[name])
        outcomes.append(supplied_by(line))

    assert outcomes == [{"m-9": 3}] * 6


def test_a_line_voided_and_replaced_again_keeps_the_supplier_stated_meanwhile() -> None:
    line = Line()
    tape = line.report(received(5, delivery="D-1", counterparty="m-8"))
    line.report(
        corrected(tape.id, 2), corrected(tape.id, 2, "delivery", counterparty="m-9"), tape=tape
    )
    assert supplied_by(line) == {}

    line.report(corrected(tape.id, 2, goods=milk(), quantity=pieces(4)), tape=tape)

    assert supplied_by(line) == {"m-9": 4}


def test_a_delivery_whose_supplier_was_corrected_can_still_be_voided() -> None:
    line = Line()
    tape = line.report(received(5, delivery="D-1", counterparty="m-8"))
    line.report(corrected(tape.id, 2, "delivery", counterparty="m-9"), tape=tape)

    line.report(corrected(tape.id, 2, "delivery"), tape=tape)

    assert supplied_by(line) == {}
    assert line.stock() == {}


def test_a_count_was_with_nobody_and_cannot_be_said_to_be() -> None:
    line = Line()
    tape = line.report(counted(5), received(3, milk("L2"), counterparty="m-8"))

    line.report(corrected(tape.id, 2, counterparty="m-9"), tape=tape)
    line.report(corrected(tape.id, 3, "session", counterparty="m-9"), tape=tape)

    assert line.open_alerts() == ["correction-refused"]
    assert line.stock() == {(MILK, "L:L1"): 5, (MILK, "L:L2"): 3}
    assert [r.counterparty for r in line.rows("movements") if r.believed_to is None] == [
        None,
        "m-9",
    ]


def officer(tape: str, number: int, **fields: Any) -> OfficerCorrected:
    return OfficerCorrected(
        merchant="m-1",
        target_tape=tape,
        target_number=number,
        by="officer-1",
        reason="现场核实",
        **({"scope": "line"} | fields),
    )


@pytest.mark.parametrize("first", ["entry", "officer"])
def test_an_officer_corrects_a_merchants_entry_through_a_case(first: str) -> None:
    line = Line()
    line.now = NOON + HOUR
    tape = line.enroll(FakeTape())
    fix = officer(tape.id, 2, goods=milk(), quantity=pieces(3))
    if first == "officer":
        line.case("officer", "a", fix)
    line.report(received(5), tape=tape)
    if first == "entry":
        line.case("officer", "a", fix)

    assert line.stock() == {(MILK, "L:L1"): 3}
    line.report(corrected(tape.id, 2), tape=tape)
    assert line.stock() == {}, "the latest counts, whoever made it"


def test_an_officer_who_names_another_merchant_than_the_entrys_has_no_effect() -> None:
    line = Line()
    tape = line.report(received(5), *papers())

    line.case("officer", "a", msgspec.structs.replace(officer(tape.id, 2), merchant="m-2"))
    assert line.stock() == {(MILK, "L:L1"): 5}
    assert line.open_alerts() == ["correction-refused"]
    line.case("officer", "b", officer(tape.id, 3, scope="session"))

    assert all(row.believed_to is not None for row in line.rows("papers"))


def test_a_days_takings_without_lines_stop_nobody_and_can_be_taken_back() -> None:
    line = Line()
    tape = line.report(totalled(total_fen=12_300), received(5))

    line.report(corrected(tape.id, 2), tape=tape)

    assert line.stock() == {(MILK, "L:L1"): 5}
    assert line.open_alerts() == []


def test_who_adds_the_lot_to_a_confirmed_line_takes_nothing_back() -> None:
    line = Line()
    seller, buyer = two_scanners(line)
    line.enroll(buyer, "m-2")
    line.report(sold(5, milk(None), counterparty="m-2", delivery="D-1"), tape=seller)
    line.report(
        received(5, merchant="m-2", premises="p-2", counterparty="m-1", delivery="D-1"), tape=buyer
    )

    line.report(corrected(seller.id, 2, goods=milk(), quantity=pieces(5)), tape=seller)

    assert [r.contested for r in line.rows("movements") if r.believed_to is not None] == [None]


@pytest.mark.parametrize(("bought", "contested"), [(5, "confirmed"), (4, None)])
def test_a_correction_after_the_other_side_confirmed_keeps_both_readings(
    bought: int, contested: str | None
) -> None:
    line = Line()
    seller, buyer = two_scanners(line)
    line.enroll(buyer, "m-2")
    line.report(sold(5, counterparty="m-2", delivery="D-1"), tape=seller)
    line.report(
        received(bought, merchant="m-2", premises="p-2", counterparty="m-1", delivery="D-1"),
        tape=buyer,
    )

    line.report(corrected(seller.id, 2), tape=seller)

    (closed,) = [row for row in line.rows("movements") if row.believed_to is not None]
    assert closed.contested == contested


def papers() -> list[Event]:
    known = (CertificateFiled, TestReportFiled)
    return [e for e in examples() if isinstance(e, known)]


@pytest.mark.parametrize(("scope", "left"), [("line", ["test"]), ("session", [])])
@pytest.mark.parametrize("first", ["papers", "correction"])
def test_a_voided_paper_is_no_longer_shown(scope: str, left: list[str], first: str) -> None:
    line = Line()
    a, b = two_scanners(line)
    void = corrected(a.id, 2, scope, clock=clock(NOON + HOUR))
    line.now = NOON + 2 * HOUR
    steps: list[tuple[FakeTape, list[Event]]] = [(a, papers()), (b, [void])]
    for tape, events in steps if first == "papers" else reversed(steps):
        line.report(*events, tape=tape)

    rows = line.rows("papers")
    assert [row.kind for row in rows if row.believed_to is None] == left
    assert len(rows) == 2, "what was voided stays on record"


@pytest.mark.parametrize("order", ["papers", "voids"])
def test_a_paper_voided_twice_stays_voided_with_its_session(order: str) -> None:
    line = Line()
    a, b = two_scanners(line)
    line.now = NOON + 3 * HOUR
    voids: list[Event] = [
        corrected(a.id, 2, "session", clock=clock(NOON + 2 * HOUR)),
        corrected(a.id, 2, "line", clock=clock(NOON + 2 * HOUR)),
        corrected(a.id, 2, "session", clock=clock(NOON - HOUR)),
    ]
    steps: list[tuple[FakeTape, list[Event]]] = [(a, papers()), (b, voids)]
    for tape, events in steps if order == "papers" else reversed(steps):
        line.report(*events, tape=tape)

    assert all(row.believed_to is not None for row in line.rows("papers"))


def test_a_paper_of_another_merchant_cannot_be_voided() -> None:
    line = Line()
    a, b = two_scanners(line)
    line.report(*papers(), tape=a)

    line.report(corrected(a.id, 2, merchant="m-2"), tape=b)

    assert all(row.believed_to is None for row in line.rows("papers"))


def test_hundreds_of_corrections_of_one_line_leave_the_last_one_standing() -> None:
    line = Line()
    tape = line.report(received(5))

    line.report(
        *(corrected(tape.id, 2, goods=milk(), quantity=pieces(n)) for n in range(190)), tape=tape
    )

    assert line.stock() == {(MILK, "L:L1"): 189}
    believed = [row for row in line.rows("movements") if row.believed_to is None]
    assert len(believed) == 1


def test_hundreds_of_voids_of_one_session_are_remembered_as_one() -> None:
    line = Line()
    tape = line.report(received(5))

    for _ in range(30):
        line.report(corrected(tape.id, 2, "session"), tape=tape)

    scopes = [row for row in line.rows("swept_scopes") if row.scope]
    assert [len(read_sweeps(row.sweeps)) for row in scopes] == [1]


def test_a_device_without_the_merchants_mandate_voids_nothing() -> None:
    line = Line()
    tape = line.report(received(5), *papers())
    other = line.enroll(FakeTape("scanner-2"), "m-2")

    line.report(corrected(tape.id, 2), corrected(tape.id, 3), tape=other)

    assert line.stock() == {(MILK, "L:L1"): 5}
    assert all(row.believed_to is None for row in line.rows("papers"))
    assert "correction-refused" in line.open_alerts()


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_the_entry_a_void_names_is_voided_though_a_clock_says_it_came_later(order: str) -> None:
    early = clock(NOON - 2 * HOUR)

    stock = stock_after(
        order, [received(5, at=NOON - HOUR)],
        [lambda tape: corrected(tape, 2, "session", clock=early)],
    )  # fmt: skip

    assert stock == {}
