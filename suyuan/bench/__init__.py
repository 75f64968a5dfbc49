"""Benches: ours against a named anchor, on the same work, interleaved in the same run."""

from collections.abc import Callable
from typing import Any

from suyuan.bench.counting import counting
from suyuan.bench.expiry import expiry
from suyuan.bench.export import export
from suyuan.bench.growth import growth
from suyuan.bench.ingest import ingest
from suyuan.bench.kiosk import kiosk
from suyuan.bench.log import audit, proof, publish
from suyuan.bench.project import project
from suyuan.bench.rebuild import rebuild
from suyuan.bench.recall import recall
from suyuan.bench.roundtrip import roundtrip
from suyuan.bench.trace import growth_of_traces, trace_bench

BENCHES: dict[str, Callable[[str], dict[str, Any]]] = {
    "ingest": ingest,
    "roundtrip": roundtrip,
    "project": project,
    "rebuild": rebuild,
    "expiry": expiry,
    "export": export,
    "growth": growth,
    "recall": recall,
    "kiosk": kiosk,
    "proof": proof,
    "audit": audit,
    "publish": publish,
    "statistics": counting,
    "trace": trace_bench,
    "trace-growth": growth_of_traces,
}
