"""Roundtrip: one scan to its receipt, against the least that any honest design must pay."""

import contextlib
import os
import sqlite3
import statistics
import threading
import time
import uuid
from datetime import date
from decimal import Decimal
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from ledger.events import wire
from ledger.events.reports import GoodsAsRead, GoodsSold
from ledger.journal.keyfile import read_key
from ledger.values.quantity import StatedQuantity, Unit
from scanners.agent import Agent, enroll, learn_home
from scanners.asking import EnrolmentRefused
from scanners.identity import Clocks
from scanners.tcp import no_delay
from suyuan.bench.comparison import bench, comparison
from suyuan.bench.work import bench_cluster
from suyuan.parts.broker import Broker
from suyuan.parts.cluster import Cluster
from suyuan.parts.places import free_port
from suyuan.parts.services import START_S, Service
from suyuan.throw_away import administrator

SCANS = {"small": 300, "large": 2000, "huge": 10_000}
WARM = 20
ANCHOR = "SQLite FULL insert + fsynced INSERT + echo through the same broker, p50"


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
    intake, url = start_intake(cluster, broker)
    scan = _Scanner(cluster, url, broker)
    anchor = Anchor(cluster, broker)
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
    with psycopg.connect(cluster.dsn()) as connection:
        query = "SELECT count(*) FROM ledger.events WHERE topic = 'goods-sold.v1'"
        row = connection.execute(query).fetchone()
    line = [sum(part) for part in parts]
    equal = row is not None and row[0] == count + WARM
    whole = _compared(
        "one scan to its receipt, p50", ours=ours, anchor=line, name=ANCHOR, equal=equal, n=count
    )
    names = ("SQLite FULL insert", "fsynced INSERT", "echo through the broker")
    pieces = [
        _compared(
            "the same against a part",
            ours=ours,
            anchor=[p[i] for p in parts],
            name=name,
            equal=equal,
            n=count,
        )
        for i, name in enumerate(names)
    ]
    p99 = round(sorted(ours)[int(len(ours) * 0.99)] * 1000, 2)
    return bench("roundtrip", [whole, *pieces]) | {"broker": broker.source, "p99_ms": p99}


def _compared(
    what: str, *, ours: list[float], anchor: list[float], name: str, equal: bool, n: int
) -> dict[str, Any]:
    # Medians, not rounds: a single scan says little, and its noise is not the anchor's.
    p50 = [statistics.median(ours) * 1000], [statistics.median(anchor) * 1000]
    return comparison(
        what, ours=p50[0], anchor=p50[1], anchor_name=name, unit="ms", equal=equal, n=n
    )


def start_intake(cluster: Cluster, broker: Broker) -> tuple[Service, str]:
    """Starts intake as the process it is at work; returns it with its address."""
    read_key(cluster.data / "keys" / "ledger.key")
    port = free_port()
    settings = {
        "SUYUAN_LEDGER": "bench", "SUYUAN_DATA": str(cluster.data),
        "SUYUAN_WRITER_DSN": cluster.dsn("suyuan_writer"), "SUYUAN_MQTT_HOST": "127.0.0.1",
        "SUYUAN_MQTT_PORT": str(broker.port), "SUYUAN_INTAKE_PORT": str(port),
    }  # fmt: skip
    service, url = (
        Service("intake", "ledger.intake", settings, cluster.data),
        f"http://127.0.0.1:{port}",
    )
    service.start()
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(EnrolmentRefused):
            learn_home(url, "127.0.0.1", broker.port)
            return service, url
        time.sleep(0.05)
    raise TimeoutError(f"intake did not start:\n{service.tail()}")


class _Scanner:
    """Our whole line: tape, link, broker, intake, committer, receipt."""

    def __init__(self, cluster: Cluster, url: str, broker: Broker) -> None:
        data = cluster.data
        home = learn_home(url, "127.0.0.1", broker.port)
        since = date(2026, 1, 1)
        auth = administrator(cluster.dsn(), url)
        tape = enroll(data / "bench.tape", "scanner", home, ["m-001"], since=since, auth=auth)
        self._told = threading.Event()
        self._agent = Agent(tape, Clocks(), on_answer=self._answered)
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


class Anchor:
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
        """Returns what a durable row here, one there and an echo took, in seconds."""
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
        """Leaves the broker and the databases."""
        self._client.disconnect()
        self._client.loop_stop()
        self._lite.close()
        self._pg.close()
