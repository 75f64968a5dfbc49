"""The work of the benches: a real trade's reports, as signed batches and as stored rows."""

import contextlib
import os
import shutil
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg

from ledger.accounts.schema import create_accounts
from ledger.events import wire
from ledger.events.base import Event
from ledger.events.catalogue import encode
from ledger.events.reports import TapeOpened
from ledger.follower import Follower
from ledger.intake.__main__ import open_recorder
from ledger.intake.committer import Committer
from ledger.intake.devices import Devices
from ledger.intake.requests import Requests
from ledger.intake.verify import Verifier
from ledger.journal import schema
from ledger.journal.cases import Cases
from ledger.journal.interface import Stored
from ledger.journal.personal import MemoryPersons, RememberedSalts
from ledger.journal.postgres import COPY_EVENTS, COPY_TYPES, PgAppender
from ledger.journal.sealing import Sealer
from ledger.projections.groups import GROUPS
from ledger.rules.device import DeviceCase, Mandate
from ledger.values.chain import batch_message, chain_over, chain_start
from ledger.values.clock import DeviceClock
from ledger.values.keys import SigningKey
from suyuan.parts.cluster import Cluster
from suyuan.parts.places import data_root
from suyuan.simulate import Trade

SIZES = {"small": 20_000, "large": 100_000, "huge": 1_000_000}
RAW_TABLE = """
CREATE TABLE {0} (LIKE ledger.events INCLUDING ALL);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {0}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
"""
COMMIT_ROWS = 1000


@contextlib.contextmanager
def bench_cluster() -> Iterator[Cluster]:
    """A cluster of the bench's own, thrown away afterwards."""
    root = data_root()
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=root))
    folder.chmod(0o755)
    cluster = Cluster(folder)
    try:
        cluster.start()
        with psycopg.connect(cluster.dsn()) as connection:
            schema.create(connection, "bench")
            create_accounts(connection)
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


class FixedDevices:
    """Every device known, with its key and the mandate of its merchant."""

    def __init__(self, keys: dict[str, SigningKey], merchants: Mapping[str, str]) -> None:
        since = date(2020, 1, 1)
        self._cases = {
            device: DeviceCase(device, 0, key.public, (Mandate(merchants[device], since, None),))
            for device, key in keys.items()
        }

    def load(self, kind: str, subject: str, empty: Any, evolve: Any) -> DeviceCase:
        """Returns a device's case."""
        return self._cases[subject]


