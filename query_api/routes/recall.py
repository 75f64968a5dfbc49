"""Recall routes: how far a recall has got, its holders, its calls and checks, and its papers."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response, StreamingResponse

from ledger.rules.recalls import LINES_MAX
from ledger.trace.question import AsOf
from ledger.values.ids import ID_FORM
from query_api import (
    ledgers,
    recall_papers,
    recall_schemas,
    recall_scores,
    recall_work,
    recalls,
    traces,
)
from query_api.inquiries import Inquiry, asks
from query_api.parameters import Cursor, Limit
from query_api.problems import Problem
from query_api.routes.trace import LotsQuery, ProductsQuery
from query_api.sheets import WRITERS, Sheet
from query_api.stops import NEWEST

RecallInquiry = Annotated[Inquiry, asks("recall")]
RecallName = Annotated[str, Path(pattern=f"^{ID_FORM}$", examples=["r-2026-11-22"])]
RecallStage = Literal["drafted", "returned", "checked", "published", "withdrawn", "closed"]
Before = Annotated[int, Query(ge=0, le=NEWEST, description="next of the page before")]
District = Annotated[str | None, Query(pattern=f"^{ID_FORM}$", description="the asker's own")]
# Where the poster's code leads when nobody says otherwise: to no address that might be wrong.
Link = Annotated[str | None, Query(max_length=300, pattern=r"^https?://[!-~]+$")]

router = APIRouter(prefix="/v1", tags=["recall"])


@router.get("/recalls")
def every(
    request: Request,
    asked: RecallInquiry,
    stage: RecallStage | None = None,
    after: Before = NEWEST,
    limit: Limit = 50,
) -> recall_schemas.RecallPage:
    """Recalls, the newest first, with how their deadlines stand."""
    with asked.snapshot() as reader:
        return recalls.recalls(reader, stage, after, limit, now=request.app.state.now())


@router.get("/recall-proposal")
def propose(
    request: Request,
    asked: RecallInquiry,
    product: ProductsQuery,
    lot: LotsQuery,
    possible: Annotated[bool, Query(description="also what is only possibly reached")] = False,
) -> recall_schemas.RecallProposal:
    """What a recall of some lots would name: they and all that they became."""
    with asked.snapshot() as reader:
        lots = traces.lots_asked(reader, product, lot)
        found = traces.ask(reader, lots, AsOf(), None, engine=request.app.state.arrays).trace
        return recall_work.proposal(reader, found, lots, possible=possible)


@router.get("/recalls/{recall}")
def one(
    request: Request,
    asked: RecallInquiry,
    recall: RecallName,
    lines: Annotated[int, Query(ge=0, le=LINES_MAX, description="how many of its lines")] = 500,
) -> recall_schemas.RecallAnswer:
    """A recall: its goods, progress, deadlines and history."""
    with asked.snapshot() as reader:
        found = recalls.recall(reader, recall, now=request.app.state.now(), limit=lines)
        asked.note({word.holder for word in found.words if word.holder})
        return found


@router.get("/recalls/{recall}/holders")
def holders(
    request: Request,
    asked: RecallInquiry,
    recall: RecallName,
    drawn: bool = False,
    after: Cursor = None,
    limit: Limit = 100,
) -> recall_schemas.HolderPage:
    """Who has or had recalled goods, and what each says became of them; or those drawn for visits alone.

    The pages of one list are true for the position of its first.
    """
    with asked.snapshot() as reader:
        found = recalls.holders(
            reader, request.app.state.accounts, recall, after, limit, drawn=drawn
        )
        asked.note({one.holder for one in found.holders})
        return found


@router.get("/recalls/{recall}/holders/{merchant}")
def holder(
    request: Request,
    asked: Annotated[Inquiry, asks("recall-task")],
    recall: RecallName,
    merchant: Annotated[str, Path(pattern=f"^{ID_FORM}$")],
) -> recall_schemas.HolderKnown:
    """Whether a merchant had any of it by the record, as who speaks for it may want to know."""
    with asked.snapshot() as reader:
        asked.look_at(reader, ledgers.known_as(reader, merchant))
        return recalls.holder_known(reader, recall, merchant)


@router.get("/recalls/{recall}/score")
def score(asked: RecallInquiry, recall: RecallName) -> recall_schemas.RecallScore:
    """How it went: found, reached, acknowledged, accounted for, and how fast."""
    with asked.snapshot() as reader:
        return recall_scores.score(reader, recall)


@router.get("/recalls/{recall}/calls")
def calls(
    request: Request,
    asked: Annotated[Inquiry, asks("call-list")],
    recall: RecallName,
    district: District = None,
    unread: bool = False,
) -> recall_schemas.CallList:
    """Whom to call: buyers in no register, with a district those of others, and who has not read it if asked."""
    with asked.snapshot(cards=True) as reader:
        found = recall_work.calls(reader, recall, district, unread=unread)
        asked.note(*recall_work.called(found.calls))
        return found


@router.get("/recalls/{recall}/checks")
def checks(
    request: Request,
    asked: RecallInquiry,
    recall: RecallName,
    share: Annotated[int, Query(ge=1, le=100, description="of the holders, in percent")] = 10,
    seed: Annotated[int, Query(ge=0, le=2**53)] = 1,
) -> recall_schemas.CheckProposal:
    """Whom to check: the risky first, the rest drawn so that anybody can draw the same."""
    with asked.snapshot() as reader:
        found = recall_work.proposal_of_checks(reader, recall, share, seed)
        asked.note({one.holder for one in found.drawn})
        return found


@router.get("/recalls/{recall}/notice.{form}", response_class=Response)
def notice(
    request: Request,
    asked: Annotated[Inquiry, asks("recall", "product")],
    recall: RecallName,
    form: Annotated[Literal["txt", "html", "svg"], Path()],
    link: Link = None,
) -> Response:
    """The notice for consumers: words, a poster to print, or its code alone."""
    if link and asked.resource != "recall":
        # A stranger's address under the authority's name would send shoppers wherever it likes.
        raise Problem(403, "link-refused", "where a poster's code leads is for the office to say")
    with asked.snapshot() as reader:
        answer = recall_papers.published(reader, recall, now=request.app.state.now())
    leads_to = link or f"urn:suyuan:recall:{recall}"
    if form == "txt":
        return Response(recall_papers.notice_text(answer), media_type="text/plain; charset=utf-8")
    if form == "svg":
        return Response(recall_papers.qr(leads_to), media_type="image/svg+xml")
    return Response(recall_papers.poster(answer, leads_to), media_type="text/html; charset=utf-8")


@router.get("/recalls/{recall}/report.html", response_class=StreamingResponse)
def report(request: Request, asked: RecallInquiry, recall: RecallName) -> Response:
    """The closing report, as a page to read and to print."""
    with asked.snapshot() as reader:
        content = b"".join(
            recall_papers.report(reader, recall, now=request.app.state.now(), note=asked.note)
        )
    return Response(content, media_type="text/html; charset=utf-8")


@router.get("/recalls/{recall}/hand-over.{form}", response_class=Response)
def hand_over(
    request: Request,
    asked: Annotated[Inquiry, asks("call-list")],
    recall: RecallName,
    form: Annotated[Literal["csv", "xlsx", "html"], Path()],
    to: Annotated[
        str | None, Query(pattern=f"^{ID_FORM}$", description="the other authority's district")
    ] = None,
) -> Response:
    """The file for another authority: its holders, or without a district those in no register.

    The header `suyuan-holders` says how many they are.
    """
    with asked.snapshot(cards=True) as reader:
        made, found = recall_papers.hand_over(reader, recall, to, now=request.app.state.now())
        asked.note(*recall_work.called(found))
        media, write = WRITERS[form]
        about = [[made.title, made.about], *made.notes]
        content = b"".join(write(made, Sheet("说明 notes", "", ["", ""], iter(about), [])))
    headers = {
        "content-disposition": f'inline; filename="hand-over-{recall}.{form}"',
        "suyuan-holders": str(len(found)),
    }
    return Response(content, media_type=media, headers=headers)
