"""What is really on a shelf lies between what the ledger says at least and at most."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.events.base import Event
from ledger.events.reports import GoodsReturned
from ledger.projections.shelves import bounds
from ledger.projections.stock import stock_from
from tests.support.line import Line
from tests.support.make import (
    NOON,
    TODAY,
    FakeTape,
    corrected,
    counted,
    days,
    milk,
    received,
    registered,
    sold,
)

# The last bears no number: its day is its name.
LOTS = ("A", "B", "C", "")
# Two lots of one day: whoever reads the day alone cannot tell them apart.
PRODUCED = {"A": TODAY, "B": TODAY, "C": TODAY - days(1), "": TODAY - days(2)}
# What a smudged label says: nothing ever came in by it.
NO_DAY = TODAY - days(3)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([
            "in", "out", "loose", "loose in", "back", "by date", "by no date",
            "count", "count by date", "count none by no date", "count all", "sold out",
        ]),
        st.sampled_from(LOTS), st.integers(1, 6),
    ),
    min_size=1, max_size=14,
)  # fmt: skip


def happens(steps: list[tuple[str, str, int]]) -> tuple[dict[str, int], list[Event]]:
    """Plays a shelf as it really is; returns what is there in the end, and what was reported."""
    there, told, dated = dict.fromkeys(LOTS, 0), [], set()
    for number, (what, lot, units) in enumerate(steps):
        at: datetime = NOON - timedelta(hours=20) + timedelta(minutes=number)
        if what in ("in", "count"):
            dated.add(lot)
        if what == "in":
            there[lot] += units
            told.append(received(units, milk(lot or None, produced=PRODUCED[lot]), at=at))
        elif what in ("out", "loose", "by date", "by no date"):
            sale = min(units, there[lot])
            there[lot] -= sale
            # A day leads to the lots that are known to bear it; of others it says nothing.
            by_day = (what == "by date" and lot in dated) or (what == "out" and not lot)
            produced = PRODUCED[lot] if by_day else None
            produced = NO_DAY if what == "by no date" else produced
            goods = milk((lot or None) if what == "out" else None, produced=produced)
            told.append(sold(sale, goods, at=at))
        elif what == "loose in":
            there[lot] += units
            told.append(received(units, milk(None), at=at))
        elif what == "back":
            there[lot] += units
            told.append(back(units, at=at))
        elif what == "count":
            # Who reads a lot's number off a label reads its day as well; a lot whose day nobody
            # ever stated is not among those that a day alone may mean.
            goods = milk(lot or None, produced=PRODUCED[lot])
            told.append(counted(there[lot], goods, at=at))
        elif what == "count by date":
            day = PRODUCED[lot]
            bearing = [one for one in LOTS if PRODUCED[one] == day]
            # What nobody ever said to be of that day is not looked for on the shelf.
            if not lot or all(one in dated or not there[one] for one in bearing):
                found = sum(there[one] for one in bearing)
                told.append(counted(found, milk(None, produced=day), at=at))
        elif what == "count none by no date":
            told.append(counted(0, milk(None, produced=NO_DAY), at=at))
        elif what == "count all":
            told.append(counted(sum(there.values()), milk(None), at=at))
        else:
            there = dict.fromkeys(LOTS, 0)
            told.append(counted(0, milk(None), at=at))
    return there, told


def back(units: int, at: datetime) -> GoodsReturned:
    """A customer brings goods back, and nobody looks at their lot."""
    fields = msgspec.structs.asdict(received(units, milk(None), at=at))
    return GoodsReturned(direction="from-customer", **fields)


@settings(max_examples=300, deadline=None)
@given(STEPS, st.data())
def test_the_truth_lies_between_and_in_any_order_of_arrival_the_same(
    steps: list[tuple[str, str, int]], data: Any
) -> None:
    there, told = happens(steps)
    order = data.draw(st.permutations(told))
    line, late = Line(), Line()
    for at in (line, late):
        at.case("product", registered("06901234567892").gtin, registered("06901234567892"))
    line.report(*told)
    # Each on a tape of its own: within one nothing comes before what stands in front of it.
    for report in order:
        late.report(report, tape=late.enroll(FakeTape()))

    assert between(line) == between(late)
    assert between(line) == added_up(line)
    for lot, (least, most) in between(line).items():
        assert least <= there.get(lot, 0) * 1000 <= most, (lot, least, most)


def added_up(line: Line) -> dict[str, tuple[int, int]]:
    """The same from the movements alone, as a question about the past adds them up."""
    believed = [m for m in line.rows("movements") if m.believed_to is None]
    return {
        _name(row.lot): tuple(bounds(row, shelf))
        for row, shelf in stock_from(believed) if _name(row.lot) in LOTS
    }  # fmt: skip


def between(line: Line) -> dict[str, tuple[int, int]]:
    shelves = {(s.product, s.unit): s for s in line.rows("shelves")}
    return {
        _name(row.lot): tuple(bounds(row, shelves[row.product, row.unit]))
        for row in line.rows("stock") if _name(row.lot) in LOTS
    }  # fmt: skip


def _name(lot: str) -> str | None:
    if lot.startswith("L:"):
        return lot[2:]
    return "" if lot == f"D:{PRODUCED['']}" else None


def test_counts_that_arrive_late_before_a_loose_sale_give_the_same_bounds() -> None:
    """The latest count to arrive was taken for the latest count there is."""
    at = [NOON - timedelta(hours=n) for n in (6, 5, 4, 3)]
    reports: list[Event] = [
        received(10, milk("A"), at=at[0]), received(10, milk("B"), at=at[0]),
        counted(10, milk("B"), at=at[1]), sold(2, milk(None), at=at[2]),
        counted(8, milk("A"), at=at[3]),
    ]  # fmt: skip
    late = [*reports[:2], reports[4], reports[2], reports[3]]
    found = []
    for order in (reports, late):
        line = Line()
        for report in order:
            line.report(report, tape=line.enroll(FakeTape()))
        found.append(between(line))

    assert found[0] == found[1] == {"A": (8000, 8000), "B": (10000, 10000)}


def test_a_count_that_finds_more_than_was_reported_is_believed() -> None:
    line = Line()

    line.report(
        received(3, milk("A"), at=NOON - timedelta(hours=3)),
        sold(7, milk(None), at=NOON - timedelta(hours=2)), counted(6, milk("B")),
    )  # fmt: skip

    assert between(line) == {"A": (0, 3000), "B": (6000, 6000)}
    assert line.open_alerts() == []


def test_a_count_settles_what_left_by_a_date_that_fits_no_delivery() -> None:
    """Who had counted a lot was told "5 to 10" for ever, as something had been sold by a wrong date."""
    at = [NOON - timedelta(hours=n) for n in (6, 5, 4, 3, 2)]
    told: list[Event] = [
        received(10, milk("A"), at=at[0]), received(10, milk("B"), at=at[0]),
        sold(5, milk(None, produced=NO_DAY), at=at[1]), counted(10, milk("A"), at=at[2]),
    ]  # fmt: skip
    line = Line()
    line.report(*told)

    assert between(line) == {"A": (10000, 10000), "B": (5000, 10000)}

    line.report(
        counted(0, milk(None, produced=NO_DAY), at=at[3]),
        sold(2, milk(None, produced=NO_DAY), at=at[4]),
    )

    assert between(line) == {"A": (8000, 10000), "B": (3000, 10000)}


def test_once_sold_out_what_left_by_a_date_before_counts_no_more() -> None:
    """A lot was called sure: what had left by a wrong date before the end was taken off twice."""
    at = [NOON - timedelta(hours=n) for n in (7, 6, 5, 4, 3)]
    line = Line()
    line.report(
        received(9, milk("A"), at=at[0]), sold(5, milk(None, produced=NO_DAY), at=at[1]),
        counted(4, milk("A"), at=at[2]), counted(0, milk(None), at=at[3]),
        received(9, milk("A"), at=at[4]), sold(6, milk(None, produced=NO_DAY), at=NOON),
    )  # fmt: skip

    assert between(line) == {"A": (3000, 9000)}


def test_a_count_that_is_taken_back_settles_nothing() -> None:
    line = Line()
    tape = line.report(
        received(9, milk("A"), at=NOON - timedelta(hours=3)),
        sold(5, milk(None, produced=NO_DAY), at=NOON - timedelta(hours=2)), counted(9, milk("A")),
    )  # fmt: skip
    assert between(line) == {"A": (9000, 9000)}

    line.report(corrected(tape.id, 4, reason="miscounted"), tape=tape)

    assert between(line) == added_up(line) == {"A": (4000, 9000)}


def test_a_count_by_a_date_that_two_lots_bear_counts_both_and_adds_nothing() -> None:
    """Who counted twelve packs of a day had twelve more in stock beside the two lots they were of."""
    at = [NOON - timedelta(hours=n) for n in (6, 5, 4, 3, 2, 1)]
    reports: list[Event] = [
        received(10, milk("A", produced=TODAY), at=at[0]),
        received(10, milk("B", produced=TODAY), at=at[1]), sold(5, milk(None), at=at[2]),
        counted(12, milk(None, produced=TODAY), at=at[3]),
    ]  # fmt: skip
    for order in (reports, reports[::-1]):
        line = Line()
        line.case("product", "06901234567892", registered("06901234567892"))
        for report in order:
            line.report(report, tape=line.enroll(FakeTape()))

        assert between(line) == added_up(line) == {"A": (2000, 10000), "B": (2000, 10000)}
        assert line.rows("shelves")[0].named == 12000

        line.report(counted(4, milk("A", produced=TODAY), at=at[4]))
        line.report(counted(8, milk("B", produced=TODAY), at=at[5]))
        assert between(line) == {"A": (4000, 4000), "B": (8000, 8000)}


def test_a_sale_that_arrives_late_before_a_count_by_date_is_in_that_count() -> None:
    at = [NOON - timedelta(hours=n) for n in (6, 5, 4)]
    reports: list[Event] = [
        received(10, milk("A", produced=TODAY), at=at[0]),
        received(10, milk("B", produced=TODAY), at=at[1]), sold(3, milk("A"), at=at[2]),
        counted(17, milk(None, produced=TODAY)),
    ]  # fmt: skip
    for order in ((0, 1, 2, 3), (0, 1, 3, 2)):
        line = Line()
        line.case("product", "06901234567892", registered("06901234567892"))
        for number in order:
            line.report(reports[number], tape=line.enroll(FakeTape()))

        assert between(line) == added_up(line) == {"A": (7000, 7000), "B": (10000, 10000)}


def test_a_count_by_date_that_finds_more_than_came_in_says_so_of_each_lot() -> None:
    line = Line()
    line.case("product", "06901234567892", registered("06901234567892"))

    line.report(
        received(3, milk("A", produced=TODAY), at=NOON - timedelta(hours=3)),
        received(3, milk("B", produced=TODAY), at=NOON - timedelta(hours=2)),
        counted(8, milk(None, produced=TODAY)),
    )  # fmt: skip

    assert between(line) == {"A": (3000, 5000), "B": (3000, 5000)}


def test_what_came_in_by_a_date_after_a_count_hides_nothing_that_left_since() -> None:
    """A counted lot was called surer than it was: a late delivery was set off against later sales."""
    at = [NOON - timedelta(hours=n) for n in (6, 5, 4, 3, 2)]
    reports: list[Event] = [
        received(10, milk("A"), at=at[0]), received(10, milk("B"), at=at[0]),
        sold(5, milk(None, produced=NO_DAY), at=at[1]), counted(10, milk("A"), at=at[2]),
        received(3, milk(None, produced=NO_DAY), at=at[3]),
        sold(4, milk(None, produced=NO_DAY), at=at[4]),
    ]  # fmt: skip
    for order in (reports, [*reports[:4], reports[5], reports[4]], reports[::-1]):
        line = Line()
        for report in order:
            line.report(report, tape=line.enroll(FakeTape()))

        assert between(line) == added_up(line) == {"A": (6000, 10000), "B": (4000, 10000)}
