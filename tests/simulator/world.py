"""The world of a seed: a clock, a network, a broker, and the actors that live in it."""

import contextlib
import heapq
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from ledger.errors import Conflict, JournalUnavailable
from ledger.events import wire
from ledger.events.base import Event, stored_name
from ledger.events.cases import DeviceEnrolled, DeviceKeyReplaced, MandateGranted
from ledger.events.catalogue import encode
from ledger.events.reports import TapeOpened
from ledger.follower import entries_of, fold_page
from ledger.intake.committer import Committer
from ledger.intake.devices import Devices
from ledger.intake.verify import Verifier
from ledger.journal.interface import Head, Row
from ledger.journal.opening import Openings
from ledger.journal.personal import MemoryPersons, RememberedSalts
from ledger.journal.sealing import Place, Sealer
from ledger.log.checkpoints import read_checkpoint
from ledger.log.publishing import LogSigner, Publisher
from ledger.projections.groups import GROUPS
from ledger.rules.device import EnrollDevice
from ledger.values.clock import DeviceClock
from ledger.values.ids import stream_of_case
from ledger.values.keys import SigningKey
from scanners.memory_tape import MemoryTape
from scanners.sending import Sending
from scanners.tape import TapeFull
from tests.simulator.parts import (
    Buffered,
    Crash,
    Faults,
    WorldAppender,
    WorldFiles,
    WorldJournal,
    WorldLeaves,
    WorldRow,
    WorldViews,
)
from tests.support.make import NOON, milk, received, sold

LEDGER = "world"
KEY = SigningKey(bytes([3]) * 32)
LOG_KEY = SigningKey(bytes([4]) * 32)
# A market's busy minute and a half, then peace until everything is settled.
BUSY_S, SETTLED_S = 90.0, 2000.0


@dataclass
class Product:
    """What the actors are made of; a negative control puts something broken in its place."""

    committer: type[Committer] = Committer
    journal: type[WorldJournal] = WorldJournal
    sending: type[Sending] = Sending
    publisher: type[Publisher] = Publisher
    row: type[WorldRow] = WorldRow
    follow: "Callable[[World, WorldViews], None] | None" = None
    on_puback: "Callable[[ScannerActor, bytes], None]" = lambda scanner, envelope: None


# When, in which order of those at one moment, and what.
Due = tuple[float, int, Callable[[], None]]


