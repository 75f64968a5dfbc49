"""Trade routes: alerts, papers and the record's order. On loopback until sign-in exists."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from query_api import lots, schemas
from query_api.problems import Problem
from query_api.views import LIMIT_MAX, cursor_of, gtin_of, key_of, position, rows

IdText = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", examples=["p-017"])]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str | None, Query(max_length=800)]

ALERTS = """
SELECT * FROM trade.alerts WHERE (kind, subject) > (%s, %s)
  AND (NOT %s OR closed_at IS NULL) AND (%s::text IS NULL OR kind = %s)
  AND (%s::text IS NULL OR premises = %s)
ORDER BY kind, subject LIMIT %s
"""
EVENTS = """
SELECT notification_id AS position, originator_id::text AS stream, originator_version AS number,
       topic AS name, encode(leaf, 'hex') AS leaf, received, flags
FROM ledger.events WHERE notification_id > %s ORDER BY notification_id LIMIT %s
"""

router = APIRouter(prefix="/v1", tags=["trade"])


@router.get("/alerts")
def alerts(
    request: Request,
    only_open: bool = True,
    kind: Annotated[str | None, Query(max_length=40)] = None,
    premises: Annotated[str | None, Query(max_length=40)] = None,
    after: Cursor = None,
    limit: Limit = 100,
) -> schemas.AlertPage:
    """Alerts, open ones unless all are asked for."""
    with request.app.state.pool.connection() as reader:
        values = [*key_of(after, 2), only_open, kind, kind, premises, premises, limit + 1]
        found = rows(reader, ALERTS, values)
        at = position(reader)
    lines = [schemas.AlertLine(**row) for row in found[:limit]]
    more = cursor_of(lines[-1].kind, lines[-1].subject) if len(found) > limit else None
    return schemas.AlertPage(alerts=lines, next=more, position=at)


@router.get("/documents")
def documents(
    request: Request,
    gtin: Annotated[str, Query(max_length=20)],
    lot: Annotated[str | None, Query(max_length=60)] = None,
    after: Cursor = None,
    limit: Limit = 50,
) -> schemas.PaperPage:
    """Certificates and test reports of a product, or of one lot of it."""
    before = key_of(after, 1)[0]
    if before and not (before.isascii() and before.isdigit()):
        raise Problem(422, "cursor-invalid", "give the cursor of the page before")
    with request.app.state.pool.connection() as reader:
        limit_before = int(before) if before else lots.POSITION_MAX
        found, more = lots.papers(
            reader,
            lots.base_of(reader, gtin_of(gtin)),
            lot,
            limit,
            min(limit_before, lots.POSITION_MAX),
        )
    return schemas.PaperPage(papers=found, next=cursor_of(str(more)) if more else None)


@router.get("/events")
def events(
    request: Request, after: Annotated[int, Query(ge=0, le=2**62)] = 0, limit: Limit = 100
) -> schemas.EventPage:
    """The record in its order: where each event stands and its leaf, not what it says."""
    with request.app.state.pool.connection() as reader:
        found = rows(reader, EVENTS, [after, limit])
        head = rows(reader, "SELECT position FROM ledger.head")[0]["position"]
    return schemas.EventPage(events=[schemas.EventLine(**row) for row in found], head=head)


@router.get("/health")
def health(request: Request) -> dict[str, int]:
    """Where the record stands and how far each group of views has followed."""
    with request.app.state.pool.connection() as reader:
        query = (
            "SELECT (SELECT position FROM ledger.head) AS head,"
            " (SELECT position FROM trade.position) AS trade,"
            " (SELECT position FROM papers.position) AS papers,"
            " (SELECT position FROM edge.position) AS edge"
        )
        return rows(reader, query)[0]