class Work:
    """`count` reports of a simulated trade, signed in batches of 200 by their scanners."""

    def __init__(
        self,
        count: int,
        *,
        batch: int = wire.BATCH_REPORTS_MAX,
        since: date = date(2026, 11, 1),
        ledger: str = "bench",
    ) -> None:
        self.ledger = ledger
        days = max(1, count // 2000)
        trade = Trade(merchants=24, day=since, seed=4, days=days)
        actions = trade.actions[:count]
        self.keys = {m.device: SigningKey(os.urandom(32)) for m in trade.merchants}
        self.merchants = {m.device: m.id for m in trade.merchants}
        self.trade = trade
        ids = {m.device: str(uuid.uuid4()) for m in trade.merchants}
        tapes: dict[str, list[bytes]] = defaultdict(list)
        kept: dict[int, tuple[str, int]] = {}
        for number, action in enumerate(actions):
            clock = DeviceClock(wall=action.at, boot="bench", monotonic_ms=number)
            if not tapes[action.device]:
                opened: Event = TapeOpened(device=action.device, clock=clock)
                tapes[action.device].append(encode(opened))
            target = kept[id(action.corrects)] if action.corrects else None
            tapes[action.device].append(encode(action.event(clock, None, target)))
            kept[id(action)] = ids[action.device], len(tapes[action.device])
        self.envelopes: list[bytes] = []
        self.reports = sum(map(len, tapes.values()))
        self._tapes: list[list[bytes]] = []
        for device, reports in tapes.items():
            self._tapes.append(list(self._sign(device, ids[device], reports, batch)))
            self.envelopes += self._tapes[-1]

    def dealt(self, hands: int) -> list[list[list[bytes]]]:
        """Deals the tapes, each whole, to several intakes; the largest first."""
        tapes = sorted(self._tapes, key=lambda envelopes: -sum(map(len, envelopes)))
        return [tapes[hand::hands] for hand in range(hands)]

    def _sign(self, device: str, tape: str, reports: list[bytes], size: int) -> Iterator[bytes]:
        key = self.keys[device]
        previous = chain_start(tape)
        for start in range(0, len(reports), size):
            part = reports[start : start + size]
            first, last = start + 1, start + len(part)
            head = chain_over(previous, first, part)[-1]
            message = batch_message(tape, first, last, previous, head)
            yield wire.encode(
                wire.Batch(
                    device=device, tape=tape, first=first, previous=previous,
                    reports=tuple(part), key=key.id, signature=key.sign(message),
                )
            )  # fmt: skip
            previous = head

    def register(self, dsn: str) -> int:
        """Records what the register must know of the trade; returns how many events that took."""
        sealer = Sealer(
            self.ledger, entropy=os.urandom, persons=RememberedSalts(MemoryPersons(os.urandom).meet)
        )
        recorder = open_recorder(dsn, sealer, lambda: datetime.now(UTC))
        requests = Requests(
            Cases(recorder), ("bench",), lambda _device: None, lambda: datetime.now(UTC),
            lambda _stream, _number: None, ledger="bench",
        )  # fmt: skip
        wanted = self.trade.requests()
        for request in wanted:
            assert requests.take(request) is None
        recorder.datastore.close()
        return len(wanted)

    def ingest(self, dsn: str, envelopes: Sequence[bytes] | None = None) -> int:
        """Ingests the batches to the durable commit; returns the receipts."""
        committer = committer_of(dsn, self.ledger, FixedDevices(self.keys, self.merchants))
        return feed(committer, self.envelopes if envelopes is None else envelopes)


def put_in_views(work: Work, cluster: Cluster) -> None:
    """Records the work and lets every group of views follow it to its end."""
    work.register(cluster.dsn("suyuan_writer"))
    work.ingest(cluster.dsn("suyuan_writer"))
    for group in GROUPS:
        follower = Follower(
            group, lambda: psycopg.connect(cluster.dsn("suyuan_follower"), autocommit=True)
        )
        follower.prepare()
        while follower.step():
            pass
        follower.close()


def committer_of(dsn: str, ledger: str, known: FixedDevices) -> Committer:
    """A committer over PostgreSQL that knows these scanners."""
    sealer = Sealer(
        ledger, entropy=os.urandom, persons=RememberedSalts(MemoryPersons(os.urandom).meet)
    )
    devices = Devices(known)
    return Committer(
        ledger, PgAppender(dsn, sealer), Verifier(devices, sealer), devices,
        key=SigningKey(os.urandom(32)), now=lambda: datetime.now(UTC),
    )  # fmt: skip


def feed(committer: Committer, envelopes: Sequence[bytes]) -> int:
    """Lets a committer take envelopes to the durable commit; returns the receipts."""
    receipts: list[bytes] = []
    for envelope in envelopes:
        while not committer.submit(envelope, lambda _tape, answer: receipts.append(answer)):
            committer.step(0.001)
    while committer.step(0.001):
        pass
    return len(receipts)


def raw_copy(connection: psycopg.Connection[Any], table: str, rows: Sequence[Stored]) -> None:
    """Binary COPY of rows into a table of the same columns, keys and triggers, 1,000 a commit."""
    query = COPY_EVENTS.replace("ledger.events", table)
    for start in range(0, len(rows), COMMIT_ROWS):
        with connection.transaction(), connection.cursor().copy(query) as copy:
            copy.set_types(COPY_TYPES)
            for row in rows[start : start + COMMIT_ROWS]:
                copy.write_row((*row[:8], list(row.flags), row.chain))
