"""Signed batches of a simulated trade as a file, chunk by chunk, however long the trade."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from ledger.events import wire
from ledger.events.catalogue import encode
from ledger.events.reports import TapeOpened
from ledger.rules.device import EnrollDevice, GrantMandate
from ledger.values.chain import batch_message, chain_over, chain_start
from ledger.values.clock import DeviceClock
from ledger.values.keys import SigningKey
from suyuan.participants import Merchant, card_ref
from suyuan.simulate import Trade

# So many market days are made up at a time: what is held in memory does not grow with the trade.
CHUNK_DAYS = 10
# The largest reports of a trade are a few hundred bytes; so many fit an envelope.
BATCH_REPORTS = 150


class _Writing:
    """One scanner's tape as it is written: its chain, and what waits for the next signature."""

    def __init__(self, merchant: Merchant, seed: int) -> None:
        self.merchant = merchant
        self.key = SigningKey(hashlib.sha256(f"{seed}|{merchant.device}".encode()).digest())
        self.tape = card_ref(f"{seed}|tape|{merchant.device}")
        self.last = 0
        self._head = chain_start(self.tape)
        self._waiting: list[bytes] = []

    def keep(self, report: bytes) -> Iterator[bytes]:
        """Takes a report; gives a batch when one is full."""
        self._waiting.append(report)
        self.last += 1
        if len(self._waiting) >= BATCH_REPORTS:
            yield from self.flush()

    def flush(self) -> Iterator[bytes]:
        """Gives what waits as one signed batch, if anything does."""
        if not self._waiting:
            return
        first, previous = self.last - len(self._waiting) + 1, self._head
        self._head = chain_over(previous, first, self._waiting)[-1]
        message = batch_message(self.tape, first, self.last, previous, self._head)
        yield wire.encode(wire.Batch(
            device=self.merchant.device, tape=self.tape, first=first, previous=previous,
            reports=tuple(self._waiting), key=self.key.id, signature=self.key.sign(message),
        ))  # fmt: skip
        self._waiting = []


class LongTrade:
    """A trade of any number of days: what the register must know, and its batches one by one."""

    def __init__(self, *, merchants: int, day: date, seed: int, days: int) -> None:
        self._first = Trade(merchants=merchants, day=day, seed=seed, days=min(days, CHUNK_DAYS))
        self._merchants, self._day, self._seed, self._days = merchants, day, seed, days
        self._tapes = {m.device: _Writing(m, seed) for m in self._first.merchants}
        self.reports = 0

    def requests(self) -> list[Any]:
        """The register, the scanners with their keys, and their mandates."""
        wanted = self._first.requests()
        for tape in self._tapes.values():
            m = tape.merchant
            wanted.append(EnrollDevice(device=m.device, key=tape.key.public, name=m.name))
            wanted.append(GrantMandate(device=m.device, merchant=m.id, valid_from=self._day))
        return wanted

    def batches(self) -> Iterator[bytes]:
        """The signed batches in the order in which they could arrive."""
        for number in range(0, self._days, CHUNK_DAYS):
            days = min(CHUNK_DAYS, self._days - number)
            yield from self._chunk(self._trade(number, days))

    def _trade(self, number: int, days: int) -> Trade:
        if number == 0:
            return self._first
        return Trade(
            merchants=self._merchants, day=self._day + timedelta(days=number),
            seed=self._seed + number, days=days,
        )  # fmt: skip

    def _chunk(self, trade: Trade) -> Iterator[bytes]:
        kept: dict[int, tuple[str, int]] = {}
        ticks: defaultdict[str, int] = defaultdict(int)
        for action in trade.actions:
            tape = self._tapes[action.device]
            ticks[action.device] += 1
            clock = DeviceClock(wall=action.at, boot="simulated", monotonic_ms=ticks[action.device])
            if tape.last == 0:
                yield from tape.keep(encode(TapeOpened(device=action.device, clock=clock)))
            target = kept[id(action.corrects)] if action.corrects else None
            yield from tape.keep(encode(action.event(clock, None, target)))
            kept[id(action)] = tape.tape, tape.last
            self.reports += 1
        for tape in self._tapes.values():
            yield from tape.flush()
