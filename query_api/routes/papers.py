"""Paper routes: papers by what stands in them, and the clean copy of one."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from query_api import paper_schemas, papers
from query_api.inquiries import Inquiry, asks
from query_api.ledgers import known_as
from query_api.parameters import Cursor, Limit
from query_api.problems import Problem
from query_api.views import cursor_of, key_of, position, today

PaperInquiry = Annotated[Inquiry, asks("document")]
DigestText = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", examples=["0" * 64])]

router = APIRouter(prefix="/v1", tags=["papers"])


@router.get("/document-search")
def search(
    asked: PaperInquiry,
    q: Annotated[str, Query(min_length=2, max_length=80, examples=["动物检疫"])],
    after: Cursor = None,
    limit: Limit = 50,
) -> paper_schemas.FoundPapers:
    """Papers whose text, or number, holds what is looked for; in Chinese from two characters on."""
    text = " ".join(q.replace("\x00", "").split())
    if len(text) < 2:
        raise Problem(422, "parameter-invalid", "q: say at least two characters")
    before = key_of(after, 1)[0] or str(papers.POSITION_MAX)
    if not (before.isascii() and before.isdigit() and int(before) <= papers.POSITION_MAX):
        raise Problem(422, "cursor-invalid", "give the cursor of the page before")
    with asked.snapshot() as reader:
        found = papers.found_by(reader, text, int(before), limit + 1)
        asked.note({one.merchant for one in found[:limit]})
        at = position(reader)
    more = cursor_of(str(found[limit - 1].position)) if len(found) > limit else None
    return paper_schemas.FoundPapers(papers=found[:limit], next=more, position=at)


@router.get("/merchants/{merchant}/papers-ending")
def ending(
    asked: PaperInquiry,
    merchant: Annotated[str, Path(max_length=40)],
    days: Annotated[int, Query(ge=1, le=366)] = 60,
    limit: Limit = 50,
) -> paper_schemas.EndingPapers:
    """Papers of a merchant, or of what it supplies, that end within so many days or ended as lately."""
    with asked.snapshot() as reader:
        known = known_as(reader, merchant)
        asked.look_at(reader, known)
        found = papers.ending(reader, known, today(reader), days, limit)
        at = position(reader)
    return paper_schemas.EndingPapers(merchant=known, days=days, papers=found, position=at)


@router.get(
    "/documents/{digest}",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}, "application/pdf": {}}}},
)
def copy(asked: PaperInquiry, digest: DigestText, request: Request) -> Response:
    """A paper's clean copy, to save: drawn anew from what was sent, which is shown to nobody."""
    with asked.snapshot() as reader:
        found = papers.copy_of(asked, reader, digest, request.app.state.documents)
    # A copy shows nothing but pixels; even so no browser shall open it among other pages.
    headers = {"content-disposition": f'attachment; filename="{found.name}"'}
    return Response(found.content, media_type=found.media, headers=headers)
