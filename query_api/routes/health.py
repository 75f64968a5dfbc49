"""Health routes: where the service stands, whether it should be asked, and measurements."""

from typing import Annotated

from fastapi import APIRouter, Request, Response

from query_api import metrics
from query_api.inquiries import Inquiry, asks
from query_api.problems import Problem
from query_api.views import rows

HealthInquiry = Annotated[Inquiry, asks("health")]

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
