"""Papers held against the goods they came with, whichever is reported first."""

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.events.base import Event
from ledger.events.reports import CertificateFiled, GoodsAsRead
from ledger.values.quantity import StatedQuantity, Unit
from tests.support.line import Line
from tests.support.make import (
    MILK,
    MILK_CASE,
    TODAY,
    FakeTape,
    clock,
    corrected,
    days,
    milk,
    received,
    registered,
    sold,
)

PICTURE, OTHER = "0" * 64, "1" * 64


def paper(kind: str = "quarantine", **fields: Any) -> CertificateFiled:
    common: dict[str, Any] = {
        "merchant": "m-1", "premises": "p-1", "business_date": TODAY, "clock": clock(),
        "session": "00000000-0000-4000-8000-000000000009", "document": PICTURE, "kind": kind,
        "number": "湘检 1", "issuer": "岳麓区动检站", "valid_from": TODAY - days(5),
        "gtins": (MILK,),
    }  # fmt: skip
    return CertificateFiled(**(common | fields))


def line_of(category: str = "meat") -> Line:
    """A line whose product, whatever its name, is of a category that needs papers."""
    line = Line()
    line.case("product", MILK, registered(MILK, category=category))
    return line


@pytest.mark.parametrize("paper_first", [True, False])
def test_meat_bought_without_its_quarantine_paper_is_noticed_until_it_is_filed(
    *, paper_first: bool
) -> None:
    line = line_of()
    first, second = (paper(), received()) if paper_first else (received(), paper())

    tape = line.report(first)
    assert line.open_alerts() == ([] if paper_first else ["paper-missing"])
    line.report(second, tape=tape)

    assert line.open_alerts() == []


def test_pork_needs_both_papers_and_milk_none() -> None:
    pork, dairy = line_of("pork"), line_of("dairy")

    for line in (pork, dairy):
        line.report(received(), paper())

    assert pork.open_alerts() == ["paper-missing"]
    assert dairy.open_alerts() == []


def test_a_paper_that_had_run_out_at_purchase_is_told_from_none_at_all() -> None:
    line = line_of()

    line.report(paper(valid_until=TODAY - days(1)), received())

    assert line.open_alerts() == ["paper-expired"]


def test_a_paper_filed_once_serves_every_later_delivery_and_every_buyer_of_its_lots() -> None:
    line = line_of()
    line.report(paper(lots=("A",), supplier="m-9"))
    other = line.enroll(FakeTape("scanner-2"), "m-2")

    line.report(
        received(1, milk("A"), merchant="m-2", premises="p-2", counterparty="m-9"),
        received(1, milk("A"), merchant="m-2", premises="p-2", counterparty="m-9",
                 business_date=TODAY + days(3)), tape=other,
    )  # fmt: skip

    assert line.open_alerts() == []


def test_a_paper_of_another_lot_or_another_supplier_covers_nothing() -> None:
    line = line_of()

    line.report(
        paper(lots=("A",), supplier="m-9"), received(1, milk("B"), counterparty="m-9"),
        received(1, milk("A"), counterparty="m-8"),
    )  # fmt: skip

    assert line.open_alerts() == ["paper-missing", "paper-missing"]


def test_a_category_stated_later_asks_for_the_papers_of_what_was_bought_before() -> None:
    line = line_of("dairy")
    line.report(received())
    line.follow()

    line.case("product", MILK, registered(MILK, category="meat"))
    assert line.open_alerts() == ["paper-missing"]
    line.case("product", MILK, registered(MILK, category="dairy"))

    assert line.open_alerts() == []


def test_one_number_with_two_pictures_is_noticed_until_one_is_taken_back() -> None:
    line = line_of("dairy")
    tape = line.report(paper(), paper(document=OTHER))
    assert line.open_alerts() == ["paper-number-twice"]

    line.report(corrected(tape.id, 3), tape=tape)

    assert line.open_alerts() == []


@pytest.mark.parametrize("paper_first", [True, False])
def test_a_paper_that_came_with_goods_of_another_lot_is_noticed(*, paper_first: bool) -> None:
    line = line_of("dairy")
    both: list[Event] = [paper(lots=("A",)), received(1, milk("B"), documents=(PICTURE,))]

    line.report(*(both if paper_first else reversed(both)))

    assert line.open_alerts() == ["paper-of-other-goods"]


