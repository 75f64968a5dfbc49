"""Rebuild: events a second read, folded and written, against COPY to the client and decoding."""

import time
from typing import Any

import psycopg

from ledger.events.catalogue import decode
from ledger.projections.groups import GROUPS
from suyuan.bench.work import SIZES, Work, bench_cluster
from suyuan.upkeep import Upkeep

COPY_OUT = (
    "COPY (SELECT topic, state FROM ledger.events ORDER BY notification_id)"
    " TO STDOUT (FORMAT BINARY)"
)


def rebuild(size: str) -> dict[str, Any]:
    """`parts` has every group; the bench's own ratio is the trade group's, the largest."""
    with bench_cluster() as cluster, psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        work = Work(SIZES[size])
        work.ingest(cluster.dsn("suyuan_writer"))
        upkeep = Upkeep(cluster.dsn("suyuan_follower"))
        for group in GROUPS:
            _first(cluster.dsn("suyuan_follower"), group)
        parts = []
        for group in GROUPS:
            decoded, anchor_s = _decode_all(admin)
            begun = time.perf_counter()
            position = upkeep.rebuild(group)
            ours_s = time.perf_counter() - begun
            parts.append(
                {
                    "what": ", ".join(p.name for p in group.projections),
                    "ours": round(work.reports / ours_s),
                    "anchor": round(decoded / anchor_s),
                    "ratio": round(anchor_s / ours_s, 3),
                    "equal": position == decoded == work.reports,
                }
            )
    first = parts[0]
    return {
        "bench": "rebuild",
        "ours": first["ours"],
        "anchor": first["anchor"],
        "anchor_name": "binary COPY to the client, decoded by msgspec, events/s",
        "ratio": first["ratio"],
        "equal": all(part["equal"] for part in parts),
        "n": work.reports,
        "parts": parts,
    }


def _first(dsn: str, group: Any) -> None:
    from ledger.follower import Follower

    follower = Follower(group, lambda: psycopg.connect(dsn, autocommit=True))
    follower.prepare()
    follower.close()


def _decode_all(admin: psycopg.Connection[Any]) -> tuple[int, float]:
    begun = time.perf_counter()
    count = 0
    with admin.cursor().copy(COPY_OUT) as copy:
        copy.set_types(["text", "bytea"])
        for name, state in copy.rows():
            decode(name, state)
            count += 1
    return count, time.perf_counter() - begun
