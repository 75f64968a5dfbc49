"""What the log service tells a Prometheus server about itself."""

from collections.abc import Callable, Mapping
from datetime import datetime

import psycopg
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from ledger.log.publishing import Published

BEHIND = """
SELECT h.position, (SELECT received FROM ledger.events WHERE notification_id = %s + 1)
FROM ledger.head h
"""
# A checkpoint is signed at least every minute; without one for so long something is wrong.
READY_S = 180.0


class LogMetrics:
    """Measures how far the published log is behind the record."""

    def __init__(
        self,
        dsn: str,
        published: Callable[[], Published | None],
        now: Callable[[], datetime],
        witnesses: Callable[[], Mapping[str, bool]],
    ) -> None:
        self._dsn = dsn
        self._witnesses = witnesses
        self._published = published
        self._now = now

    def ready(self) -> str:
        """Returns why nobody should rely on this service now; nothing while all is well."""
        said = self._published()
        if said is None:
            return "nothing was published yet"
        age = (self._now() - said.time).total_seconds()
        return f"the last checkpoint is {age:.0f} s old" if age > READY_S else ""

    def text(self) -> bytes:
        """Returns the measurements in Prometheus' text format."""
        registry = CollectorRegistry()
        said = self._published()
        size = said.size if said else 0
        Gauge("suyuan_log_size", "Entries published", registry=registry).set(size)
        if said is not None:
            age = (self._now() - said.time).total_seconds()
            name = "suyuan_log_checkpoint_age_seconds"
            Gauge(name, "Age of the last checkpoint", registry=registry).set(age)
        name = "suyuan_log_cosigned"
        cosigned = Gauge(name, "Did it cosign the last one?", ["witness"], registry=registry)
        for witness, did in self._witnesses().items():
            cosigned.labels(witness).set(did)
        try:
            with psycopg.connect(self._dsn, autocommit=True, connect_timeout=2) as connection:
                row = connection.execute(BEHIND, [size]).fetchone()
        except psycopg.OperationalError:
            row = None
        if row is not None:
            name = "suyuan_log_lag_positions"
            Gauge(name, "Positions not published yet", registry=registry).set(row[0] - size)
            late = max(0.0, (self._now() - row[1]).total_seconds()) if row[1] else 0.0
            name = "suyuan_log_lag_seconds"
            Gauge(name, "Age of the first of them", registry=registry).set(late)
        return generate_latest(registry)
