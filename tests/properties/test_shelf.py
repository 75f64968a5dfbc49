"""What is really on a shelf lies between what the ledger says at least and at most."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.events.base import Event
from ledger.projections.stock import bounds
from tests.support.line import Line
from tests.support.make import (
    NOON,
    TODAY,
    FakeTape,
    counted,
    days,
    milk,
    received,
    registered,
    sold,
)

LOTS = ("A", "B", "C")
# Two lots of one day: whoever reads the day alone cannot tell them apart.
PRODUCED = {"A": TODAY, "B": TODAY, "C": TODAY - days(1)}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["in", "out", "loose", "by date", "count", "count all", "sold out"]),
        st.sampled_from(LOTS), st.integers(1, 6),
    ),
    min_size=1, max_size=14,
)  # fmt: skip


def happens(steps: list[tuple[str, str, int]]) -> tuple[dict[str, int], list[Event]]:
    """Plays a shelf as it really is; returns what is there in the end, and what was reported."""
    there, told = dict.fromkeys(LOTS, 0), []
    for number, (what, lot, units) in enumerate(steps):
        at: datetime = NOON - timedelta(hours=20) + timedelta(minutes=number)
        if what == "in":
            there[lot] += units
            told.append(received(units, milk(lot, produced=PRODUCED[lot]), at=at))
        elif what in ("out", "loose", "by date"):
            sale = min(units, there[lot])
            there[lot] -= sale
            produced = PRODUCED[lot] if what == "by date" else None
            goods = milk(lot if what == "out" else None, produced=produced)
            told.append(sold(sale, goods, at=at))
        elif what == "count":
            told.append(counted(there[lot], milk(lot), at=at))
        elif what == "count all":
            told.append(counted(sum(there.values()), milk(None), at=at))
        else:
            there = dict.fromkeys(LOTS, 0)
            told.append(counted(0, milk(None), at=at))
    return there, told


@settings(max_examples=300, deadline=None)
@given(STEPS, st.data())
def test_the_truth_lies_between_and_in_any_order_of_arrival_the_same(
    steps: list[tuple[str, str, int]], data: Any
) -> None:
    there, told = happens(steps)
    order = data.draw(st.permutations(told))
    line, late = Line(), Line()
    for at, reports in ((line, told), (late, order)):
        at.case("product", registered("06901234567892").gtin, registered("06901234567892"))
        tape = at.enroll(FakeTape())
        at.report(*reports, tape=tape)

    assert between(line) == between(late)
    for lot, (least, most) in between(line).items():
        assert least <= there.get(lot, 0) * 1000 <= most, (lot, least, most)


def between(line: Line) -> dict[str, tuple[int, int]]:
    shelves = {(s.product, s.unit): s for s in line.rows("shelves")}
    return {
        row.lot[2:]: tuple(bounds(row, shelves[row.product, row.unit]))
        for row in line.rows("stock") if row.lot.startswith("L:")
    }  # fmt: skip
