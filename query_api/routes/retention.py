"""Retention routes: what may be archived when."""

from typing import Annotated

from fastapi import APIRouter

from query_api import ledgers, retention, schemas
from query_api.inquiries import Inquiry, asks
from query_api.parameters import Cursor, Limit, MerchantText
from query_api.views import cursor_of, key_of, position, today

router = APIRouter(prefix="/v1", tags=["retention"])


@router.get("/merchants/{merchant}/retention")
def lots(
    asked: Annotated[Inquiry, asks("ledger")],
    merchant: MerchantText,
    after: Cursor = None,
    limit: Limit = 100,
) -> schemas.RetentionPage:
    """A merchant's lots, each with the last day its records are kept (articles 50, 53, 65)."""
    with asked.snapshot() as reader:
        merchant = ledgers.registered(reader, merchant).merchant
        asked.look_at(reader, merchant)
        key, day = key_of(after, 2), today(reader)
        found = retention.lots(reader, merchant, day, after=key, limit=limit + 1)
        at = position(reader)
    last = found[limit - 1] if len(found) > limit else None
    more = cursor_of(last.product, last.lot) if last else None
    return schemas.RetentionPage(lots=found[:limit], next=more, position=at)
