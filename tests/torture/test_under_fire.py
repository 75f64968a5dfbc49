"""Under fire: everything is killed at random moments while reports stream in."""

import os
import random
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.settings import Settings
from ledger.values.ids import stream_of_tape
from scanners.agent import Agent, enroll, learn_home
from scanners.identity import Clocks
from suyuan.audit_rows import RowsCheck
from suyuan.parts.machine import Machine
from suyuan.upkeep import Upkeep
from tests.support.databases import scratch
from tests.support.make import TODAY, milk, received, sold

SCANNERS = 6


class Fire:
    """A machine, its scanners, and somebody who pulls plugs."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.dice = random.Random(seed)
        self.folder = folder
        # Two of each, as a city runs them: what one has under way when it dies, the other gets.
        self.machine = Machine(folder, given=Settings(copies=2))
        self.machine.start(say=lambda text: None)
        home = learn_home(self.machine.intake_url, "127.0.0.1", self.machine.broker.port)
        self.agents = []
        for number in range(SCANNERS):
            device = f"scanner-{number}"
            tape = enroll(folder / f"{device}.tape", device, home, ["m-1"], since=date(2026, 1, 1))
            self.agents.append(Agent(tape, Clocks()))
            self.agents[-1].link.start()
        self.killed: dict[str, int] = {}
        self.over = threading.Event()
        # A service that ended by itself, which a restart would hide.
        self.fallen: list[str] = []

    def scan(self, count: int, pause_s: float) -> None:
        import msgspec

        for number in range(count):
            agent = self.agents[number % SCANNERS]
            made = (received if number % 3 else sold)(1, milk(f"L{number % 40}"))
            report = msgspec.structs.replace(
                made, clock=agent.clocks.read(), session=str(uuid.uuid4()), business_date=TODAY
            )
            agent.keep(report)
            if pause_s:
                time.sleep(pause_s)

    def pull_plugs(self, every_s: float) -> None:
        assert self.machine.services is not None
        services = self.machine.services.all
        plugs: dict[str, Callable[[], None]] = {
            "intake": lambda: self._restart(services["intake"]),
            "follow": lambda: self._restart(services["follow"]),
            "intake-2": lambda: self._restart(services["intake-2"]),
            "follow-2": lambda: self._restart(services["follow-2"]),
            "broker": self._restart_broker,
            "database": self._restart_database,
        }
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
        services = self.machine.services.all.values()  # type: ignore[union-attr]
        lines += [f"{one.name}, alive {one.alive()}:\n{one.tail()}" for one in services]
        return "\n".join(lines)

    def wait_followed(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        query = (
            "SELECT (SELECT position FROM ledger.head), (SELECT position FROM trade.position),"
            " (SELECT position FROM edge.position)"
        )
        while time.monotonic() < deadline:
            with psycopg.connect(self.machine.cluster.dsn()) as connection:
                row = connection.execute(query).fetchone()
            if row is not None and len(set(row)) == 1:
                return True
            time.sleep(0.1)
        return False

    def close(self) -> None:
        for agent in self.agents:
            agent.link.stop()
        self.machine.stop()

    def _restart(self, service: Any) -> None:
        if not service.alive():
            self.fallen.append(f"{service.name}:\n{service.tail()}")
        service.kill()
        time.sleep(self.dice.uniform(0, 0.5))
        service.start()

    def _restart_broker(self) -> None:
        self.machine.broker.kill()
        time.sleep(self.dice.uniform(0, 0.5))
        self.machine.broker.start()

    def _restart_database(self) -> None:
        self.machine.cluster.kill()
        time.sleep(self.dice.uniform(0, 0.5))
        self.machine.cluster.run()


def under_fire(count: int, *, seed: int, pause_s: float, every_s: float) -> dict[str, Any]:
    folder = scratch("test-fire-")
    fire = Fire(folder, seed)
    try:
        killer = threading.Thread(target=fire.pull_plugs, args=[every_s])
        killer.start()
        fire.scan(count, pause_s)
        time.sleep(2 * every_s)
        fire.over.set()
        killer.join()
        fire.machine.services.keep_running()  # type: ignore[union-attr]
        assert fire.drain(120), f"not everything on the tapes was receipted: {fire.waiting()}"
        assert fire.wait_followed(60), "the followers never caught up"
        assert fire.fallen == [], "a service ended by itself"
        _check(fire)
        return {"reports": count + SCANNERS, "killed": fire.killed}
    finally:
        fire.close()
        shutil.rmtree(folder, ignore_errors=True)


def _check(fire: Fire) -> None:
    with psycopg.connect(fire.machine.cluster.dsn()) as connection:
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
    report = RowsCheck(fire.machine.cluster.dsn()).run()
    assert report.problems == []
    differing = [
        c
        for c in Upkeep(fire.machine.cluster.dsn("suyuan_follower")).compare()
        if c.missing or c.unexpected
    ]
    assert differing == []


def test_a_short_fire_loses_nothing_and_stores_nothing_twice() -> None:
    result = under_fire(1200, seed=5, pause_s=0.008, every_s=1.2)

    print(result)
    assert set(result["killed"]) == {
        "intake", "intake-2", "follow", "follow-2", "broker", "database",
    }  # fmt: skip


@pytest.mark.slow
def test_a_long_fire_of_20000_reports_loses_nothing_and_stores_nothing_twice() -> None:
    seed = int(os.environ.get("SEED", "1"))
    begun = time.monotonic()

    result = under_fire(20_000, seed=seed, pause_s=0.008, every_s=3.0)

    print(result | {"seed": seed, "seconds": round(time.monotonic() - begun)})
    assert min(result["killed"].values()) >= 5
