"""Notice routes: published recalls for everybody, and a merchant's tasks in those under way."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from ledger.values.ids import ID_FORM
from query_api import notices
from query_api.inquiries import Inquiry, asks
from query_api.notice_schemas import Notice, NoticePage, TaskPage
from query_api.parameters import Limit, MerchantText
from query_api.stops import NEWEST

PublicInquiry = Annotated[Inquiry, asks("product")]
Before = Annotated[int, Query(ge=0, le=NEWEST, description="next of the page before")]

router = APIRouter(prefix="/v1", tags=["recall"])


@router.get("/notices")
def listed(
    request: Request,
    asked: PublicInquiry,
    only_open: bool = False,
    closed_days: Annotated[
        int,
        Query(ge=0, le=366, description="beside those under way, closed for so many days at most"),
    ] = 0,
    after: Before = NEWEST,
    limit: Limit = 20,
) -> NoticePage:
    """Published recalls, the newest first; of those that are over, what is left of their goods is still recalled."""
    since = request.app.state.now() - timedelta(days=closed_days) if closed_days else None
    with asked.snapshot() as reader:
        return notices.notices(reader, after, limit, only_open=only_open, closed_since=since)


@router.get("/notices/{recall}")
def one(asked: PublicInquiry, recall: Annotated[str, Path(pattern=f"^{ID_FORM}$")]) -> Notice:
    """A published recall: its goods, why, and what to do."""
    with asked.snapshot() as reader:
        return notices.notice(reader, recall)


@router.get("/merchants/{merchant}/recall-tasks")
def tasks(
    request: Request, asked: Annotated[Inquiry, asks("recall-task")], merchant: MerchantText
) -> TaskPage:
    """The recalls under way of which a merchant has or had goods, and what it has done so far."""
    with asked.snapshot() as reader:
        asked.look_at(reader, merchant)
        return notices.tasks(reader, merchant, now=request.app.state.now())