def test_the_same_paper_with_its_own_lot_or_a_lot_not_yet_known_is_fine() -> None:
    line = line_of("dairy")

    line.report(
        paper(lots=("A",)), received(1, milk("A"), documents=(PICTURE,)),
        received(1, milk(None, produced=TODAY), documents=(PICTURE,)),
    )  # fmt: skip

    assert line.open_alerts() == []


def kilos(amount: int) -> StatedQuantity:
    return StatedQuantity(amount=Decimal(amount), unit=Unit.KILOGRAM)


def test_more_sold_than_a_paper_covers_is_noticed_both_sides_counting_once() -> None:
    line = line_of("dairy")
    tape = line.report(
        paper(quantity=kilos(10), merchant="m-1"),
        sold(1, counterparty="m-2", quantity=kilos(6), delivery="V-1"),
    )  # fmt: skip
    buyer = line.enroll(FakeTape("scanner-2"), "m-2")
    bought = {"merchant": "m-2", "premises": "p-2", "counterparty": "m-1"}
    line.report(received(1, quantity=kilos(6), delivery="V-1", **bought), tape=buyer)
    assert line.open_alerts() == ["oversold"]

    line.report(sold(1, counterparty="m-3", quantity=kilos(5)), tape=tape)

    assert sorted(line.open_alerts()) == ["oversold", "sold-beyond-paper"]


LOTS = st.sampled_from(["A", "B", None])
GTINS = st.sampled_from([MILK, MILK_CASE])
PAPERS = st.builds(
    lambda gtin, lot, kind, picture, until, quantity: paper(
        kind, gtins=(gtin,), lots=(lot,) if lot else (), document=picture, valid_until=until,
        quantity=quantity, supplier="m-9", number=f"N{picture[0]}{kind[0]}" if lot else "N",
    ),
    GTINS, LOTS, st.sampled_from(["quarantine", "release"]), st.sampled_from([PICTURE, OTHER]),
    st.sampled_from([None, TODAY - days(1)]),
    st.sampled_from([None, StatedQuantity(amount=Decimal(8), unit=Unit.PIECE)]),
)  # fmt: skip
RECEIPTS = st.builds(
    lambda gtin, lot, produced, units, picture, supplier: received(
        units, GoodsAsRead(gtin=gtin, lot=lot, produced=produced), documents=picture,
        counterparty=supplier,
    ),
    GTINS, LOTS, st.sampled_from([None, TODAY]), st.integers(1, 5),
    st.sampled_from([(), (PICTURE,), (OTHER,)]), st.sampled_from([None, "m-9"]),
)  # fmt: skip


def told(events: list[Event], order: int) -> Line:
    """Each report on a scanner of its own, the register's entries somewhere among them."""
    line, dice = Line(), random.Random(order)
    steps: list[Any] = list(enumerate(events))
    steps += [registered(MILK, category="meat"), registered(MILK_CASE, base=MILK, contains=12)]
    dice.shuffle(steps)
    for step in steps:
        if isinstance(step, tuple):
            tape = FakeTape(f"scanner-{step[0]}")
            tape.id = f"00000000-0000-4000-8000-{step[0]:012x}"
            line.report(step[1], tape=line.enroll(tape))
        else:
            line.case("product", step.gtin, step)
    return line


def open_paper_alerts(line: Line) -> list[tuple[str, str]]:
    # A paper is named by its place in the record there, which is the order itself.
    return sorted(
        (a.kind, a.subject if a.kind != "sold-beyond-paper" else a.product or "")
        for a in line.rows("alerts") if a.closed_at is None and "paper" in a.kind
    )  # fmt: skip


@settings(
    max_examples=150, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(st.lists(PAPERS | RECEIPTS, min_size=1, max_size=6), st.integers(0, 99), st.integers(0, 99))
def test_papers_and_goods_in_any_order_give_the_same_alerts(
    events: list[Event], one: int, other: int
) -> None:
    assert open_paper_alerts(told(events, one)) == open_paper_alerts(told(events, other))


@pytest.mark.parametrize("first", ["entry", "void"])
def test_a_voided_entry_has_no_paper_of_other_goods_any_more(first: str) -> None:
    line = line_of("dairy")
    tape, other = line.report(paper(lots=("A",))), line.enroll(FakeTape("scanner-2"))
    steps: list[tuple[FakeTape, Event]] = [
        (tape, received(1, milk("B"), documents=(PICTURE,))), (other, corrected(tape.id, 3)),
    ]  # fmt: skip
    for at, event in steps if first == "entry" else reversed(steps):
        line.report(event, tape=at)

    assert line.open_alerts() == []
