"""Laws of stops: what is stopped follows from what was recorded, not from the order it came in."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.events.base import Event
from ledger.events.holds import HoldReleased, StoppedGoods
from ledger.events.recalls import RecallNarrowed, RecallWidened
from tests.properties.test_laws import SLOW, reports
from tests.support.line import Line, replay, snapshot
from tests.support.make import (
    MILK,
    MILK_CASE,
    TODAY,
    held,
    recalled,
    registered,
    stopped_goods,
)

DATES = st.none() | st.dates(TODAY - timedelta(days=40), TODAY + timedelta(days=40))


@st.composite
def lines(draw: Any) -> StoppedGoods:
    """A line that stops milk: by lot, by dates, by its supplier, or all of it."""
    if draw(st.booleans()):
        return StoppedGoods(supplier="m-2", product=draw(st.none() | st.just(MILK)))
    first, last = draw(DATES), draw(DATES)
    if first is not None and last is not None and first > last:
        first, last = last, first
    return stopped_goods(
        draw(st.sampled_from([MILK, MILK_CASE])), lot=draw(st.sampled_from(["A", "B", None])),
        expires_from=first, expires_until=last,
    )  # fmt: skip


@st.composite
def decisions(draw: Any) -> tuple[str, str, Event]:
    """A hold or recall, or what changes one."""
    goods = draw(lines())
    return draw(
        st.sampled_from(
            [
                ("hold", "h-1", held(goods)),
                ("hold", "h-1", HoldReleased(hold="h-1", reason="x", by="o-1")),
                ("recall", "r-1", recalled(goods)),
                ("recall", "r-1", RecallWidened(recall="r-1", goods=(goods,), reason="x", by="o-1")),
                ("recall", "r-1", RecallNarrowed(
                    recall="r-1", goods=(goods,), reason="x", by="o-1", checked_by="o-2")),
                ("product", MILK_CASE, registered(MILK_CASE, base=MILK, contains=12)),
            ]
        )
    )  # fmt: skip


def take(line: Line, tape: Any, steps: list[Any]) -> Any:
    for step in steps:
        if isinstance(step, tuple):
            line.case(*step)
        else:
            tape = line.report(step, tape=tape)
    return tape


@given(st.lists(reports() | decisions(), max_size=12), st.lists(st.integers(1, 5), min_size=1))
@SLOW
def test_a_replay_in_other_pages_stops_the_same(steps: list[Any], sizes: list[int]) -> None:
    line = Line()

    take(line, None, steps)

    assert snapshot(line) == replay(line, sizes)


@given(
    st.lists(reports(), max_size=8), st.lists(lines(), min_size=1, max_size=3), st.integers(0, 8)
)
@SLOW
def test_goods_that_come_after_a_hold_are_stopped_as_those_before_it(
    entries: list[Event], goods: list[StoppedGoods], place: int
) -> None:
    found = []
    for at in (place, 8):
        line = Line()
        hold = ("hold", "h-1", held(*goods))
        take(line, None, [*entries[:at], hold, *entries[at:]])
        found.append({(row.product, row.lot): row.how for row in line.rows("stopped_lots")
                      if row.ended_at is None})  # fmt: skip

    known = {(row.product, row.lot) for row in line.rows("lots")}
    assert {lot: how for lot, how in found[0].items() if lot in known} == found[1]
