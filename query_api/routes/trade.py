"""Trade routes: papers, and the record's order."""

from typing import Annotated

from fastapi import APIRouter, Query

from query_api import lots, schemas
from query_api.inquiries import Inquiry, asks
from query_api.parameters import Cursor, Limit
from query_api.problems import Problem
from query_api.views import cursor_of, gtin_of, key_of, rows

EVENTS = """
SELECT notification_id AS position, originator_id::text AS stream, originator_version AS number,
       topic AS name, encode(leaf, 'hex') AS leaf, received, flags
FROM ledger.events WHERE notification_id > %s ORDER BY notification_id LIMIT %s
"""

router = APIRouter(prefix="/v1", tags=["trade"])


@router.get("/documents")
def documents(
    asked: Annotated[Inquiry, asks("product")],
    gtin: Annotated[str, Query(max_length=20)],
    lot: Annotated[str | None, Query(max_length=120)] = None,
    after: Cursor = None,
    limit: Limit = 50,
) -> schemas.PaperPage:
    """Certificates and test reports of a product, or of one lot of it."""
    before = key_of(after, 1)[0]
    if before and not (before.isascii() and before.isdigit()):
        raise Problem(422, "cursor-invalid", "give the cursor of the page before")
    with asked.snapshot() as reader:
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
    asked: Annotated[Inquiry, asks("event")],
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Limit = 100,
) -> schemas.EventPage:
    """The record in its order: where each event stands and its leaf, not what it says."""
    with asked.snapshot() as reader:
        found = rows(reader, EVENTS, [after, limit])
        head = rows(reader, "SELECT position FROM ledger.head")[0]["position"]
    return schemas.EventPage(events=[schemas.EventLine(**row) for row in found], head=head)
