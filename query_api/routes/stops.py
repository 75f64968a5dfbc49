"""Stop routes: holds, and whether goods may be sold."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request

from ledger.values.ids import ID_FORM
from query_api import recall_schemas as schemas
from query_api import stops
from query_api.inquiries import Inquiry, asks
from query_api.parameters import Limit
from query_api.stops import NEWEST, Goods

HoldInquiry = Annotated[Inquiry, asks("hold")]
Name = Annotated[str, Path(pattern=f"^{ID_FORM}$", examples=["h-2026-11-22"])]
HoldStage = Literal["placed", "released", "lapsed", "recalled"]
Before = Annotated[int, Query(ge=0, le=NEWEST, description="next of the page before")]
Day = Annotated[date | None, Query(examples=["2026-12-01"])]

router = APIRouter(prefix="/v1", tags=["recall"])


@router.get("/check")
def check(  # each query parameter by its name
    asked: Annotated[Inquiry, asks("product")],
    gtin: Annotated[str, Query(max_length=20, examples=["6901234567892"])],
    lot: Annotated[str | None, Query(max_length=40)] = None,
    produced: Day = None,
    expires: Day = None,
    supplier: Annotated[str | None, Query(pattern=f"^{ID_FORM}$")] = None,
) -> schemas.CheckAnswer:
    """Whether goods may be sold: for cash registers, before the drawer opens."""
    with asked.snapshot() as reader:
        return stops.may_be_sold(reader, Goods(gtin, lot, produced, expires, supplier))


@router.get("/holds")
def holds(
    request: Request,
    asked: HoldInquiry,
    stage: HoldStage | None = None,
    after: Before = NEWEST,
    limit: Limit = 50,
) -> schemas.HoldPage:
    """Holds, the newest first."""
    with asked.snapshot() as reader:
        return stops.holds(reader, stage, after, limit, now=request.app.state.now())


@router.get("/holds/{hold}")
def hold(request: Request, asked: HoldInquiry, hold: Name) -> schemas.HoldAnswer:
    """A hold: what it stops, where that is in stock, and its history."""
    with asked.snapshot() as reader:
        found = stops.hold(reader, hold, now=request.app.state.now())
        asked.note({line.merchant for line in found.stock})
        return found
