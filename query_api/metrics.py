"""What the query service tells a Prometheus server: how far followers are behind, and what is open."""

from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from query_api.views import Reader, rows

STANDING = """
SELECT h.position AS head, t.position AS trade, e.position AS edge,
  (SELECT received FROM ledger.events WHERE notification_id = t.position + 1) AS trade_next,
  (SELECT received FROM ledger.events WHERE notification_id = e.position + 1) AS edge_next
FROM ledger.head h, trade.position t, edge.position e
"""
ALERTS = "SELECT kind, count(*) AS n FROM trade.alerts WHERE closed_at IS NULL GROUP BY kind"
# Told as 0 too: an alarm on growth must see the first.
GAP_KINDS = ("tape-lost", "tape-forked", "unreadable", "offline")
GAPS = "SELECT kind, count(*) AS n FROM edge.gaps GROUP BY kind"
# A follower that is further behind than this is not fit to be asked.
READY_S = 30.0


def lags(reader: Reader, now: datetime) -> dict[str, tuple[int, float]]:
    """Returns how far each group of views is behind: positions, and seconds of its next event."""
    found = rows(reader, STANDING)[0]
    return {group: _lag(found, group, now) for group in ("trade", "edge")}


def text(reader: Reader, now: datetime) -> bytes:
    """Returns the measurements in Prometheus' text format."""
    registry = CollectorRegistry()
    behind = Gauge(
        "suyuan_follower_lag_positions", "Positions behind the record", ["group"], registry=registry
    )
    late = Gauge(
        "suyuan_follower_lag_seconds", "Age of the next event to fold", ["group"], registry=registry
    )
    for group, (positions, seconds) in lags(reader, now).items():
        behind.labels(group).set(positions)
        late.labels(group).set(seconds)
    head = rows(reader, "SELECT position FROM ledger.head")[0]["position"]
    Gauge("suyuan_record_position", "The last position", registry=registry).set(head)
    alerts = Gauge("suyuan_alerts_open", "Open alerts", ["kind"], registry=registry)
    for row in rows(reader, ALERTS):
        alerts.labels(row["kind"]).set(row["n"])
    gaps = Gauge(
        "suyuan_gaps", "Stretches over which something may be missing", ["kind"], registry=registry
    )
    counted = dict.fromkeys(GAP_KINDS, 0) | {row["kind"]: row["n"] for row in rows(reader, GAPS)}
    for kind, count in counted.items():
        gaps.labels(kind).set(count)
    return generate_latest(registry)


def _lag(found: dict[str, Any], group: str, now: datetime) -> tuple[int, float]:
    following = found[f"{group}_next"]
    seconds = max(0.0, (now - following).total_seconds()) if following is not None else 0.0
    return found["head"] - found[group], seconds
