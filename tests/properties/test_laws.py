"""Laws of the ledger, tried on trades that Hypothesis makes up."""

import random
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.events import wire
from ledger.events.base import Event
from ledger.events.catalogue import TAPE_REPORTS, encode
from ledger.events.reports import (
    EntryCorrected,
    GoodsAsRead,
    GoodsDisposed,
    GoodsMoved,
    GoodsReceived,
    GoodsReturned,
    GoodsSold,
    GoodsTransformed,
    Portion,
    Report,
    StockCounted,
    TapeOpened,
)
from ledger.values.base64url import base64url, base64url_bytes
from ledger.values.quantity import AMOUNT_MAX, StatedQuantity, Unit
from tests.support.line import Line, replay, snapshot
from tests.support.make import (
    NOON,
    TODAY,
    FakeTape,
    clock,
    corrected,
    counted,
    disposed,
    milk,
    pieces,
    received,
    sold,
    transformed,
)
from tests.support.wild import examples, readable, wild_reports

SLOW = settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip

LOTS = st.sampled_from(["A", "B", None])
DAYS = st.dates(TODAY - timedelta(days=40), TODAY + timedelta(days=40))
TIMES = st.integers(0, 600).map(lambda minutes: NOON - timedelta(minutes=minutes))


@st.composite
def reports(draw: Any) -> Event:
    goods = milk(draw(LOTS), expires=draw(st.none() | DAYS), produced=draw(st.none() | DAYS))
    fields: dict[str, Any] = {"at": draw(TIMES), "business_date": draw(DAYS)}
    units = draw(st.integers(0, 30))
    fields["delivery"] = draw(st.sampled_from([None, "D-1"]))
    kind = draw(st.sampled_from([received, sold, counted, disposed, returned, made_of]))
    return kind(units, goods, **fields)


def returned(units: int, goods: GoodsAsRead, **fields: Any) -> GoodsReturned:
    direction = "to-supplier" if units % 2 else "from-customer"
    report = received(units, goods, **fields)
    return GoodsReturned(direction=direction, **msgspec.structs.asdict(report))


def made_of(units: int, goods: GoodsAsRead, *, at: datetime, **_fields: Any) -> GoodsTransformed:
    made = transformed(
        [Portion(goods=goods, quantity=pieces(units))],
        [Portion(goods=milk("M"), quantity=pieces(2 * units))],
    )
    return msgspec.structs.replace(made, clock=clock(at))


@st.composite
def trades(draw: Any) -> list[list[Event]]:
    return draw(st.lists(st.lists(reports(), min_size=1, max_size=8), min_size=1, max_size=4))


def tape_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def told(trade: list[list[Event]], order: int, cuts: int) -> Line:
    """Sends each list on a tape of its own; batches interleave and are cut as the dice say."""
    line, dice = Line(), random.Random(order)
    line.market(TODAY, life=30)
    tapes = []
    for number, events in enumerate(trade):
        key = line.key.__class__(bytes([number + 1]) * 32)
        tape = FakeTape(f"scanner-{number}", key)
        tape.id = tape_id(number)
        line.enroll(tape)
        tape.add(*events)
        tapes.append((tape, 1))
    while tapes:
        index = dice.randrange(len(tapes))
        tape, first = tapes[index]
        last = min(len(tape.reports), first + dice.randint(1, cuts) - 1)
        assert isinstance(line.send(tape.batch(first, last)), wire.Receipt)
        if last == len(tape.reports):
            tapes.pop(index)
        else:
            tapes[index] = (tape, last + 1)
    return line


def derived(line: Line) -> tuple[Any, ...]:
    """What must not depend on the order in which scanners arrive."""
    stock = {
        (r.premises, r.product, r.lot, r.unit): (r.amount, r.taken_in, r.given_out, r.counted)
        for r in line.rows("stock")
    }
    lots = {
        (r.product, r.lot): (r.produced, r.expires, r.disputed, r.claims) for r in line.rows("lots")
    }
    expiry = {
        (r.premises, r.product, r.lot, r.unit): (r.state, r.expires) for r in line.rows("expiry")
    }
    alerts = {(r.kind, r.subject) for r in line.rows("alerts") if r.closed_at is None}
    groups = {r.grouped: r.open for r in line.rows("alert_groups") if r.open}
    return stock, lots, expiry, alerts, groups


@st.composite
def corrections(draw: Any) -> EntryCorrected:
    """Somebody's correction of an entry on one of the trade's scanners, or of none there is."""
    goods = draw(st.none() | LOTS.map(milk))
    tape = tape_id(draw(st.integers(0, 3)))
    scope = draw(st.sampled_from(["line", "session", "delivery"])) if goods is None else "line"
    quantity = pieces(draw(st.integers(0, 30))) if goods else None
    party = draw(st.sampled_from([None, "m-8", "m-9"])) if goods is None else None
    fields = {"goods": goods, "quantity": quantity, "clock": clock(draw(TIMES))}
    fields["counterparty"] = party
    return corrected(tape, draw(st.integers(1, 5)), scope, **fields)


# All on a scanner of their own: of two corrections the later wins, and which that is, is its order.
CORRECTIONS = st.lists(corrections(), min_size=1, max_size=4)


@SLOW
@given(trades(), CORRECTIONS, st.integers(0, 99), st.integers(0, 99))
def test_any_order_of_scanners_gives_the_same_stock_lots_and_alerts(
    trade: list[list[Event]], fixes: list[EntryCorrected], one: int, other: int
) -> None:
    times: set[datetime] = set()
    for events in trade:
        for event in events:
            assert isinstance(event, Report)
            times.add(event.clock.wall)
    # Two entries of one minute on two scanners have no order of their own; counts need one.
    if len(times) < sum(map(len, trade)):
        trade = [
            [e for e in events if not isinstance(e, StockCounted)] or [received()]
            for events in trade
        ]

    trade = [*trade, list(fixes)]

    assert derived(told(trade, one, 3)) == derived(told(trade, other, 8))


