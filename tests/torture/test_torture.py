"""Torture: real processes, one fault a trial, and nothing receipted is lost or doubled."""

import contextlib
import os
import shutil
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ledger.events import wire
from ledger.events.catalogue import encode
from ledger.values.ids import stream_of_tape
from tests.support.databases import scratch
from tests.support.fire import Fire, check_all
from tests.support.make import FakeTape, milk, received

REPORTS = 60
DISK_MB = 700


class Torture(Fire):
    """A machine that is tortured by one fault at a time, while its scanners scan."""

    def faults(self) -> dict[str, Callable[[], None]]:
        found = {f"kill {name}": pull for name, pull in self.plugs().items()}
        found |= {
            "near link swallows": lambda: self._link(self.near, "swallow"),
            "near link is slow": lambda: self._link(self.near, "slow"),
            "far link swallows": lambda: self._link(self.far, "swallow"),
            "far link is slow": lambda: self._link(self.far, "slow"),
            "links are cut": self._cut,
            "clock 400 days ahead": lambda: self._clock(400),
            "clock 400 days behind": lambda: self._clock(-400),
            "everything twice and shuffled": self._shuffle,
            "poison": self._poison,
            "a schema from the future": self._future,
        }
        if self.folder.is_mount():
            found["disk full"] = self._fill_disk
        return found

    def trial(self, name: str, fault: Callable[[], None]) -> None:
        """Scans, lets the fault happen meanwhile, scans on, and waits until all is receipted."""
        self.scan(REPORTS // 2, 0.004)
        fault()
        self.scan(REPORTS // 2, 0.004)
        assert self.machine.services is not None
        self.machine.services.keep_running()
        assert self.drain(120), f"after {name} not everything was receipted: {self.waiting()}"
        assert self.fallen == [], f"after {name} a service ended by itself: {self.fallen}"

    def _link(self, proxy: object, mode: str) -> None:
        proxy.mode = mode  # type: ignore[attr-defined]
        self.scan(REPORTS // 3, 0.02)
        time.sleep(self.dice.uniform(0.5, 2))
        proxy.mode = "pass"  # type: ignore[attr-defined]
        if mode == "swallow":
            # Who waits for what was swallowed is cut off in the end, as by a router.
            proxy.cut()  # type: ignore[attr-defined]

    def _cut(self) -> None:
        for proxy in (self.near, self.far):
            proxy.cut()

    def _clock(self, days: int) -> None:
        """Starts the intakes again with a clock that is wrong, and afterwards with the right one."""
        real = datetime.now(UTC)
        shown = real + timedelta(days=days)
        for told in (f"{shown.isoformat()}={real.isoformat()}@1/0", ""):
            for name, service in self.services.items():
                if name.startswith("intake"):
                    service._environment["SUYUAN_CLOCK"] = told
                    self._restart(service)
            self.scan(REPORTS // 3, 0.02)

    def _shuffle(self) -> None:
        self.twice_and_shuffled = True
        self.scan(REPORTS, 0.01)
        time.sleep(0.5)
        self.twice_and_shuffled = False

    def _poison(self) -> None:
        """What no device would send, on the devices' topics."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        tape = self.agents[0].tape
        good = tape.envelope(tape.since(1, 3))
        stranger = FakeTape("scanner-0")
        stranger.add(received(1, milk("POISON")))
        for content in (
            b"", b"\xff\xfe", b"{}", b"[" * 5000, good[: len(good) // 2], good.replace(b'"first":1', b'"first":2'),
            good + b"x", os.urandom(1000), b"x" * 2_000_000, stranger.batch(),
        ):  # fmt: skip
            for topic in (tape.id, str(uuid.uuid4())):
                client.publish(wire.batches_topic("local", topic), content, qos=1).wait_for_publish(
                    5
                )
        client.disconnect()
        client.loop_stop()

    def _future(self) -> None:
        """A scanner of next year says something that this ledger cannot read yet."""
        tape = self.dice.choice(self.agents).tape
        report = encode(received(1, milk("L1"))).replace(b"goods-received.v1", b"goods-beamed.v1")
        with tape._lock, tape._writing():
            tape._insert(report)

    def _fill_disk(self) -> None:
        """Leaves nothing on the disk of database, log and tapes for a while."""
        filler = self.folder / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(65_536))
        for number in range(REPORTS // 3):
            # The hand is told that this one was not kept.
            try:
                self.scan_one(number)
            except OSError:
                continue
        time.sleep(self.dice.uniform(0.5, 1.5))
        filler.unlink()
        if (
            self.machine.cluster.process is not None
            and self.machine.cluster.process.poll() is not None
        ):
            self.machine.cluster.run()
        for service in self.services.values():
            # Who could not go on without a disk is started again, as suyuan up does.
            if not service.alive():
                service.start()


@contextlib.contextmanager
def small_disk() -> Iterator[Path]:
    """A folder on a file system of its own where we may make one, an ordinary one elsewhere."""
    folder = scratch("test-torture-")
    size = f"size={DISK_MB}m,mode=755"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], capture_output=True, check=False
    )
    try:
        yield folder
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def torture(trials: int, seed: int) -> Counter[str]:
    """Runs trials, each fault in its turn; checks everything every 25 of them and at the end."""
    done: Counter[str] = Counter()
    with small_disk() as folder:
        fire = Torture(folder, seed)
        try:
            names = list(fire.faults())
            fire.dice.shuffle(names)
            for number in range(trials):
                name = names[number % len(names)]
                fire.trial(name, fire.faults()[name])
                done[name] += 1
                if number % 25 == 24:
                    assert fire.wait_followed(120), f"nobody caught up: {fire.waiting()}"
                    check_all(fire)
            assert fire.wait_followed(120), f"nobody caught up: {fire.waiting()}"
            check_all(fire)
        finally:
            fire.close()
    return done


def test_ten_faults_lose_nothing_and_store_nothing_twice() -> None:
    done = torture(10, seed=int(os.environ.get("SEED", "3")))

    print(dict(done))
    assert sum(done.values()) == 10


def lost_by_trusting_puback(folder: Path, seed: int) -> int:
    """The control: a device that forgets what the broker acknowledged loses it with the broker."""
    fire = Fire(folder, seed)
    try:
        for name, service in fire.services.items():
            if name.startswith("intake"):
                service.stop()
        tape = fire.agents[0].tape
        fire.agents[0].link.stop()
        for _ in range(40):
            tape.append(received(1))
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", fire.broker.port)
        client.loop_start()
        for kept in tape.since(2):
            info = client.publish(
                wire.batches_topic("local", tape.id), tape.envelope([kept]), qos=1
            )
            info.wait_for_publish(5)
            assert info.is_published()
        client.loop_stop()
        fire._restart_broker()
        for name, service in fire.services.items():
            if name.startswith("intake"):
                service.start()
        time.sleep(4)
        with psycopg.connect(fire.machine.cluster.dsn()) as connection:
            row = connection.execute(
                "SELECT count(*) FROM ledger.events WHERE originator_id = %s",
                [stream_of_tape(tape.id)],
            ).fetchone()
        assert row is not None
        return tape.last() - int(row[0])
    finally:
        fire.close()


@pytest.mark.slow
def test_200_faults_lose_nothing_and_trust_in_puback_does() -> None:
    seed, begun = int(os.environ.get("SEED", "1")), time.monotonic()
    done = torture(int(os.environ.get("N", "200")), seed)
    seconds = round(time.monotonic() - begun)
    folder = scratch("test-puback-")
    try:
        lost = lost_by_trusting_puback(folder, seed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

    print({"seed": seed, "trials": dict(done), "seconds": seconds, "lost by trusting PUBACK": lost})
    assert lost > 0