class World:
    """Everything of one seed. Nothing in it knows another clock or other dice."""

    def __init__(self, seed: object, product: Product | None = None) -> None:
        self.dice = random.Random(f"world {seed}")
        self.product = product or Product()
        self.faults = Faults(self.dice, self.dice.choice([0.0, 0.02, 0.08]))
        # A network may be worse one way than the other.
        self.lossy = self.dice.choice([0.0, 0.1, 0.3])
        self.lossy_back = self.dice.choice([self.lossy, self.lossy, 0.6])
        self.time, self._order = 0.0, 0
        self._due: list[Due] = []
        self.persons = MemoryPersons(self.dice.randbytes)
        self.refs = [str(uuid.UUID(bytes=self.dice.randbytes(16), version=4)) for _ in range(3)]
        self.sealer = self.new_sealer()
        self.journal = self.product.journal(self.sealer, self.faults)
        self.jump = timedelta(0)
        self.receipts: list[wire.Receipt] = []
        self.broker_started = 0
        self.scanners: list[ScannerActor] = []
        self.views = WorldViews([group.name for group in GROUPS])
        self.row = self.product.row(self.faults)
        self.intakes = [IntakeActor(self) for _ in range(self.dice.choice([1, 2]))]
        self.publishers = [PublisherActor(self) for _ in range(self.dice.choice([1, 2]))]
        for number in range(self.dice.choice([1, 2, 3])):
            ScannerActor(self, f"scanner-{number}").join()
        for _ in range(self.dice.choice([1, 2])):
            self.every(0.7, self._follow)
        self.every(13.0, self._restart_broker)
        self.every(17.0, self._jump_clock)
        self.every(9.0, self._poison)
        self.every(40.0, self._erase)

    def run(self) -> None:
        """Lets the world live, heals it, and waits until nothing is left to do."""
        self._until(BUSY_S)
        self.faults.heal()
        self.lossy = self.lossy_back = 0.0
        for scanner in self.scanners:
            scanner.tape.full, scanner.offline_until = False, 0.0
        deadline = self.time + SETTLED_S
        while self.time < deadline and not self.settled():
            self._until(self.time + 5.0)

    def settled(self) -> bool:
        """Tells whether every tape is drained, and followers and log are where the record is."""
        drained = all(scanner.done() for scanner in self.scanners)
        sizes = {size_of(publisher.files.files.get("checkpoint")) for publisher in self.publishers}
        published = sizes == {self.journal.head()}
        return drained and published and self.views.position == self.journal.head()

    def now(self) -> datetime:
        """The ledger's clock, which may be set wrongly for a while."""
        return NOON + timedelta(seconds=self.time) + self.jump

    def later(self, delay: float, action: Callable[[], None]) -> None:
        """Does something after a while."""
        self._order += 1
        heapq.heappush(self._due, (self.time + delay, self._order, action))

    def every(self, period: float, action: Callable[[], None]) -> None:
        """Does something again and again, never quite at the same pace."""

        def again() -> None:
            action()
            self.later(period * self.dice.uniform(0.5, 1.5), again)

        self.later(period * self.dice.random(), again)

    def carry(self, lossy: float, action: Callable[[], None]) -> None:
        """Carries a message over the network: late, out of order, twice or never, through a broker."""
        began = self.broker_started

        def arrive() -> None:
            # What a broker held when it was killed is gone, PUBACK or not.
            if began == self.broker_started:
                action()

        copies = 0 if self.dice.random() < lossy else 1
        copies += self.dice.random() < lossy / 2
        for _ in range(copies):
            self.later(self.dice.uniform(0.01, 0.4) * self.dice.choice([1, 1, 1, 10]), arrive)

    def new_sealer(self) -> Sealer:
        """Returns a process's sealer: it remembers salts of its own."""
        salts = RememberedSalts(self.persons.meet)
        return Sealer(LEDGER, entropy=self.dice.randbytes, persons=salts)

    def to_intake(self, envelope: bytes) -> None:
        """Hands an envelope to one of the intakes that share the topic."""
        self.dice.choice(self.intakes).take(envelope)

    def to_scanner(self, tape: str, answer: bytes) -> None:
        """Carries an answer back to whoever listens on that tape's topic."""
        _, body = wire.decode_answer(answer)
        if isinstance(body, wire.Receipt):
            self.receipts.append(body)
        for scanner in self.scanners:
            if scanner.tape.id == tape:
                self.carry(self.lossy_back, lambda s=scanner: s.hear(answer))  # type: ignore[misc]

    def put_case(self, kind: str, subject: str, *events: Event) -> None:
        """Records events of a case, as the recorder would."""
        stream = stream_of_case(kind, subject)
        head = self.journal.heads([stream]).get(stream, Head(0)).number
        rows = []
        for number, event in enumerate(events, head + 1):
            state, name = encode(event), stored_name(event)
            seed, leaf = self.sealer.seal(event, name, state, Place(stream, number, self.now()))
            rows.append(Row(stream, number, name, state, seed, leaf, self.now()))
        self.journal.write(rows, {stream: Head(rows[-1].number)})

    def _until(self, end: float) -> None:
        while self._due and self._due[0][0] <= end:
            self.time, _, action = heapq.heappop(self._due)
            action()
        self.time = end

    def _follow(self) -> None:
        follow = self.product.follow or follow_once
        follow(self, self.views)

    def _restart_broker(self) -> None:
        if self.faults.hits(3):
            self.broker_started += 1
            for scanner in self.scanners:
                self.later(self.dice.uniform(0.1, 4), scanner.reconnect)

    def _jump_clock(self) -> None:
        if self.faults.hits(2):
            self.jump = timedelta(days=self.dice.randint(-400, 400))
        elif self.dice.random() < 0.5:
            self.jump = timedelta(0)

    def _erase(self) -> None:
        """A person asks to be erased; what names them goes on coming in."""
        openings = Openings(LEDGER, self.persons)
        with contextlib.suppress(Conflict):
            self.journal.erase(self.dice.choice(self.refs), openings, self.persons)

    def _poison(self) -> None:
        if self.faults.hits(3):
            known = self.dice.choice(self.scanners)
            good = known.tape.envelope(known.tape.since(1))
            cut = good[: self.dice.randrange(len(good))]
            self.to_intake(
                self.dice.choice([b"", b"{}", cut, good.replace(b'"first":1', b'"first":2')])
            )


