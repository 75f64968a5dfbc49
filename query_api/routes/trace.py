"""Trace route: every holder and every source of some lots."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from ledger.rules.trace_records import TRACE_RECORDS
from ledger.trace.question import AsOf, From
from ledger.values.ids import ID_FORM
from query_api import flows, trace_exports, traces
from query_api.inquiries import Inquiry, asks
from query_api.parameters import Limit
from query_api.problems import Problem
from query_api.sheets import WRITERS, Sheet
from query_api.trace_schemas import FlowPage, TracePage
from query_api.traces import HoldersWanted

TraceInquiry = Annotated[Inquiry, asks("trace")]
ProductsQuery = Annotated[list[str], Query(max_length=100, examples=[["06901234567892"]])]
LotsQuery = Annotated[list[str], Query(max_length=100, examples=[["A-24/11"]])]
PositionQuery = Annotated[int | None, Query(ge=0, le=2**62, description="as known there")]
AtQuery = Annotated[datetime | None, Query(description="true at this instant, with its zone")]
MerchantQuery = Annotated[
    str | None, Query(pattern=f"^{ID_FORM}$", description="only what spread from this merchant")
]
SinceQuery = Annotated[datetime | None, Query(description="with merchant: from this instant on")]

router = APIRouter(prefix="/v1", tags=["trace"])


def moment_asked(as_of: PositionQuery = None, at: AtQuery = None) -> AsOf:
    """Reads the moment of a question."""
    return AsOf(as_of, traces.instant(at))


def origin_asked(merchant: MerchantQuery = None, since: SinceQuery = None) -> From | None:
    """Reads from whom on contamination is asked about; None for everywhere."""
    if merchant is None:
        if since is not None:
            raise Problem(422, "merchant-missing", "since goes with the merchant it spread from")
        return None
    return From(merchant, traces.instant(since))


def holders_asked(
    after: Annotated[int, Query(ge=0, le=10**9)] = 0,
    limit: Limit = 200,
    find: Annotated[str, Query(max_length=60, description="a merchant's name, id or place")] = "",
) -> HoldersWanted:
    """Reads which holders are asked for."""
    return HoldersWanted(after, limit, find)


@router.get("/trace")
def trace(  # each query parameter by its name
    request: Request,
    asked: TraceInquiry,
    product: ProductsQuery,
    lot: LotsQuery,
    moment: Annotated[AsOf, Depends(moment_asked)],
    origin: Annotated[From | None, Depends(origin_asked)],
    wanted: Annotated[HoldersWanted, Depends(holders_asked)],
) -> TracePage:
    """Where lots came from and what became of them: certain and possible holders apart."""
    with asked.snapshot() as reader:
        lots = traces.lots_asked(reader, product, lot)
        found = traces.ask(reader, lots, moment, origin, engine=request.app.state.arrays)
        held = traces.wanted_holders(reader, found.trace, wanted.find)
        shown = traces.page(reader, found, held, wanted)
        # A word that finds somebody tells of them, on whichever page they stand.
        told_of = {holder.merchant for holder in held} if wanted.find else set()
        asked.note(traces.merchants_in(shown) | told_of)
        return shown


@router.get("/trace/flow")
def flow(
    request: Request,
    asked: TraceInquiry,
    product: ProductsQuery,
    lot: LotsQuery,
    moment: Annotated[AsOf, Depends(moment_asked)],
) -> FlowPage:
    """Who gave to whom what a trace reached: what a picture of it is drawn from."""
    with asked.snapshot() as reader:
        lots = traces.lots_asked(reader, product, lot)
        found = traces.ask(reader, lots, moment, None, engine=request.app.state.arrays).trace
        shown = flows.flow_page(reader, found)
        asked.note({node.merchant for node in shown.nodes})
        return shown


@router.get("/trace/export.{form}", response_class=Response)
def export(
    request: Request,
    asked: TraceInquiry,
    form: Annotated[Literal["csv", "xlsx", "html"], Path()],
    product: ProductsQuery,
    lot: LotsQuery,
    moment: Annotated[AsOf, Depends(moment_asked)],
    origin: Annotated[From | None, Depends(origin_asked)],
    sheet: Annotated[Literal["holders", "fsma204", "eu931"], Query()] = "holders",
) -> Response:
    """A trace as a sheet: its holders, or the record that another law asks of its movements."""
    with asked.snapshot(cards=True) as reader:
        lots = traces.lots_asked(reader, product, lot)
        found = traces.ask(reader, lots, moment, origin, engine=request.app.state.arrays).trace
        if sheet == "holders":
            held = traces.holders(reader, found)
            asked.note({holder.merchant for holder in held})
            made = trace_exports.holders_sheet(found, held)
        else:
            record = TRACE_RECORDS[sheet]
            kept = trace_exports.record_sheet(reader, found, record, persons=asked.may("call-list"))
            asked.note(kept.merchants, kept.cards)
            made = kept.sheet
        media, write = WRITERS[form]
        about = [[made.title, made.about], *made.notes]
        content = b"".join(write(made, Sheet("说明 notes", "", ["", ""], iter(about), [])))
    file = f"trace-{sheet}-{found.position}.{form}"
    headers = {"content-disposition": f'inline; filename="{file}"'}
    return Response(content, media_type=media, headers=headers)
