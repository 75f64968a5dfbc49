"""Four market days as simulated: the ledger's rows are what plain arithmetic says they must be."""

from collections import defaultdict
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from ledger.events.reports import TapeOpened
from ledger.values.clock import DeviceClock
from suyuan.participants import MARKET, ZONE, Action, Merchant
from suyuan.simulate import Trade
from tests.support.line import Line
from tests.support.make import TODAY, FakeTape, clock

DAYS = 4
MERCHANTS = 10


class Played:
    """A trade told to a ledger in memory, report by report, each at its own time."""

    def __init__(self, seed: int) -> None:
        self.trade = Trade(merchants=MERCHANTS, day=TODAY, seed=seed, days=DAYS)
        self.line = Line()
        self.places: dict[int, tuple[str, int]] = {}
        for request in self.trade.requests():
            entry = request.entry
            kind = {"gtin": "product", "area": "area"}
            name = next((name for name in kind if hasattr(entry, name)), "merchant")
            self.line.case(kind.get(name, "merchant"), getattr(entry, name), entry)
        self._tapes = {m.device: self._open(m) for m in self.trade.merchants}
        day = TODAY - timedelta(days=1)
        for number, action in enumerate(self.trade.actions):
            while day < action.fields["business_date"]:
                day = self._begin(day + timedelta(days=1))
            self._tell(action, number)

    def _open(self, merchant: Merchant) -> FakeTape:
        """A scanner whose tape began before the market opened."""
        tape = FakeTape(merchant.device)
        tape.reports.clear()
        tape.add(TapeOpened(device=merchant.device, clock=clock(self.trade.actions[0].at)))
        return self.line.enroll(tape, merchant.id)

    def _begin(self, day: Any) -> Any:
        self.line.now = datetime.combine(day, time(0), ZONE)
        self.line.begin(day)
        return day

    def _tell(self, action: Action, number: int) -> None:
        tape = self._tapes[action.device]
        self.line.now = action.at
        stated = DeviceClock(wall=action.at, boot="b", monotonic_ms=number)
        target = self.places[id(action.corrects)] if action.corrects else None
        self.line.report(action.event(stated, None, target), tape=tape)
        self.places[id(action)] = tape.id, len(tape.reports)


@pytest.fixture(scope="module", params=[4, 11], ids=lambda seed: f"seed-{seed}")
def played(request: pytest.FixtureRequest) -> Played:
    return Played(request.param)


def test_stock_is_what_was_reported(played: Played) -> None:
    stored = {(r.premises, r.product, r.lot, r.unit): r.amount for r in played.line.rows("stock")}

    assert {k: n for k, n in stored.items() if n} == played.trade.truth.stock


def test_alerts_are_what_time_stock_papers_and_silent_sides_call_for(played: Played) -> None:
    trade, last = played.trade, TODAY + timedelta(days=DAYS - 1)
    papers = {(row.number, row.position) for row in played.line.rows("papers")}
    overdrawn = trade.overdrawn_papers()
    wanted = trade.expected_alerts(last, lambda action: played.places[id(action)])
    wanted |= {
        ("sold-beyond-paper", str(position)) for number, position in papers if number in overdrawn
    }

    found = {
        (r.kind, r.subject.partition("|")[0] if r.kind == "sold-beyond-paper" else r.subject)
        for r in played.line.rows("alerts") if r.closed_at is None
    }  # fmt: skip

    assert found == wanted
    kinds = {kind for kind, _ in wanted}
    assert kinds >= {"one-sided", "sold-after-expiry", "near-expiry", "expired-in-stock"}
    assert kinds & {"paper-missing", "paper-expired"}


def test_both_sides_are_paired_as_they_spoke(played: Played) -> None:
    told: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for cell in played.line.rows("pair_cells"):
        key = cell.seller, cell.buyer, cell.product, cell.unit, cell.delivery
        both = cell.sold, cell.received, cell.sold_entries, cell.received_entries
        told[key] = [old + new for old, new in zip(told[key], both, strict=True)]

    meant = {
        tuple(key): [both.sold or 0, both.received or 0]
        for key, both in played.trade.truth.books.trades.items()
    }
    assert {key: both[:2] for key, both in told.items()} == meant
    statuses = {both.status for both in played.trade.truth.books.trades.values()}
    assert statuses == {"confirmed", "differs", "seller-only", "buyer-only"}


def test_the_markets_days_began(played: Played) -> None:
    (market,) = played.line.rows("markets")

    assert (market.market, market.day) == (MARKET, TODAY + timedelta(days=DAYS - 1))
