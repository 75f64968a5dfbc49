"""The published log: proofs, audits, and how long an entry waits for its checkpoint."""

import hashlib
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from ledger.log.auditing import Auditor, AuditRules, AuditState
from ledger.log.checkpoints import verify_checkpoint
from ledger.log.files import CHECKPOINT, FolderFiles, tiles_in
from ledger.log.growing import Bundles, Growing
from ledger.log.merkle import check_inclusion, leaf_hash, prove_inclusion
from ledger.log.notes import NoteKey
from ledger.log.proofs import TlogProof, bare
from ledger.log.publishing import LogSigner
from ledger.log.tiles import WIDTH, Tile, TileTree, unpack_entries
from ledger.publisher.__main__ import PUBLISH_S
from ledger.values.keys import SigningKey
from suyuan.bench.comparison import bench, comparison
from suyuan.bench.work import SIZES, Work, bench_cluster
from suyuan.parts.places import data_root, free_port
from suyuan.parts.services import Service
from suyuan.published import PublishedLog

PROOFS = 2000
ROUNDS = 3
ENTRIES = {"small": (100_000, 1_000_000), "large": (1_000_000, 10_000_000)}
ORIGIN = "bench.example/log"
SIGNER = LogSigner(ORIGIN, SigningKey(bytes(32)))
AT_ONCE = 256 * WIDTH
# What the files say: the row is committed before them.
PUBLISHED = r"split_part(convert_from(shown, 'UTF8'), E'\n', 2)::bigint"
# How often the bench looks which entries are covered.
LOOK_S = 0.01
SETTLED_S = 30


def proof(size: str) -> dict[str, Any]:
    """Milliseconds a proof takes, out of published files, against reading one file."""
    parts = []
    for count in ENTRIES.get(size, ENTRIES["large"]):
        with published(count) as folder:
            ours, anchor, equal, longest = _prove(folder, count)
        what = f"proofs in a log of {count:,}, p50; the longest has {longest} bytes"
        parts.append(
            comparison(
                what, ours=ours, anchor=anchor, anchor_name="one tile read", unit="ms",
                equal=equal and longest <= 1536, n=PROOFS,
            )
        )  # fmt: skip
    return bench("proof", parts[::-1])


