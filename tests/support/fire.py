"""A machine under fire: its scanners, somebody who pulls plugs, and what must hold after all of it."""

import contextlib
import random
import threading
import time
import uuid
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from ledger.bundles.log_place import log_place
from ledger.log.checkpoints import Checkpoint
from ledger.log.postgres import PgLog
from ledger.settings import Settings
from ledger.values.ids import stream_of_tape
from scanners.agent import Agent, enroll, learn_home
from scanners.identity import Clocks
from suyuan.audit_rows import RowsCheck
from suyuan.bench.log import PUBLISHED
from suyuan.log_check import check_log
from suyuan.parts.broker import Broker
from suyuan.parts.machine import Machine
from suyuan.parts.places import free_port
from suyuan.parts.services import Service
from suyuan.published import PublishedLog
from suyuan.receipts_check import check_receipts
from suyuan.upkeep import Upkeep
from tests.support.make import TODAY, milk, received, sold
from tests.support.people import chief_of
from tests.support.proxy import Proxy

SCANNERS = 6


class Fire:
    """A machine, its scanners, and somebody who pulls plugs."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.dice = random.Random(seed)
        self.folder = folder
        # Everybody's way to the broker leads through a proxy that may do as it likes.
        self.broker = Broker(folder, free_port())
        self.broker.start()
        self.near, self.far = Proxy(self.broker.port), Proxy(self.broker.port)
        # Two of each, as a city runs them: what one has under way when it dies, the other gets.
        shared = self.broker.source == "mosquitto"
        given = Settings(
            copies=2 if shared else 1, mqtt_host="127.0.0.1", mqtt_port=self.far.port,
            mqtt_share="intake" if shared else "", **self.given(),
        )  # fmt: skip
        self.machine = Machine(folder, given=given)
        self.agents: list[Agent] = []
        self.twice_and_shuffled = False
        try:
            self.machine.start(say=lambda text: None)
            self._join()
        except BaseException:
            # Nobody else could end what was started for a fire that never began.
            self.close()
            raise
        self.killed: dict[str, int] = {}
        self.over = threading.Event()
        # A service that ended by itself, which a restart would hide.
        self.fallen: list[str] = []

    def _join(self) -> None:
        home = learn_home(self.machine.intake_url, "127.0.0.1", self.near.port)
        chief = chief_of(self.machine)
        for number in range(SCANNERS):
            path, device = self.folder / f"scanner-{number}.tape", f"scanner-{number}"
            since = date(2026, 1, 1)
            tape = enroll(path, device, home, ["m-1"], since=since, auth=chief)
            self.agents.append(Agent(tape, Clocks(), publish=self._publish(number)))
            self.agents[-1].link.start()

    def given(self) -> dict[str, Any]:
        """Settings beside those of the broker: none, the database is a private one."""
        return {}

    @property
    def database(self) -> str:
        """How the owner reaches the database."""
        return self.machine.cluster.dsn()

    @property
    def services(self) -> dict[str, Service]:
        assert self.machine.services is not None
        return self.machine.services.all

    def _publish(self, number: int) -> Callable[[str, bytes], None]:
        """Sends as the link does; or twice, a little later and in any order."""

        def publish(topic: str, envelope: bytes) -> None:
            send = self.agents[number].link._send
            if not self.twice_and_shuffled:
                send(topic, envelope)
                return
            for _ in range(2):
                threading.Timer(self.dice.uniform(0, 0.4), send, [topic, envelope]).start()

        return publish

    def scan(self, count: int, pause_s: float) -> None:
        for number in range(count):
            self.scan_one(number)
            if pause_s:
                time.sleep(pause_s)

    def scan_one(self, number: int) -> None:
        agent = self.agents[number % SCANNERS]
        made = (received if number % 3 else sold)(1, milk(f"L{number % 40}"))
        report = msgspec.structs.replace(
            made, clock=agent.clocks.read(), session=str(uuid.uuid4()), business_date=TODAY
        )
        agent.keep(report)

    def plugs(self) -> dict[str, Callable[[], None]]:
        """What can be pulled, by name."""
        found: dict[str, Callable[[], None]] = {
            name: partial(self._restart, service)
            for name, service in self.services.items()
            if name not in ("query", "kiosk")
        }
        return found | {"broker": self._restart_broker, "database": self._restart_database}

    def pull_plugs(self, every_s: float) -> None:
        plugs = self.plugs()
        waiting = list(plugs)
        while not self.over.wait(self.dice.uniform(0.5, 1.5) * every_s):
            waiting = waiting or list(plugs)
            name = waiting.pop(self.dice.randrange(len(waiting)))
            plugs[name]()
            self.killed[name] = self.killed.get(name, 0) + 1

    def drain(self, timeout_s: float) -> bool:
        return all(agent.link.wait_drained(timeout_s) for agent in self.agents)

    def waiting(self) -> str:
        """Returns what is known of scanners that wait for a receipt, and the services' last words."""
        lines = []
        for agent in self.agents:
            if count := agent.tape.count_waiting():
                known = {k: v for k, v in vars(agent.link._sending).items() if k != "_tape"}
                lines.append(f"{agent.tape.device} {agent.tape.id}: {count} waiting, online"
                             f" {agent.link.online}, {time.monotonic()}: {known}")  # fmt: skip
        lines += [
            f"{one.name}, alive {one.alive()}:\n{one.tail()}" for one in self.services.values()
        ]
        return "\n".join(lines)

    def wait_followed(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        query = (
            "SELECT (SELECT position FROM ledger.head), (SELECT position FROM trade.position),"
            " (SELECT position FROM edge.position),"
            f" (SELECT max({PUBLISHED}) FROM ledger.checkpoints WHERE shown IS NOT NULL)"
        )
        row = None
        while time.monotonic() < deadline:
            with (
                contextlib.suppress(psycopg.OperationalError),
                psycopg.connect(self.database) as connection,
            ):
                row = connection.execute(query).fetchone()
            if row is not None and len(set(row)) == 1:
                return True
            time.sleep(0.1)
        return False

    def close(self) -> None:
        for agent in self.agents:
            agent.link.stop()
        self.machine.stop()
        self.broker.stop()
        self.near.close()
        self.far.close()

    def _restart(self, service: Any) -> None:
        if not service.alive():
            self.fallen.append(f"{service.name}:\n{service.tail()}")
        service.kill()
        time.sleep(self.dice.uniform(0, 0.5))
        service.start()

    def _restart_broker(self) -> None:
        self.broker.kill()
        time.sleep(self.dice.uniform(0, 0.5))
        self.broker.start()

    def _restart_database(self) -> None:
        self.machine.cluster.kill()
        time.sleep(self.dice.uniform(0, 0.5))
        self.machine.cluster.run()


def check_all(fire: Fire) -> None:
    with psycopg.connect(fire.database) as connection:
        for agent in fire.agents:
            stored = dict(
                connection.execute(
                    "SELECT originator_version, chain FROM ledger.events WHERE originator_id = %s",
                    [stream_of_tape(agent.tape.id)],
                ).fetchall()
            )
            kept, first = {}, 1
            while batch := agent.tape.since(first):
                kept |= {item.number: item.chain for item in batch}
                first = batch[-1].number + 1
            assert stored == kept, "the ledger and the tape differ"
            placed = connection.execute(
                "SELECT originator_version, notification_id FROM ledger.events"
                " WHERE originator_id = %s ORDER BY originator_version",
                [stream_of_tape(agent.tape.id)],
            ).fetchall()
            assert all(agent.tape.position_of(n) == position for n, position in placed)
        row = connection.execute(
            "SELECT count(*), max(notification_id), (SELECT position FROM ledger.head) FROM ledger.events"
        ).fetchone()
        assert row is not None
        assert len(set(row)) == 1, f"positions have gaps: {row}"
    report = RowsCheck(fire.database).run()
    assert report.problems == []
    place = log_place(PgLog(fire.database), str(fire.folder), None)
    assert place is not None
    with PublishedLog(place.place) as log:
        found = check_log(PgLog(fire.database), log.read, place.key)
        assert (found.size, found.problems) == (report.events, [])
        for agent in fire.agents:
            tree = Checkpoint(place.key.name, found.size, b"")
            assert check_receipts(agent.tape, log.read, tree).findings == []
    differing = [
        c
        for c in Upkeep(fire.machine.dsn("suyuan_follower")).compare()
        if c.missing or c.unexpected
    ]
    assert differing == []
