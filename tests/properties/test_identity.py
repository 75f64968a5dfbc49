"""Laws of identity: what is learned late is as if it had been learned first."""

import random
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.events import wire
from ledger.events.base import Event
from ledger.events.cases import CardLinked, DayBegan, MerchantMerged, SalesModeStated
from ledger.events.reports import GoodsAsRead, Portion
from tests.properties.test_laws import corrections, derived, returned, tape_id
from tests.support.line import Line, replay, snapshot
from tests.support.make import (
    MILK,
    MILK_CASE,
    NOON,
    TODAY,
    YOGHURT,
    FakeTape,
    clock,
    counted,
    days,
    disposed,
    pieces,
    received,
    registered,
    sold,
    totalled,
    transformed,
)

SLOW = settings(
    max_examples=120, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
# Few of each, so that they meet.
GTINS = st.sampled_from([MILK, MILK_CASE])
LOTS = st.sampled_from(["A", "B", None])
PRODUCED = st.sampled_from([None, TODAY - days(20), TODAY - days(10)])
EXPIRES = st.sampled_from([None, TODAY - days(5), TODAY + days(5)])
CARD = "5e4d3c2b-1a09-4f8e-9d7c-6b5a49382716"
# The two of them are one, m-11 is m-1, and the card turns out to be m-19.
OTHERS: list[dict[str, Any]] = [
    {}, {"counterparty": "m-9"}, {"counterparty": "m-19"}, {"counterparty_card": CARD},
]  # fmt: skip
KINDS = [received, sold, counted, disposed, returned]


@st.composite
def goods(draw: Any) -> GoodsAsRead:
    return GoodsAsRead(
        gtin=draw(GTINS), lot=draw(LOTS), produced=draw(PRODUCED), expires=draw(EXPIRES)
    )


@st.composite
def reports(draw: Any, minutes: int) -> Event:
    at = NOON - timedelta(minutes=minutes)
    units = draw(st.integers(0, 12))
    portion = Portion(goods=draw(goods()), quantity=pieces(units))
    which = draw(st.integers(0, len(KINDS) + 1))
    if which == len(KINDS):
        return totalled(portion, at=at)
    if which > len(KINDS):
        made = Portion(goods=GoodsAsRead(gtin=YOGHURT, lot="Y"), quantity=pieces(units))
        return msgspec.structs.replace(transformed([portion], [made]), clock=clock(at))
    fields = draw(st.sampled_from(OTHERS)) | {"merchant": draw(st.sampled_from(["m-1", "m-11"]))}
    fields["delivery"] = draw(st.sampled_from([None, "D-1"]))
    return KINDS[which](units, portion.goods, at=at, **fields)


@st.composite
def trades(draw: Any) -> list[list[Event]]:
    """Lists for one scanner each; no two entries of one instant, since counts need an order."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    minutes = iter(draw(st.permutations(range(sum(sizes)))))
    return [[draw(reports(next(minutes))) for _ in range(size)] for size in sizes]


def register() -> list[tuple[str, str, Event]]:
    return [
        ("product", MILK, registered(MILK, shelf_life_days=15)),
        ("product", MILK_CASE, registered(MILK_CASE, base=MILK, contains=12)),
        ("merchant", "m-1", SalesModeStated(
            merchant="m-1", premises="p-1", mode="day-totals", from_day=TODAY)),
        ("aliases", "a", MerchantMerged(merchant="m-11", into="m-1", by="o", note="同一人")),
        ("aliases", "b", MerchantMerged(merchant="m-19", into="m-9", by="o", note="同一人")),
        ("aliases", "c", MerchantMerged(merchant="m-9", into="m-29", by="o", note="同一人")),
        ("card", CARD, CardLinked(card=CARD, merchant="m-19", by="o")),
        ("market-day", "market-1", DayBegan(market="market-1", day=TODAY, zone="Asia/Shanghai")),
    ]  # fmt: skip


def told(trade: list[list[Event]], order: int) -> Line:
    """Sends reports tape by tape as the dice say, the register's entries somewhere among them."""
    line, dice = Line(), random.Random(order)
    line.place("p-1", "market-1")
    tapes = []
    for number, events in enumerate(trade):
        tape = FakeTape(f"scanner-{number}", line.key.__class__(bytes([number + 1]) * 32))
        tape.id = tape_id(number)
        line.enroll(tape, "m-1", "m-11")
        tape.add(*events)
        tapes.append([tape, 1])
    cases = register()
    while tapes or cases:
        if cases and (not tapes or dice.random() < 0.2):
            line.case(*cases.pop(dice.randrange(len(cases))))
            continue
        index = dice.randrange(len(tapes))
        tape, first = tapes[index]
        last = min(len(tape.reports), first + dice.randint(0, 3))
        assert isinstance(line.send(tape.batch(first, last)), wire.Receipt)
        tapes[index][1] = last + 1
        if last == len(tape.reports):
            tapes.pop(index)
    return line


def known(line: Line) -> dict[str, Any]:
    """What must not depend on when it was learned."""
    found: dict[str, Any] = {"derived": derived(line)}
    found["movements"] = {
        (m.stream, m.number, m.kind): (
            m.merchant, m.counterparty, m.product, m.lot, m.unit, m.amount, m.delta,
        )
        for m in line.rows("movements") if m.believed_to is None
    }  # fmt: skip
    found["edges"] = {
        (e.input_product, e.input_lot, e.output_product, e.output_lot)
        for e in line.rows("lot_transforms") if e.believed_to is None
    }  # fmt: skip
    found["keys"] = line.rows("lot_keys")
    found["shelves"] = {
        (s.product, s.unit): (s.named, s.unnamed, s.loose_out, s.entries)
        for s in line.rows("shelves")
    }  # fmt: skip
    found["pairs"] = {
        (c.seller, c.buyer, c.product, c.unit, c.delivery, c.lot, c.day): (c.sold, c.received)
        for c in line.rows("pair_cells")
    }  # fmt: skip
    found["held"] = {(e.product, e.lot, e.unit): e.held for e in line.rows("expiry")}
    return found


@SLOW
@given(trades(), st.lists(corrections(), max_size=2), st.integers(0, 99), st.integers(0, 99))
def test_learned_late_equals_learned_first(
    trade: list[list[Event]], fixes: list[Event], one: int, other: int
) -> None:
    trade = [*trade, fixes] if fixes else trade

    assert known(told(trade, one)) == known(told(trade, other))


@SLOW
@given(trades(), st.integers(0, 99), st.lists(st.integers(1, 7), min_size=1, max_size=3))
def test_replay_gives_the_rows_that_identity_left(
    trade: list[list[Event]], order: int, sizes: list[int]
) -> None:
    line = told(trade, order)

    assert snapshot(line) == replay(line, sizes)


@SLOW
@given(trades(), st.integers(0, 99))
def test_what_was_read_is_never_changed_and_each_row_is_believed_once(
    trade: list[list[Event]], order: int
) -> None:
    line = told(trade, order)

    rows = line.rows("movements")
    believed = [m for m in rows if m.believed_to is None]
    assert len(believed) == len({(m.stream, m.number, m.leg) for m in rows})
    for m in rows:
        first = next(r for r in rows if (r.original, r.leg) == (m.original, m.leg))
        assert (m.read_merchant, m.read_counterparty, m.read_product, m.read_lot, m.stated) == (
            first.read_merchant, first.read_counterparty, first.read_product, first.read_lot,
            first.stated,
        )  # fmt: skip