def _prove(folder: Path, count: int) -> tuple[list[float], list[float], bool, int]:
    """Returns medians of rounds for a proof and for a read, whether all hold, and the longest."""
    dice, files = random.Random(1), FolderFiles(folder)
    content, key = files.read(CHECKPOINT), NoteKey(SIGNER.public)
    root = verify_checkpoint(content, key).checkpoint.root
    ours, anchor, equal, longest = [], [], True, 0
    for _ in range(ROUNDS):
        proved, read = [], []
        for _ in range(PROOFS // ROUNDS):
            index = dice.randrange(count)
            begun = time.perf_counter()
            path = prove_inclusion(TileTree(tiles_in(files), count).node_at, index, count)
            text = TlogProof(index, path, bare(content, key)).text()
            proved.append(time.perf_counter() - begun)
            other = Tile(0, dice.randrange(max(1, count // WIDTH)))
            begun = time.perf_counter()
            files.read(other.path())
            read.append(time.perf_counter() - begun)
            entries = unpack_entries(bundle := _bundle(index, count), files.read(bundle.path()))
            leaf = leaf_hash(entries[index % WIDTH])
            check_inclusion(leaf, index, count, path, root)
            longest = max(longest, len(text.encode()))
        ours.append(sorted(proved)[len(proved) // 2] * 1000)
        anchor.append(sorted(read)[len(read) // 2] * 1000)
    return ours, anchor, equal, longest


def _bundle(index: int, count: int) -> Tile:
    number = index // WIDTH
    return Tile(-1, number, min(WIDTH, count - number * WIDTH))


def audit(size: str) -> dict[str, Any]:
    """Seconds an audit of all entries takes, against hashing the same files' bytes once."""
    count = ENTRIES.get(size, ENTRIES["large"])[0]
    ours, anchor, equal = [], [], True
    with published(count) as folder:
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            equal = _audited(folder) == count and equal
            ours.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            hashed = 0
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    hashed += len(hashlib.sha256(path.read_bytes()).digest())
            anchor.append(time.perf_counter() - begun)
    what = f"audit of {count:,} entries: leaves, tree, tiles and checkpoint"
    name = "SHA-256 over the same files, each once"
    return bench("audit", [
        comparison(what, ours=ours, anchor=anchor, anchor_name=name, unit="s", equal=equal, n=count)
    ])  # fmt: skip


def _audited(folder: Path) -> int:
    rules = AuditRules(timedelta(days=1))
    with PublishedLog(str(folder)) as log:
        state = AuditState(key=SIGNER.public)
        auditor = Auditor(state, log.read, rules, now=lambda: datetime.now(UTC))
        report = auditor.run(lambda _state: None)
    return report.size if not report.findings else 0


@contextmanager
def published(count: int) -> Iterator[Path]:
    """Writes a log of so many entries, as a publisher would have by now."""
    root = data_root()
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-log-", dir=root))
    tree, bundles = Growing(), Bundles()

    def write(path: str, content: bytes) -> None:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    try:
        for first in range(0, count, AT_ONCE):
            last = min(count, first + AT_ONCE)
            entries = [hashlib.sha256(n.to_bytes(8)).digest() for n in range(first, last)]
            for one in (*tree.extend(entries), *bundles.extend(entries)):
                write(one.tile.path(), one.content)
        for one in (*tree.partial(), *bundles.partial()):
            write(one.tile.path(), one.content)
        write(CHECKPOINT, SIGNER.sign(tree.size, tree.root(), datetime.now(UTC)).note)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(size: str) -> dict[str, Any]:
    """Seconds from an entry's commit to the published checkpoint over it, under sustained ingest."""
    count = SIZES.get(size, SIZES["large"])
    with bench_cluster() as cluster:
        service = publisher_of(cluster)
        service.start()
        work = Work(count)
        seen: list[tuple[float, int]] = []
        ended = threading.Event()
        looking = threading.Thread(target=_look, args=[cluster.dsn(), seen, ended])
        looking.start()
        work.ingest(cluster.dsn("suyuan_writer"))
        with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
            rows = admin.execute(
                "SELECT notification_id, extract(epoch FROM received) FROM ledger.events"
                " ORDER BY notification_id"
            ).fetchall()
        deadline = time.monotonic() + SETTLED_S
        while (not seen or seen[-1][1] < len(rows)) and time.monotonic() < deadline:
            time.sleep(LOOK_S)
        ended.set()
        looking.join()
        service.stop()
    lags = sorted(_lags([(int(p), float(at)) for p, at in rows], seen))
    equal = len(lags) == len(rows)
    p99, p50 = lags[int(len(lags) * 0.99)], lags[len(lags) // 2]
    return bench("publish", [
        comparison(f"commit to published checkpoint, {name}", ours=[lag], anchor=[PUBLISH_S],
                   anchor_name="the publisher's pace", unit="s", equal=equal, n=len(rows))
        for name, lag in (("p99", p99), ("p50", p50))
    ])  # fmt: skip


def publisher_of(cluster: Any) -> Service:
    """The log service over a bench's cluster, as a process of its own."""
    settings = {
        "SUYUAN_PUBLISHER_DSN": cluster.dsn("suyuan_publisher"), "SUYUAN_LEDGER": "bench",
        "SUYUAN_DATA": str(cluster.data), "SUYUAN_LOG_PORT": str(free_port()),
    }  # fmt: skip
    return Service("log", "ledger.publisher", settings, cluster.data)


def _look(dsn: str, seen: list[tuple[float, int]], ended: threading.Event) -> None:
    """Notes when which size is published."""
    query = f"SELECT {PUBLISHED} FROM ledger.checkpoints WHERE shown IS NOT NULL"
    with psycopg.connect(dsn, autocommit=True) as connection:
        while not ended.wait(LOOK_S):
            row = connection.execute(query).fetchone()
            if row is not None and (not seen or row[0] > seen[-1][1]):
                seen.append((time.time(), int(row[0])))


def _lags(rows: list[tuple[int, float]], seen: list[tuple[float, int]]) -> Iterator[float]:
    at = 0
    for position, received in rows:
        while at < len(seen) and seen[at][1] < position:
            at += 1
        if at < len(seen):
            yield max(0.0, seen[at][0] - received)
