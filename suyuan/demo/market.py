"""The market's scanners: each an agent of its own, and the odd ones every market has."""

import random
import shutil
import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ledger.events import wire
from ledger.events.reports import GoodsAsRead, GoodsReceived
from ledger.rules.areas import StateArea
from ledger.rules.device import EnrollDevice, GrantMandate
from ledger.values.keys import SigningKey
from ledger.values.quantity import StatedQuantity, Unit
from scanners.agent import Agent, Former, Home, keep_document, open_tape
from scanners.asking import ask
from scanners.cards import put_card
from scanners.deliveries import Received
from scanners.entries import Entries, Standing
from scanners.identity import Clocks
from scanners.labels import Label, png
from scanners.tape import Tape
from scanners.vouchers import PREFIX, codes_of, voucher_of
from suyuan.badge import Badge
from suyuan.participants import FARMER, Action, Merchant, card_ref
from suyuan.simulate import Trade

Publish = Callable[[str, bytes], None]
BOTCH_HOLD = 3


class Botched:
    """A link that sends every batch twice and in the wrong order, as bad networks do."""

    def __init__(self, host: str, port: int, seed: int) -> None:
        self._random = random.Random(seed)
        self._held: list[tuple[str, bytes]] = []
        self._lock = threading.Lock()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.connect(host, port)
        self._client.loop_start()
        self.sent = 0

    def __call__(self, topic: str, envelope: bytes) -> None:
        """Takes an envelope; what is held goes out shuffled, each twice."""
        with self._lock:
            self._held.append((topic, envelope))
            batch = self._held * 2
            self._random.shuffle(batch)
            for item in batch:
                self._client.publish(*item, qos=1)
                self.sent += 1
            self._held = self._held[-BOTCH_HOLD:] if self._random.random() < 0.5 else []

    def stop(self) -> None:
        """Leaves the broker."""
        self._client.disconnect()
        self._client.loop_stop()