@SLOW
@given(
    trades(), CORRECTIONS, st.integers(0, 99), st.lists(st.integers(1, 7), min_size=1, max_size=3)
)
def test_replay_in_any_pages_gives_the_rows_of_the_live_fold(
    trade: list[list[Event]], fixes: list[EntryCorrected], order: int, sizes: list[int]
) -> None:
    papers = [event for event in examples() if hasattr(event, "document")]
    line = told([*trade, papers, list(fixes)], order, 4)

    assert snapshot(line) == replay(line, sizes)
    happened = [
        (row.stream, row.number, row.happened) for row in line.rows("movements")
        if row.corrected_by is None
    ]  # fmt: skip
    for (stream, _, before), (same, _, after) in pairwise(sorted(happened)):
        assert stream != same or before <= after, "a tape went back"


@SLOW
@given(trades(), st.integers(0, 99))
def test_twice_is_once(trade: list[list[Event]], order: int) -> None:
    line = Line()
    line.market(TODAY, life=30)
    dice = random.Random(order)
    sent: list[bytes] = []
    first: dict[bytes, Any] = {}
    for number, events in enumerate(trade):
        tape = line.enroll(FakeTape(f"scanner-{number}"))
        tape.add(*events)
        sent += [
            tape.batch(1, 1),
            tape.batch(1),
            tape.batch(2) if tape.reports[1:] else tape.batch(1),
        ]
    for envelope in sent:
        first[envelope] = line.send(envelope)
    before = snapshot(line)
    again = sent * 2
    dice.shuffle(again)

    for envelope in again:
        answer = line.send(envelope)
        assert isinstance(answer, wire.Receipt)
        assert answer.verdicts == first[envelope].verdicts

    assert snapshot(line) == before
    assert line.journal.head() == len({(r.stream, r.number) for r in line.journal.rows})


@SLOW
@given(st.lists(reports(), min_size=1, max_size=12), st.data())
def test_what_goes_in_adds_up_to_what_is_there(events: list[Event], data: Any) -> None:
    events = [e for e in events if isinstance(e, GoodsReceived | GoodsSold | GoodsDisposed)]
    events = events or [received(3)]
    line = Line()
    tape = line.report(*events)
    voided = data.draw(st.integers(2, len(events) + 1))
    line.report(corrected(tape.id, voided), tape=tape)

    total = sum(row.amount for row in line.rows("stock"))
    kept = [e for number, e in enumerate(events, 2) if number != voided]
    wanted = sum(_signed(e) for e in kept)
    assert total == wanted * 1000


def _signed(event: Event) -> int:
    assert isinstance(event, GoodsMoved)
    gives = isinstance(event, GoodsSold | GoodsDisposed)
    return int(event.quantity.amount) * (-1 if gives else 1)


@settings(max_examples=300, deadline=None)
@given(wild_reports())
def test_every_report_intake_accepts_every_fold_accepts(raw: bytes) -> None:
    """Members are replaced by wild values; what still reads as a report must fold."""
    line = Line()
    line.market(TODAY, life=30)
    tape = line.enroll(FakeTape())
    tape.add(raw)

    answer = line.send(tape.batch())

    assert isinstance(answer, wire.Receipt)
    line.follow()
    assert answer.verdicts[-1].code == ("recorded" if readable(raw) else "unreadable")


EXTREME = st.sampled_from(["0", "0.001", str(AMOUNT_MAX), "999999.999"])
CLOCKS = st.datetimes(datetime(1999, 1, 1), datetime(2102, 1, 1), timezones=st.just(UTC))


@settings(max_examples=150, deadline=None)
@given(
    EXTREME,
    st.sampled_from(list(Unit)),
    CLOCKS,
    st.none() | CLOCKS,
    st.integers(-1, 2**60),
    st.dates(),
)
def test_the_edges_of_every_bound_fold(
    amount: str, unit: Unit, wall: datetime, heard: datetime | None, ticks: int, day: date
) -> None:
    clock = {
        "wall": wall,
        "boot": "b",
        "monotonic_ms": ticks,
        "heard": heard,
        "heard_monotonic_ms": 0,
    }
    raw = msgspec.json.encode(
        msgspec.json.decode(encode(received()))
        | {"clock": clock, "quantity": {"amount": amount, "unit": unit}, "business_date": day}
    )
    line = Line()
    tape = line.enroll(FakeTape())
    tape.add(raw, raw, raw)

    assert isinstance(line.send(tape.batch()), wire.Receipt)
    line.follow()


def test_every_kind_of_report_has_been_thought_of_here() -> None:
    tried = {type(event) for event in examples()} | {TapeOpened}
    assert tried == set(TAPE_REPORTS)


@pytest.mark.parametrize("unit", list(Unit))
def test_scaled_amounts_are_whole(unit: Unit) -> None:
    _, thousandths = StatedQuantity(amount=Decimal("0.001"), unit=unit).scaled()

    assert thousandths >= 1


@given(st.binary(max_size=40))
def test_bytes_come_back_from_an_address(raw: bytes) -> None:
    assert base64url_bytes(base64url(raw)) == raw


@given(
    st.binary(max_size=20),
    st.integers(0, 20),
    st.characters().filter(lambda c: not re.match(r"[A-Za-z0-9_-]", c)),
)
def test_an_address_with_a_character_that_no_bytes_have_is_refused(
    raw: bytes, place: int, odd: str
) -> None:
    text = base64url(raw)
    text = text[:place] + odd + text[place:]

    with pytest.raises(ValueError, match="base64url has"):
        base64url_bytes(text)
