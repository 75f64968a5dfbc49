"""Soak: sustained ingest with followers and publisher on; memory stays flat, lag bounded, rates steady."""

import os
import shutil
import statistics
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

from ledger.events import wire
from ledger.events.catalogue import encode
from ledger.events.reports import TapeOpened
from ledger.journal.postgres import PgReader
from ledger.values.chain import batch_message, chain_next, chain_start
from ledger.values.keys import SigningKey
from suyuan.bench.log import PUBLISHED
from suyuan.bench.work import RAW_TABLE, raw_copy
from suyuan.parts.machine import Machine
from tests.support.databases import scratch
from tests.support.make import clock, milk, received, sold
from tests.support.people import chief_of

FEEDS, BATCH = 4, 100
# Feeding waits while the views are further behind than this: it is what all parts together bear.
LAG_MAX = 20_000
COPIED, COPIES = 20_000, 5


class Feed:
    """A scanner that never stops."""

    def __init__(self, number: int) -> None:
        self.device, self.id = f"feed-{number}", str(uuid.uuid4())
        self.key = SigningKey(os.urandom(32))
        self._chain, self._last = chain_start(self.id), 0
        self._template = encode(received(3, milk("LOT")))
        self._sale = encode(sold(2, milk("LOT")))

    def batch(self) -> bytes:
        """Returns the next signed batch; a delivery in three entries, new lots as time goes by."""
        first, previous, reports = self._last + 1, self._chain, []
        for number in range(first, first + BATCH):
            if number == 1:
                report = encode(TapeOpened(device=self.device, clock=clock()))
            else:
                lot = f"{self.device}-{number // 400}".encode()
                report = (self._sale if number % 3 else self._template).replace(b"LOT", lot)
            self._chain = chain_next(self._chain, number, report)
            reports.append(report)
        self._last = first + BATCH - 1
        message = batch_message(self.id, first, self._last, previous, self._chain)
        return wire.encode(
            wire.Batch(
                device=self.device, tape=self.id, first=first, previous=previous,
                reports=tuple(reports), key=self.key.id, signature=self.key.sign(message),
            )
        )  # fmt: skip