class Market:
    """All scanners of a trade, kept on disk in `folder` and joined to the ledger at `home`."""

    def __init__(self, trade: Trade, home: Home, folder: Path, now: Callable[[], datetime]) -> None:
        self._home = home
        self._folder = folder
        self._now = now
        self._start = now()
        self.trade = trade
        self.agents: dict[str, Agent] = {}
        self.seeds: dict[str, bytes] = {}
        self.retired: list[Tape] = []
        stalls = [m for m in trade.merchants if m.kind == "retailer"]
        wholesalers = [m for m in trade.merchants if m.kind == "wholesaler"]
        self.offline, self.ahead = wholesalers[0], wholesalers[1]
        self.botched, self.reset, self.cloned = stalls[0], stalls[1], stalls[2]
        self._botch: Botched | None = None

    def open(self, *, register: Badge, devices: Badge) -> None:
        """Registers the trade, enrolls every scanner and starts the links of all but one.

        `register` and `devices` show who may ask for the one and for the other.
        """
        rng = random.Random(7)
        register_asks = self.trade.requests()
        wanted: list[Any] = [one for one in register_asks if isinstance(one, StateArea)]
        since = self.trade.day - timedelta(days=30)
        for merchant in self.trade.merchants:
            seed = rng.randbytes(32)
            self.seeds[merchant.device] = seed
            key = SigningKey(seed).public
            wanted.append(EnrollDevice(device=merchant.device, key=key, name=merchant.name))
            wanted.append(
                GrantMandate(device=merchant.device, merchant=merchant.id, valid_from=since)
            )
        ask(self._home.intake_url, wanted, auth=devices)
        rest = [one for one in register_asks if not isinstance(one, StateArea)]
        ask(self._home.intake_url, rest, auth=register)
        for merchant in self.trade.merchants:
            self.agents[merchant.device] = self._agent(merchant)
            tape = self.agents[merchant.device].tape
            put_card(self._home, tape, merchant.card_ref, merchant.card)
            if merchant is self.offline:
                # The one wholesaler that keeps the farmer's card for all of them.
                put_card(self._home, tape, card_ref(FARMER.name), FARMER)
            if merchant is not self.offline:
                self.agents[merchant.device].link.start()
        # A scanner knows the time when its tape's opening was answered.
        for merchant in self.trade.merchants:
            if merchant is not self.offline:
                self.agents[merchant.device].link.wait_drained(10)

    def scan(
        self, action: Action, goods: GoodsAsRead | None, target: tuple[str, int] | None
    ) -> int:
        """Puts one report on its scanner's tape; the scan counts once it is on disk."""
        agent = self.agents[action.device]
        return agent.keep(action.event(agent.clocks.read(), goods, target)).number

    def receive_by_voucher(self, actions: Sequence[Action]) -> list[tuple[str, int]]:
        """A buyer scans the seller's voucher once, and types where less came than it says.

        `actions` are the lines as the buyer finds them; returns the tape and number of each.
        """
        fields = actions[0].fields
        seller = next(m for m in self.trade.merchants if m.id == fields["counterparty"])
        agent = self.agents[actions[0].device]
        sold = self.agents[seller.device].tape
        place = Standing(merchant=fields["merchant"], premises=fields["premises"])
        received = Received(
            agent.tape, Entries(agent.tape.id, agent.clocks, lambda: self.trade.day)
        )
        voucher = voucher_of(sold, seller.id, fields["delivery"], fields["merchant"])
        told = None
        for code in codes_of(voucher):
            told = received.take(code.removeprefix(PREFIX), place)
        if told is None or len(told.numbers) != len(actions):
            raise RuntimeError(f"a voucher was not received: {told}")
        for number, (line, action) in enumerate(zip(voucher.lines, actions, strict=True), 1):
            if action.fields["quantity"].amount != line.amount:
                received.typed(f"{number}={action.fields['quantity'].amount}", place)
        agent.link.wake()
        return [(agent.tape.id, number) for number in told.numbers]

    def keep_paper(self, action: Action) -> Action:
        """Takes a paper's picture with the scanner; the report then names that picture."""
        content = png(Label("qr", action.fields["gtins"][0], action.fields["lots"][0]))
        # A picture of its own for every paper that has one.
        content += action.fields["document"].encode()
        digest = keep_document(self.agents[action.device].tape, "image/png", content)
        return action._replace(fields=action.fields | {"document": digest})

    def come_back(self) -> None:
        """The scanner that was offline for hours finds the network again."""
        self.agents[self.offline.device].link.start()

    def reset_one(self) -> None:
        """A scanner loses its disk, after its tape had drained, and begins a new tape."""
        old = self.agents[self.reset.device]
        if not old.link.wait_drained(30):
            raise TimeoutError("the scanner to reset did not drain")
        old.link.stop()
        self.retired.append(old.tape)
        self.agents[self.reset.device] = self._agent(self.reset, number=2, clocks=old.clocks)
        self.agents[self.reset.device].link.start()

    def copy_one(self) -> None:
        """Somebody copies a scanner's tape, key and all, while it is at work."""
        source = self._path(self.cloned, 1)
        for ending in ("", "-wal"):
            if (file := source.with_name(source.name + ending)).exists():
                shutil.copy(file, self._clone_path().with_name(self._clone_path().name + ending))

    def clone_scans(self) -> bool:
        """The copy scans by itself and sends: True when the ledger called it a fork."""
        told = threading.Event()

        def listen(body: wire.AnswerBody) -> None:
            if isinstance(body, wire.Fork):
                told.set()

        agent = Agent(Tape.open(self._clone_path()), self._clocks(self.cloned), on_answer=listen)
        agent.keep(self._some_report(self.cloned, agent.clocks))
        agent.link.start()
        found = told.wait(20)
        agent.link.stop()
        agent.tape.close()
        return found

    def stranger_scans(self) -> bool:
        """A device nobody enrolled sends a batch: True when it was refused and not recorded."""
        told = threading.Event()

        def listen(body: wire.AnswerBody) -> None:
            if isinstance(body, wire.Refused) and body.code == "unknown-device":
                told.set()

        stranger = Merchant("m-999", "retailer", "stranger")
        clocks = self._clocks(stranger)
        tape = open_tape(self._folder / "stranger.tape", stranger.device, self._home, clocks=clocks)
        agent = Agent(tape, clocks, on_answer=listen)
        agent.keep(self._some_report(stranger, clocks))
        agent.link.start()
        found = told.wait(20)
        agent.link.stop()
        return found

    def tapes(self) -> list[Tape]:
        """Every tape of an enrolled scanner, the retired one included."""
        return [agent.tape for agent in self.agents.values()] + self.retired

    def close(self) -> None:
        """Stops all links."""
        for agent in self.agents.values():
            agent.link.stop()
        if self._botch is not None:
            self._botch.stop()

    def _agent(self, merchant: Merchant, number: int = 1, clocks: Clocks | None = None) -> Agent:
        clocks = clocks or self._clocks(merchant)
        former = Former(self.retired[-1].id, None) if number > 1 else None
        tape = open_tape(
            self._path(merchant, number), merchant.device, self._home, clocks=clocks,
            key_seed=self.seeds[merchant.device], former=former,
        )  # fmt: skip
        publish: Publish | None = None
        if merchant is self.botched:
            publish = self._botch = Botched(self._home.mqtt_host, self._home.mqtt_port, 11)
        return Agent(tape, clocks, publish=publish)

    def _clocks(self, merchant: Merchant) -> Clocks:
        lead = timedelta(days=1) if merchant is self.ahead else timedelta(0)
        return Clocks(
            wall=lambda: self._now() + lead,
            monotonic=lambda: max(0.0, (self._now() - self._start).total_seconds()),
        )

    def _path(self, merchant: Merchant, number: int) -> Path:
        return self._folder / f"{merchant.device}-{number}.tape"

    def _clone_path(self) -> Path:
        return self._folder / "clone.tape"

    def _some_report(self, merchant: Merchant, clocks: Clocks) -> Any:
        return GoodsReceived(
            merchant=merchant.id,
            premises=merchant.premises,
            business_date=self.trade.day,
            clock=clocks.read(),
            session=str(uuid.uuid4()),
            goods=GoodsAsRead(item="不明货物"),
            quantity=StatedQuantity(amount=Decimal(1), unit=Unit.CASE),
        )
