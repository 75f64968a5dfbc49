"""What intake tells a Prometheus server about itself."""

from collections.abc import Callable, Iterable
from typing import Protocol

import psycopg
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

LATENCY_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
REPORTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
# Told as 0 too: an alarm on growth must see the first.
KINDS = ("unreadable", "fork")
HELD = "SELECT kind, count(*) FROM ledger.quarantine GROUP BY kind"


class Meter(Protocol):
    """Takes measurements of the committer's work."""

    def transaction(self, reports: int) -> None:
        """Counts a transaction of so many reports."""
        ...

    def receipted(self, waited_s: float) -> None:
        """Counts a batch that was receipted so long after it came."""
        ...


class NoMeter:
    """Takes measurements and forgets them."""

    def transaction(self, reports: int) -> None:
        """See `Meter.transaction`."""

    def receipted(self, waited_s: float) -> None:
        """See `Meter.receipted`."""


class IntakeMetrics:
    """A `Meter` whose registry is asked over HTTP."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._registry = CollectorRegistry()
        self._reports = Histogram(
            "suyuan_intake_transaction_reports", "Reports in one transaction",
            buckets=REPORTS, registry=self._registry,
        )  # fmt: skip
        self._latency = Histogram(
            "suyuan_intake_receipt_seconds", "From a batch's arrival to its receipt",
            buckets=LATENCY_S, registry=self._registry,
        )  # fmt: skip

    def transaction(self, reports: int) -> None:
        """See `Meter.transaction`."""
        self._reports.observe(reports)

    def receipted(self, waited_s: float) -> None:
        """See `Meter.receipted`."""
        self._latency.observe(waited_s)

    def watch(self, counters: Callable[[], dict[str, int]]) -> None:
        """Tells these counters too, and how much is held in quarantine."""
        self._registry.register(_Counted(counters, self._dsn))

    def text(self) -> bytes:
        """Returns everything in Prometheus' text format."""
        return generate_latest(self._registry)


class _Counted:
    def __init__(self, counters: Callable[[], dict[str, int]], dsn: str) -> None:
        self._counters = counters
        self._dsn = dsn

    def collect(self) -> Iterable[Metric]:
        for name, value in self._counters().items():
            yield CounterMetricFamily(f"suyuan_intake_{name}", f"Counted: {name}", value)
        held = GaugeMetricFamily("suyuan_quarantine", "Kept aside, by kind", labels=["kind"])
        try:
            with psycopg.connect(self._dsn, autocommit=True, connect_timeout=2) as connection:
                counted = dict.fromkeys(KINDS, 0) | dict(connection.execute(HELD).fetchall())
                for kind, count in counted.items():
                    held.add_metric([str(kind)], int(count))
        except psycopg.OperationalError:
            # That the database is away is told by readiness; the rest is true all the same.
            return
        yield held