class Soak:
    """A machine that is fed for a while."""

    def __init__(self, folder: Path) -> None:
        self.machine = Machine(folder)
        self.machine.start(say=lambda text: None)
        self.feeds = [Feed(number) for number in range(FEEDS)]
        self.over, self.paused = threading.Event(), threading.Event()
        self.failed: list[str] = []
        wanted: list[dict[str, Any]] = []
        for feed in self.feeds:
            wanted += [
                {"type": "enroll-device", "device": feed.device, "key": feed.key.public, "name": "x"},
                {"type": "grant-mandate", "device": feed.device, "merchant": "m-1", "valid_from": "2020-01-01"},
            ]  # fmt: skip
        url = f"{self.machine.intake_url}/intake/requests"
        chief = chief_of(self.machine)
        asked = httpx.post(url, json=wanted, trust_env=False, timeout=60, auth=chief)
        assert asked.status_code == 200
        self.admin = psycopg.connect(self.machine.cluster.dsn(), autocommit=True)

    def feed(self, feed: Feed) -> None:
        with httpx.Client(base_url=self.machine.intake_url, trust_env=False, timeout=60) as http:
            while not self.over.is_set():
                if self.paused.is_set() or self.lag() > LAG_MAX:
                    time.sleep(0.05)
                    continue
                answer = http.post("/intake/batches", content=feed.batch())
                if answer.status_code != 200:
                    self.failed.append(f"{answer.status_code} {answer.text[:200]}")
                    return

    def lag(self) -> int:
        with psycopg.connect(self.machine.cluster.dsn(), autocommit=True) as connection:
            row = connection.execute(
                "SELECT h.position - t.position FROM ledger.head h, trade.position t"
            ).fetchone()
        return int(row[0]) if row else 0

    def folded(self) -> int:
        row = self.admin.execute("SELECT position FROM trade.position").fetchone()
        return int(row[0]) if row else 0

    def published_lag(self) -> int:
        row = self.admin.execute(
            f"SELECT h.position - {PUBLISHED} FROM ledger.head h, ledger.checkpoints"
        ).fetchone()
        return int(row[0]) if row else 0

    def memory_mb(self) -> dict[str, int]:
        assert self.machine.services is not None
        found = {}
        for name, service in self.machine.services.all.items():
            assert service.process is not None
            status = Path(f"/proc/{service.process.pid}/status").read_text()
            line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
            found[name] = int(line.split()[1]) // 1024
        return found

    def raw_copy_rate(self) -> float:
        """Measures raw COPY of what was recorded last, with nothing else at work: the machine's speed."""
        self.paused.set()
        deadline = time.monotonic() + 60
        while self.lag() and time.monotonic() < deadline:
            time.sleep(0.1)
        head = PgReader(self.admin).head()
        rows = PgReader(self.admin).page(max(0, head - COPIED), COPIED)
        rates = []
        for number in range(COPIES):
            table = f"ledger.raw{number}"
            self.admin.execute(RAW_TABLE.format(table))
            begun = time.perf_counter()
            raw_copy(self.admin, table, rows)
            rates.append(len(rows) / (time.perf_counter() - begun))
            self.admin.execute(f"DROP TABLE {table}")
        self.paused.clear()
        return statistics.median(rates)

    def minute(self, seconds: float) -> dict[str, Any]:
        """Measures a minute: the rate, the worst lags, memory at its end."""
        lags, behind = [0], [0]
        before, begun = self.folded(), time.monotonic()
        while time.monotonic() - begun < seconds:
            time.sleep(0.5)
            lags.append(self.lag())
            behind.append(self.published_lag())
        rate = (self.folded() - before) / (time.monotonic() - begun)
        return {
            "rate": round(rate), "lag": max(lags), "unpublished": max(behind),
            "memory_mb": self.memory_mb(), "load": os.getloadavg()[0],
        }  # fmt: skip

    def close(self) -> None:
        self.over.set()
        self.admin.close()
        self.machine.stop()


def soak(minutes: int, seconds: float, told: Callable[[Any], None]) -> list[dict[str, Any]]:
    folder = scratch("test-soak-", on_disk=True)
    found = Soak(folder)
    feeding = [threading.Thread(target=found.feed, args=[feed]) for feed in found.feeds]
    try:
        for one in feeding:
            one.start()
        # Caches fill and the views' first tables grow: a third of a minute does not count.
        time.sleep(seconds / 3)
        copied = [found.raw_copy_rate()]
        time.sleep(seconds / 12)
        measured = []
        for _ in range(minutes):
            measured.append(found.minute(seconds))
            told(measured[-1])
        copied.append(found.raw_copy_rate())
        measured[0]["copy"], measured[-1]["copy"] = map(round, copied)
        found.over.set()
        for one in feeding:
            one.join()
        assert found.failed == []
        return measured
    finally:
        found.over.set()
        for one in feeding:
            one.join()
        found.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_ten_minutes_of_ingest_leave_memory_flat_lag_bounded_and_rates_steady() -> None:
    minutes, seconds = int(os.environ.get("N", "10")), float(os.environ.get("SECONDS", "60"))

    measured = soak(
        minutes, seconds, lambda one: print(msgspec.json.encode(one).decode(), flush=True)
    )

    first, last = measured[0], measured[-1]
    steady = (last["rate"] / last["copy"]) / (first["rate"] / first["copy"])
    shown = {name: [first[name], last[name]] for name in ("rate", "copy")}
    print(shown | {"last to first, each by raw COPY": round(steady, 2)})
    assert 0.8 <= steady <= 1.25
    assert max(one["lag"] for one in measured) <= 2 * LAG_MAX
    for name, megabytes in last["memory_mb"].items():
        early = measured[min(1, minutes - 1)]["memory_mb"][name]
        assert megabytes <= 1.25 * early + 20, f"{name} grew from {early} to {megabytes} MB"
