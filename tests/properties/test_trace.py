"""Laws of the trace: what the engines' rules find is what the page says, tried on every row."""

import random
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ledger.events.base import Event
from ledger.events.reports import (
    GoodsAsRead,
    GoodsReceived,
    GoodsReturned,
    GoodsSold,
    GoodsTransformed,
    Portion,
    StockCounted,
)
from ledger.trace.closure import Graph, closure
from ledger.trace.estimate import estimate
from ledger.trace.question import AsOf, From, LotName
from ledger.trace.spread import spread
from tests.support.brute_trace import Brute
from tests.support.line import Line
from tests.support.make import MILK, NOON, TODAY, YOGHURT, FakeTape, clock, corrected, days, pieces
from tests.support.memory_trace import MemoryRows

SLOW = settings(
    max_examples=300, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
# Few of each, so that they meet.
MERCHANTS = ("a", "b", "c")
CODES = st.sampled_from([MILK, MILK, YOGHURT])
LOTS = st.sampled_from(["1", "2", None, None, None])
PRODUCED = st.sampled_from([None, None, TODAY - days(1)])
NUMBERS = st.sampled_from([None, "V1"])
# A device's clock is believed within ten minutes: entries lie further apart, or their order is open.
APART = timedelta(minutes=15)


@st.composite
def goods(draw: Any, *, labelled: bool = False) -> GoodsAsRead:
    if labelled:
        return GoodsAsRead(gtin=draw(CODES), lot=draw(st.sampled_from(["1", "2", "3"])))
    if draw(st.integers(0, 4)) == 0:
        return GoodsAsRead(item="小白菜")
    return GoodsAsRead(gtin=draw(CODES), lot=draw(LOTS), produced=draw(PRODUCED))


@st.composite
def portions(draw: Any, *, labelled: bool = False) -> tuple[Portion, ...]:
    amounts = draw(st.lists(st.integers(1, 5), min_size=1, max_size=2))
    wanted = goods(labelled=labelled)
    return tuple(Portion(goods=draw(wanted), quantity=pieces(n)) for n in amounts)


@st.composite
def reports(draw: Any, at: int, *, labelled: bool = False) -> tuple[str, Event]:
    """One entry of one merchant at a time of its own."""
    who = draw(st.sampled_from(MERCHANTS))
    common: dict[str, Any] = {
        "merchant": who, "premises": f"{who}-a", "business_date": TODAY,
        "clock": clock(NOON + at * APART),
        "session": "00000000-0000-4000-8000-000000000001",
    }  # fmt: skip
    which = draw(st.integers(0, 9))
    if which <= 1:
        made = GoodsTransformed(
            process="mixed", inputs=draw(portions(labelled=labelled)),
            outputs=draw(portions(labelled=labelled)), **common,
        )  # fmt: skip
        return who, made
    moved = common | {
        "goods": draw(goods(labelled=labelled)), "quantity": pieces(draw(st.sampled_from([0, 1, 2, 2, 4]))),
        "counterparty": draw(st.sampled_from([None, *MERCHANTS])), "delivery": draw(NUMBERS),
    }  # fmt: skip
    if which == 2:
        direction = draw(st.sampled_from(["to-supplier", "from-customer"]))
        return who, GoodsReturned(direction=direction, **moved)
    kinds = [GoodsSold] * 3 + [GoodsReceived] * 3 + [StockCounted]
    kind: type[Event] = kinds[which - 3]
    return who, kind(**moved)


@st.composite
def trades(draw: Any, *, labelled: bool = False) -> list[tuple[str, Event]]:
    """Entries in any order; `labelled` where every label says its lot."""
    times = draw(st.permutations(range(draw(st.integers(2, 14)))))
    return [draw(reports(at, labelled=labelled)) for at in times]


def told(trade: list[tuple[str, Event]], voids: list[tuple[str, int]]) -> Line:
    line = Line()
    line.now = NOON + timedelta(hours=5)
    tapes = {who: line.enroll(FakeTape(f"scanner-{who}"), who) for who in MERCHANTS}
    for who, event in trade:
        line.report(event, tape=tapes[who])
    for who, number in voids:
        line.report(corrected(tapes[who].id, number, merchant=who), tape=tapes[who])
    return line


def lots_of(line: Line) -> list[LotName]:
    found = {LotName(row.product, row.lot) for row in line.rows("movements") if row.lot}
    return sorted(found)


def asked(
    trade: list[tuple[str, Event]], voids: list[tuple[str, int]], dice: int
) -> tuple[Line, set[LotName], random.Random]:
    """A trade as the ledger was told it, one or two of its lots to ask about, and the dice."""
    line, rng = told(trade, voids), random.Random(dice)
    lots = lots_of(line)
    assume(lots)
    return line, set(rng.sample(lots, min(len(lots), rng.randint(1, 2)))), rng


VOIDS = st.lists(st.tuples(st.sampled_from(MERCHANTS), st.integers(2, 4)), max_size=2)


@SLOW
@given(trades(), VOIDS, st.integers(0, 99))
def test_the_rules_find_what_brute_force_finds(
    trade: list[tuple[str, Event]], voids: list[tuple[str, int]], dice: int
) -> None:
    line, seeds, rng = asked(trade, voids, dice)
    head = line.journal.page(0, 1000)[-1].position
    moment = AsOf(rng.choice([None, rng.randint(1, head)]))
    rows = MemoryRows(line, moment)
    graph, brute = Graph(rows), Brute(line, moment.position)
    meant = brute.told({tuple(lot) for lot in seeds})

    ahead = closure(seeds, graph.forwards, forwards=True)
    back = closure(seeds, graph.backwards, forwards=False)

    assert {tuple(lot): how for lot, how in ahead.items()} == meant.forwards
    assert {tuple(lot): how for lot, how in back.items()} == meant.backwards
    loose = {
        (merchant, tuple(lot)): "certain" if sure and how == "certain" else "possible"
        for lot, how in ahead.items()
        for merchant, sure in graph.loose(lot.product).holders(lot.key).items()
    }
    assert loose == meant.loose_holders


@SLOW
@given(trades(), VOIDS, st.integers(0, 99))
def test_what_went_in_is_somewhere(
    trade: list[tuple[str, Event]], voids: list[tuple[str, int]], dice: int
) -> None:
    line, seeds, _ = asked(trade, voids, dice)
    rows = MemoryRows(line)
    reached = closure(seeds, Graph(rows).forwards, forwards=True)

    found = estimate(rows.naming(reached), seeds)

    held = sum(content.share for content in found.held.values())
    gone = found.to_consumers + found.used_up + found.thrown_away + found.missing + found.sent_out
    assert abs(found.went_in - held - found.under_way - gone) < 1e-6
    assert all(content.share >= -1e-6 for content in found.held.values())
    assert min(found.to_consumers, found.used_up, found.thrown_away, found.missing) >= -1e-6


@SLOW
@given(trades(), VOIDS, st.integers(0, 99))
def test_what_one_merchant_spread_is_what_brute_force_finds(
    trade: list[tuple[str, Event]], voids: list[tuple[str, int]], dice: int
) -> None:
    line, seeds, rng = asked(trade, voids, dice)
    merchant = rng.choice(MERCHANTS)
    since = rng.choice([None, NOON + rng.randint(0, 12) * APART])
    brute = Brute(line)
    if not brute.rows:
        return

    found = spread(Graph(MemoryRows(line)), seeds, From(merchant, since))

    meant = brute.spread({tuple(lot) for lot in seeds}, merchant, since)
    assert {(place.merchant, tuple(place.lot)): how for place, how in found.items()} == meant
