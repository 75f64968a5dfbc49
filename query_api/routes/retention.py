"""Retention routes: what may be archived when, and whether a person may be erased."""

from uuid import UUID

from fastapi import APIRouter, Request

from query_api import ledgers, retention, schemas
from query_api.parameters import Cursor, Limit, MerchantText
from query_api.views import cursor_of, key_of, position, today

router = APIRouter(prefix="/v1", tags=["retention"])


@router.get("/merchants/{merchant}/retention")
def lots(
    request: Request,
    merchant: MerchantText,
    after: Cursor = None,
    limit: Limit = 100,
) -> schemas.RetentionPage:
    """A merchant's lots, each with the last day its records are kept (articles 50, 53, 65)."""
    with request.app.state.pool.connection() as reader:
        merchant = ledgers.registered(reader, merchant).merchant
        key, day = key_of(after, 2), today(reader)
        found = retention.lots(reader, merchant, day, after=key, limit=limit + 1)
        at = position(reader)
    last = found[limit - 1] if len(found) > limit else None
    more = cursor_of(last.product, last.lot) if last else None
    return schemas.RetentionPage(lots=found[:limit], next=more, position=at)


@router.get("/cards/{ref}/retention")
def person(request: Request, ref: UUID) -> schemas.PersonRetention:
    """Whether the person of a card may be erased, and the date until which a duty runs."""
    with request.app.state.pool.connection() as reader:
        return retention.person(reader, str(ref), today(reader))