def size_of(checkpoint: bytes | None) -> int | None:
    """Returns how many entries a published checkpoint covers, None where there is none."""
    return read_checkpoint(checkpoint)[0].size if checkpoint is not None else None


def follow_once(world: World, views: WorldViews) -> None:
    """A follower's step: a page folded, rows and position committed together, or nothing of it."""
    since = views.position
    page = world.journal.page(since, world.dice.choice([1, 3, 50]))
    if not page:
        return
    entries = entries_of(page)
    buffers = {name: Buffered(store) for name, store in views.stores.items()}
    for group in GROUPS:
        fold_page(group, buffers[group.name], entries)
        for entry in entries:
            entry.memo.clear()
    if world.faults.hits():
        return

    def commit() -> None:
        if views.position == since and not world.faults.hits():
            for buffer in buffers.values():
                buffer.commit()
            views.position = page[-1].position

    # Another follower may be ahead by the time this one commits.
    world.later(world.dice.uniform(0, 0.6), commit)


class IntakeActor:
    """An intake process: what it had in memory is gone when it crashes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._start()
        world.every(0.4, self._step)

    def take(self, envelope: bytes) -> None:
        self._committer.submit(envelope, self._reply)

    def _start(self) -> None:
        world = self._world
        devices = Devices(world.journal, monotonic=lambda: world.time)
        sealer = world.new_sealer()
        self._committer = world.product.committer(
            LEDGER, WorldAppender(world.journal, sealer), Verifier(devices, sealer), devices, key=KEY,
            now=world.now, checkpoint=lambda: (world.row.shown or b"").decode() or None,
        )  # fmt: skip

    def _step(self) -> None:
        try:
            while self._committer.step(0.0):
                pass
        except JournalUnavailable:
            return
        except Crash:
            self._start()

    def _reply(self, tape: str, answer: bytes) -> None:
        if self._world.faults.hits(0.3):
            raise Crash
        self._world.to_scanner(tape, answer)


class PublisherActor:
    """A publisher process."""

    def __init__(self, world: World) -> None:
        self._world = world
        # A folder of its own, as on another machine; the row is where publishers meet.
        self.files = WorldFiles(world.faults, world.row)
        self._start()
        world.every(1.0, self._step)

    def _start(self) -> None:
        world = self._world
        signer = LogSigner("world.example/log", LOG_KEY)
        leaves = WorldLeaves(world.journal)
        self._publisher = world.product.publisher(
            signer, leaves, world.row, self.files, now=lambda: NOON + timedelta(seconds=world.time)
        )

    def _step(self) -> None:
        try:
            while self._publisher.step():
                pass
        except (JournalUnavailable, OSError):
            return
        except Crash:
            self._start()


class ScannerActor:
    """A scanner and its hand: scans, sends, loses its power, its network, its disk."""

    def __init__(self, world: World, device: str, tape: MemoryTape | None = None) -> None:
        self._world = world
        self.device = device
        self.boot = 1
        self.offline_until = 0.0
        # Numbers that the hand was told are kept.
        self.told: list[int] = []
        # The tape is gone with what had no receipt yet, or is a copy's twin.
        self.lost = False
        self.tape = tape or self._new_tape(None)
        self._sending = self._new_sending()

    def join(self) -> None:
        """Enrols the device and begins its day."""
        world, device = self._world, self.device
        request = EnrollDevice(device=device, key=self.tape.key.public, name=device)
        enrolled = DeviceEnrolled(
            device=request.device, key=request.key, ledger_keys=(KEY.public,), name=request.name
        )
        mandate = MandateGranted(device=device, merchant="m-1", valid_from=date(2020, 1, 1))
        world.put_case("device", device, enrolled, mandate)
        self._live()

    def hear(self, answer: bytes) -> None:
        if self._world.time >= self.offline_until:
            self._sending.answered(answer, self._world.time)
            self._send()

    def reconnect(self) -> None:
        self._sending.connected()
        self._send()

    def done(self) -> bool:
        """Tells whether nothing of the tape waits, or it was stopped, or is lost."""
        return self.lost or self.stopped or self.tape.count_waiting() == 0

    @property
    def stopped(self) -> bool:
        """Whether the ledger takes nothing more of it: it has a twin, or its key was replaced."""
        refused = self._sending.refused
        return self._sending.forked or (refused is not None and refused.code == "unknown-key")

    def _live(self) -> None:
        world = self._world
        world.scanners.append(self)
        world.every(world.dice.choice([4.0, 8.0, 16.0]), self._scan)
        world.every(0.6, self._send)
        world.every(25.0, self._mishap)

    def _new_tape(self, former: MemoryTape | None) -> MemoryTape:
        dice = self._world.dice
        opened = TapeOpened(
            device=self.device, clock=self._clock(),
            previous_tape=former.id if former else None,
            previous_last=former.last() if former else None,
        )  # fmt: skip
        name = str(uuid.UUID(bytes=dice.randbytes(16), version=4))
        return MemoryTape(name, self.device, SigningKey(dice.randbytes(32)), opened)

    def _new_sending(self) -> Sending:
        return self._world.product.sending(self.tape, [KEY.public], jitter=self._world.dice.random)

    def _clock(self) -> DeviceClock:
        milliseconds = int(self._world.time * 1000)
        wrong = timedelta(days=self._world.dice.choice([0, 0, 0, -400, 400]))
        wall = NOON + timedelta(seconds=self._world.time) + wrong
        return DeviceClock(wall=wall, boot=f"b{self.boot}", monotonic_ms=milliseconds)

    def _scan(self) -> None:
        world = self._world
        if world.time > BUSY_S or self.lost:
            return
        made = world.dice.choice([received, sold])(
            world.dice.randint(1, 9), milk(f"L{world.dice.randint(1, 3)}"), clock=self._clock(),
            counterparty_card=world.dice.choice([None, None, *world.refs]),
        )  # fmt: skip
        try:
            if world.faults.hits(0.5):
                # A scanner of next year says something that this ledger cannot read.
                report = encode(made).replace(b"goods-", b"gifts-", 1)
                self.told.append(self.tape.append_bytes(report).number)
            else:
                self.told.append(self.tape.append(made).number)
        except TapeFull:
            return
        self._send()

    def _send(self) -> None:
        world = self._world
        if world.time < self.offline_until or self.lost:
            return
        for envelope in self._sending.poll(world.time):
            world.carry(world.lossy, lambda one=envelope: world.to_intake(one))  # type: ignore[misc]
            world.product.on_puback(self, envelope)

    def _mishap(self) -> None:
        world, dice = self._world, self._world.dice
        if not world.faults.hits(6) or self.lost:
            return
        match dice.choice(["power", "offline", "full", "copied", "reset"]):
            case "power":
                self.tape.power_cut()
                self.boot += 1
                self._sending = self._new_sending()
            case "offline":
                self.offline_until = world.time + dice.uniform(1, 60)
                self._sending.connected()
            case "full":
                self.tape.full = True
                world.later(dice.uniform(1, 20), self._freed)
            case "copied":
                twin = ScannerActor(world, self.device, self.tape.copy())
                twin.boot = self.boot + 100
                twin._live()
            case "reset":
                self._reset()

    def _freed(self) -> None:
        self.tape.full = False

    def _reset(self) -> None:
        """The device comes again under its name with a new key and tape; the old one is gone."""
        again = ScannerActor(self._world, self.device)
        again.tape = again._new_tape(self.tape)
        again._sending = again._new_sending()
        self.lost = True
        replaced = DeviceKeyReplaced(
            device=self.device, key=again.tape.key.public, ledger_keys=(KEY.public,), reason="wiped"
        )
        self._world.put_case("device", self.device, replaced)
        again._live()


def same(one: Any, other: Any) -> bool:
    """Tells whether two sets of views hold the same rows."""
    return msgspec.json.encode(_plain(one)) == msgspec.json.encode(_plain(other))


def _plain(views: WorldViews) -> Any:
    return [
        [name, table, sorted(map(repr, rows.values()))]
        for name, store in sorted(views.stores.items())
        for table, rows in sorted(store.tables.items())
        if rows
    ]
