"""The whole line in memory: committer, journal, followers; what the tests of rules stand on."""

import random
from collections.abc import Sequence
from datetime import date
from typing import Any

from ledger.events import wire
from ledger.events.base import Event, stored_name
from ledger.events.cases import DayBegan, PremisesAdded, ProductRegistered
from ledger.events.catalogue import encode
from ledger.follower import entries_of, fold_page
from ledger.intake.committer import Committer
from ledger.intake.devices import Devices
from ledger.intake.verify import Verifier
from ledger.journal.interface import Head, Row
from ledger.journal.memory import MemoryJournal
from ledger.journal.personal import MemoryPersons, RememberedSalts
from ledger.journal.sealing import Place, Sealer
from ledger.projections.groups import GROUPS
from ledger.projections.table import MemoryStore
from ledger.rules.device import DeviceCase, Mandate
from ledger.values.ids import stream_of_case
from ledger.values.keys import SigningKey
from tests.support.make import NOON, FakeTape


class KnownDevices:
    """Cases of devices that tests enroll by hand."""

    def __init__(self) -> None:
        self.cases: dict[str, DeviceCase] = {}

    def load(self, kind: str, subject: str, empty: Any, evolve: Any) -> DeviceCase:
        return self.cases.get(subject, DeviceCase(subject))


class Line:
    """A ledger in memory that takes batches and answers questions."""

    def __init__(self, seed: int = 1, journal: Any = None, sealer: Sealer | None = None) -> None:
        dice = random.Random(seed)
        self.persons = MemoryPersons(dice.randbytes)
        salts = RememberedSalts(self.persons.meet)
        self.sealer = sealer or Sealer("test", entropy=dice.randbytes, persons=salts)
        self.known = KnownDevices()
        self.devices = Devices(self.known)
        self.journal = journal or MemoryJournal(self.sealer)
        self.key = SigningKey(bytes(32))
        self.now = NOON
        self.committer = Committer(
            "test", self.journal, Verifier(self.devices, self.sealer), self.devices,
            key=self.key, now=lambda: self.now,
        )  # fmt: skip
        self.stores = {group.name: MemoryStore() for group in GROUPS}
        self._folded = 0

    def enroll(self, tape: FakeTape, *merchants: str) -> FakeTape:
        since = date(2020, 1, 1)
        mandates = tuple(Mandate(m, since, None) for m in merchants or ("m-1",))
        self.known.cases[tape.device] = DeviceCase(tape.device, 0, tape.key.public, mandates)
        self.devices.forget(tape.device)
        return tape

    def send(self, envelope: bytes) -> wire.AnswerBody | None:
        answers: list[bytes] = []
        assert self.committer.submit(envelope, lambda _tape, answer: answers.append(answer))
        while self.committer.step(0.001):
            pass
        return wire.decode_answer(answers[0])[1] if answers else None

    def report(self, *events: Event, tape: FakeTape | None = None) -> FakeTape:
        tape = tape or self.enroll(FakeTape())
        known = len(tape.reports) if tape.reports[1:] else 0
        tape.add(*events)
        answer = self.send(tape.batch(known + 1 if known else 1))
        assert isinstance(answer, wire.Receipt), answer
        return tape

    def case(self, kind: str, subject: str, *events: Event) -> None:
        """Records events of a case directly, as the recorder would."""
        stream = stream_of_case(kind, subject)
        head = self.journal.heads([stream]).get(stream, Head(0)).number
        rows = []
        for number, event in enumerate(events, head + 1):
            state, name = encode(event), stored_name(event)
            seed, leaf = self.sealer.seal(event, name, state, Place(stream, number, self.now))
            rows.append(Row(stream, number, name, state, seed, leaf, self.now))
        self.journal.write(rows, {stream: Head(rows[-1].number)})

    def market(self, day: date, *, life: int | None = None, gtin: str = "06901234567892") -> None:
        self.place("p-1", "market-1")
        product = ProductRegistered(
            gtin=gtin, name_zh="鲜牛奶", name_en="Fresh milk", category="dairy",
            shelf_life_days=life,
        )  # fmt: skip
        self.case("product", gtin, product)
        self.begin(day)

    def place(self, premises: str, market: str, merchant: str = "m-1") -> None:
        place = PremisesAdded(merchant=merchant, premises=premises, name="Stall", market=market)
        self.case("merchant", merchant, place)

    def begin(self, day: date) -> None:
        self.case(
            "market-day", "market-1", DayBegan(market="market-1", day=day, zone="Asia/Shanghai")
        )

    def follow(self, page: int = 1000) -> None:
        while rows := self.journal.page(self._folded, page):
            for group in GROUPS:
                fold_page(group, self.stores[group.name], entries_of(rows))
            self._folded = rows[-1].position

    def rows(self, table: str, group: str = "trade") -> list[Any]:
        self.follow()
        held = self.stores[group].tables.get(table, {})
        return [held[key] for key in sorted(held)]

    def stock(self) -> dict[tuple[str, str], int]:
        return {(r.product, r.lot): r.amount // 1000 for r in self.rows("stock")}

    def open_alerts(self) -> list[str]:
        return [row.kind for row in self.rows("alerts") if row.closed_at is None]


def snapshot(line: Line) -> dict[str, dict[Any, Any]]:
    """Everything the projections hold, for comparing replays."""
    line.follow()
    return {
        f"{name}.{table}": dict(rows)
        for name, store in line.stores.items()
        for table, rows in store.tables.items()
        if rows
    }


def replay(line: Line, sizes: Sequence[int]) -> dict[str, dict[Any, Any]]:
    """Folds the same record again in pages of other sizes."""
    again = Line()
    again.journal = line.journal
    position = 0
    for number in range(10_000):
        rows = line.journal.page(position, sizes[number % len(sizes)])
        if not rows:
            break
        for group in GROUPS:
            fold_page(group, again.stores[group.name], entries_of(rows))
        position = rows[-1].position
    again._folded = position
    return snapshot(again)
