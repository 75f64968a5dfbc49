"""Health routes: where the service and the record stand, whether it should be asked, and measurements."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from query_api import metrics, schemas
from query_api.inquiries import Inquiry, asks
from query_api.problems import Problem
from query_api.traces import instant
from query_api.views import Reader, rows

HealthInquiry = Annotated[Inquiry, asks("health")]

RECEIVED = "SELECT received FROM ledger.events WHERE notification_id = %s"

router = APIRouter(prefix="/v1", tags=["health"])


@router.get("/health")
def health(request: Request, asked: HealthInquiry) -> dict[str, int | None]:
    """Where the record stands, how far each group of views has followed, and the trace arrays."""
    with asked.snapshot() as reader:
        query = (
            "SELECT (SELECT position FROM ledger.head) AS head,"
            " (SELECT position FROM trade.position) AS trade,"
            " (SELECT position FROM edge.position) AS edge"
        )
        found = rows(reader, query)[0]
    engine = request.app.state.arrays
    standing = engine.standing if engine is not None else None
    return found | {
        "arrays": standing.position if standing else None,
        "arrays_movements": standing.movements if standing else None,
        "arrays_bytes": standing.bytes if standing else None,
    }


@router.get("/positions")
def positions(
    asked: HealthInquiry,
    position: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    at: Annotated[datetime | None, Query(description="an instant with its zone")] = None,
) -> schemas.RecordMoment:
    """When the record came to a position, or how far it had come at an instant; now, where neither is told."""
    moment = instant(at)
    with asked.snapshot() as reader:
        head = int(rows(reader, "SELECT position FROM ledger.head")[0]["position"])
        found = head if position is None else min(position, head)
        if moment is not None:
            found = min(found, _received_by(reader, moment, head))
        return schemas.RecordMoment(position=found, received=_received(reader, found))


def _received_by(reader: Reader, at: datetime, head: int) -> int:
    """Returns the last position that was received by an instant; 0 where none was.

    The record is in the order in which it was received: halving finds an instant in it.
    """
    known, later = 0, head + 1
    while later - known > 1:
        half = (known + later) // 2
        received = _received(reader, half)
        if received is not None and received <= at:
            known = half
        else:
            later = half
    return known


def _received(reader: Reader, position: int) -> datetime | None:
    found = rows(reader, RECEIVED, [position])
    return found[0]["received"] if found else None


@router.get("/ready", response_model=None)
def ready(request: Request, asked: HealthInquiry) -> dict[str, bool] | Response:
    """Whether the views are near enough to the record to be asked; 503 where they are not."""
    with asked.snapshot() as reader:
        late = {g: s for g, (_, s) in metrics.lags(reader, request.app.state.now()).items()}
    worst = max(late.values())
    if worst > metrics.READY_S:
        raise Problem(503, "not-ready", f"the views are {worst:.0f} s behind the record")
    return {"ready": True}


@router.get("/metrics", response_class=Response)
def measured(request: Request, asked: Annotated[Inquiry, asks("metrics")]) -> Response:
    """Followers' lag, gaps and open alerts, in Prometheus' text format."""
    with asked.snapshot() as reader:
        content = metrics.text(reader, request.app.state.now())
    return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")
