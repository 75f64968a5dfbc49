"""Roundtrip: one scan to its receipt, against the least that any honest design must pay."""

import os
import sqlite3
import statistics
import threading
import time
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from ledger.events import wire
from ledger.events.reports import GoodsAsRead, GoodsSold
from ledger.intake.committer import Committer
from ledger.intake.devices import Devices
from ledger.intake.mqtt import MqttIntake
from ledger.intake.verify import Verifier
from ledger.journal.personal import MemoryPersonalStore
from ledger.journal.postgres import PgAppender
from ledger.journal.sealing import Sealer
from ledger.values.keys import SigningKey
from ledger.values.quantity import StatedQuantity, Unit
from scanners.agent import Agent, Home, open_tape
from scanners.identity import Clocks
from scanners.tcp import no_delay
from suyuan.bench.work import FixedDevices, bench_cluster
from suyuan.parts.broker import Broker
from suyuan.parts.cluster import Cluster
from suyuan.parts.places import free_port

SCANS = {"small": 300, "large": 2000, "huge": 10_000}
WARM = 20


def roundtrip(size: str) -> dict[str, Any]:
    """p50 in milliseconds: ours, and SQLite FULL + fsynced INSERT + echo through the broker."""
    with bench_cluster() as cluster:
        broker = Broker(cluster.data, free_port())
        broker.start()
        try:
            return _measure(cluster, broker, SCANS[size])
        finally:
            broker.stop()


def _measure(cluster: Cluster, broker: Broker, count: int) -> dict[str, Any]:
    key = SigningKey(os.urandom(32))
    committer = _committer(cluster, key)
    ended = threading.Event()
    intake = MqttIntake(committer, ledger="bench", host="127.0.0.1", port=broker.port, share="")
    thread = threading.Thread(target=_drive, args=[committer, ended])
    thread.start()
    intake.start()
    intake.connected.wait(10)
    scan = _Scanner(cluster.data, broker, committer_key=_public(committer), key=key)
    anchor = _Anchor(cluster, broker)
    ours, parts = [], []
    try:
        for number in range(count + WARM):
            mine = scan.once()
            theirs = anchor.once()
            if number >= WARM:
                ours.append(mine)
                parts.append(theirs)
    finally:
        scan.close()
        anchor.close()
        intake.stop()
        ended.set()
        thread.join()
    with psycopg.connect(cluster.dsn()) as connection:
        row = connection.execute("SELECT position FROM ledger.head").fetchone()
    p50 = statistics.median(ours) * 1000
    base = statistics.median([sum(part) for part in parts]) * 1000
    names = ("SQLite FULL insert", "fsynced INSERT", "echo through the broker")
    return {
        "bench": "roundtrip",
        "ours": round(p50, 3),
        "anchor": round(base, 3),
        "anchor_name": "SQLite FULL insert + fsynced INSERT + echo through the same broker, ms p50",
        "ratio": round(p50 / base, 2),
        "equal": row is not None and row[0] == count + WARM + 1,
        "n": count,
        "broker": broker.source,
        "p99": round(sorted(ours)[int(len(ours) * 0.99)] * 1000, 2),
        "parts": [
            {"what": name, "anchor": round(statistics.median(p[i] for p in parts) * 1000, 3)}
            for i, name in enumerate(names)
        ],
    }


class _Scanner:
    """Our whole line: tape, link, broker, intake, committer, receipt."""

    def __init__(self, data: Path, broker: Broker, *, committer_key: str, key: SigningKey) -> None:
        home = Home(
            ledger="bench", keys=(committer_key,), intake_url="", mqtt_host="127.0.0.1",
            mqtt_port=broker.port,
        )  # fmt: skip
        clocks = Clocks()
        self._told = threading.Event()
        tape = open_tape(data / "bench.tape", "scanner", home, clocks=clocks, key_seed=key.seed)
        self._agent = Agent(tape, clocks, on_answer=self._answered)
        self._agent.link.start()
        if not self._agent.link.wait_drained(15):
            raise TimeoutError("the bench's scanner got no receipt")

    def once(self) -> float:
        report = GoodsSold(
            merchant="m-001", premises="m-001-a", business_date=date(2026, 11, 22),
            clock=self._agent.clocks.read(), session=str(uuid.uuid4()),
            goods=GoodsAsRead(gtin="06901234000009", lot="A1"),
            quantity=StatedQuantity(amount=Decimal(1), unit=Unit.PIECE),
        )  # fmt: skip
        self._told.clear()
        begun = time.perf_counter()
        self._agent.keep(report)
        if not self._told.wait(10):
            raise TimeoutError("no receipt within 10 s")
        return time.perf_counter() - begun

    def close(self) -> None:
        self._agent.link.stop()
        self._agent.tape.close()

    def _answered(self, body: wire.AnswerBody) -> None:
        if isinstance(body, wire.Receipt):
            self._told.set()


class _Anchor:
    """The least: one durable row at the device, one at the server, one way there and back."""

    def __init__(self, cluster: Cluster, broker: Broker) -> None:
        self._lite = sqlite3.connect(cluster.data / "anchor.db")
        self._lite.execute("PRAGMA journal_mode = WAL")
        self._lite.execute("PRAGMA synchronous = FULL")
        self._lite.execute("CREATE TABLE scans (n INTEGER PRIMARY KEY, report BLOB)")
        self._pg = psycopg.connect(cluster.dsn(), autocommit=True)
        self._pg.execute("CREATE TABLE anchor (n bigserial PRIMARY KEY, report bytea)")
        self._echoed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_socket_open = no_delay
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = lambda *_: self._echoed.set()
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        self._client.subscribe("anchor/echo", qos=1)
        subscribed.wait(10)

    def once(self) -> tuple[float, float, float]:
        report = os.urandom(450)
        begun = time.perf_counter()
        with self._lite:
            self._lite.execute("INSERT INTO scans (report) VALUES (?)", [report])
        kept = time.perf_counter()
        self._pg.execute("INSERT INTO anchor (report) VALUES (%s)", [report])
        stored = time.perf_counter()
        self._echoed.clear()
        self._client.publish("anchor/echo", report, qos=1)
        if not self._echoed.wait(10):
            raise TimeoutError("the broker did not echo")
        return kept - begun, stored - kept, time.perf_counter() - stored

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._lite.close()
        self._pg.close()


def _committer(cluster: Cluster, key: SigningKey) -> Committer:
    sealer = Sealer("bench", entropy=os.urandom, persons=MemoryPersonalStore(os.urandom))
    devices = Devices(FixedDevices({"scanner": key}, ["m-001"]))
    return Committer(
        "bench", PgAppender(cluster.dsn("suyuan_writer"), sealer), Verifier(devices.get, sealer),
        devices, key=SigningKey(os.urandom(32)), now=lambda: datetime.now(UTC),
    )  # fmt: skip


def _public(committer: Committer) -> str:
    return committer.key.public


def _drive(committer: Committer, ended: threading.Event) -> None:
    while not ended.is_set():
        committer.step(0.2)
