"""A recall's field work at the desk: who is visited and called, what was seen, and lists for other authorities."""

import hashlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from kiosk_ui.client import PATIENT_S, Unusable, part, raise_for, reached, whole
from kiosk_ui.page import render
from kiosk_ui.saying import FilledIn, Name, Remark, Short, say
from kiosk_ui.signing import Person, needs
from kiosk_ui.viewmodels.recall import why_drawn

router = APIRouter(prefix="/recalls/{recall}/field")

Decider = Annotated[Person, needs("inspector", "regulator")]
SEEN = {
    "effective": "set aside, as it should be", "still-there": "still on the shelf",
    "still-sold": "still being sold", "not-met": "nobody was there",
}  # fmt: skip
REACHED = {
    "reached": "reached", "no-answer": "no answer", "wrong-number": "wrong number",
    "refused": "did not want to hear of it",
}  # fmt: skip
# More holders than this are drawn for visits in no recall.
HOLDERS_MAX = 5000
# What one request carries.
DRAWN_MAX = 1000


class DrawForm(FilledIn):
    """How many of the holders are to be visited, and the seed by which anybody draws the same."""

    share: Annotated[int, Field(ge=1, le=100)]
    seed: Annotated[int, Field(ge=0, le=2**53)] = 1


class VisitForm(FilledIn):
    """What an officer saw at a holder."""

    merchant: Name
    result: Literal["effective", "still-there", "still-sold", "not-met"]
    note: Remark = ""


class CallForm(FilledIn):
    """What came of calling a buyer: a merchant of the register, or somebody on a card."""

    holder: Name
    is_card: bool = False
    result: Literal["reached", "no-answer", "wrong-number", "refused"]
    note: Remark = ""


class HandOverForm(FilledIn):
    """Which authority gets the list, and of which district; without one, of those in no register."""

    authority: Short
    district: Annotated[str, Field(max_length=40)] = ""


@router.get("")
async def shown(
    request: Request,
    person: Decider,
    recall: str,
    holder: Annotated[str, Query(max_length=40)] = "",
    district: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Whom to visit, whom to call, and what came of it."""
    path, client = f"/v1/recalls/{part(recall)}", person.client
    found = await client.get(path, {"lines": 0}, wait_s=PATIENT_S)
    holders = await whole(client, f"{path}/holders", "holders", HOLDERS_MAX)
    asked: dict[str, Any] = {"unread": True} | ({"district": district} if district else {})
    calls = await client.get(f"{path}/calls", asked, wait_s=PATIENT_S)
    drawn = [one for one in holders.lines if one["drawn"]]
    values = {
        "recall": recall, "told": found["recall"], "rehearsal": found["rehearsal"],
        # Who was not seen yet comes first.
        "drawn": [
            one | {"why": why_drawn(one["drawn"], request.state.language)}
            for one in sorted(drawn, key=lambda one: one["check_result"] is not None)
        ],
        "calls": calls["calls"], "district": district, "holder": holder, "holders": holders.lines,
        "districts": sorted({one["district"] for one in holders.lines if one["district"]}),
        "seen": SEEN, "results": REACHED, "position": holders.first["position"],
    }  # fmt: skip
    return render(request, "desk/recall_work.html", values, person=person)


@router.post("/draw")
async def draw(
    request: Request, person: Decider, recall: str, form: Annotated[DrawForm, Form()]
) -> Response:
    """Draws holders to be visited, the risky first, and puts the draw on record."""
    asked = {"share": form.share, "seed": form.seed}
    path = f"/v1/recalls/{part(recall)}/checks"
    drawn = (await person.client.get(path, asked, wait_s=PATIENT_S))["drawn"]
    if not drawn:
        raise Unusable(request.state.language.word("This recall has no holders to draw from."))
    holders = [{"merchant": one["holder"], "reason": one["reason"]} for one in drawn]
    entries = [
        {
            "type": "recall-checks-drawn.v1", "recall": recall, "seed": form.seed,
            "holders": holders[first : first + DRAWN_MAX], "by": person.account,
        }
        for first in range(0, len(holders), DRAWN_MAX)
    ]  # fmt: skip
    asks = [{"type": "draw-checks", "entry": entry} for entry in entries]
    return await say(request, person, asks, _here(recall, "visits"), key=form.key)


@router.post("/visit")
async def visit(
    request: Request, person: Decider, recall: str, form: Annotated[VisitForm, Form()]
) -> Response:
    """Puts on record what an officer saw."""
    entry = {
        "type": "recall-holder-checked.v1", "recall": recall, "merchant": form.merchant,
        "result": form.result, "by": person.account,
    } | _noted(form.note)  # fmt: skip
    asks = [{"type": "check-holder", "entry": entry}]
    return await say(request, person, asks, _here(recall, "visits"), key=form.key)


@router.post("/call")
async def call(
    request: Request, person: Decider, recall: str, form: Annotated[CallForm, Form()]
) -> Response:
    """Puts on record what came of a call."""
    entry = {
        "type": "recall-holder-called.v1", "recall": recall, "result": form.result,
        "by": person.account, "card" if form.is_card else "merchant": form.holder,
    } | _noted(form.note)  # fmt: skip
    asks = [{"type": "call-holder", "entry": entry}]
    return await say(request, person, asks, _here(recall, "calls"), key=form.key)


@router.post("/hand-over")
async def hand_over(
    request: Request, person: Decider, recall: str, form: Annotated[HandOverForm, Form()]
) -> Response:
    """Gives the list for another authority to be saved, once it is on record that it got it."""
    asked = {"to": form.district} if form.district else {}
    query = person.client.services.query
    path = f"/v1/recalls/{part(recall)}/hand-over.xlsx"
    answer = await reached(
        query.get(path, params=asked, headers=person.client.headers, timeout=PATIENT_S)
    )
    raise_for(answer)
    holders = int(answer.headers["suyuan-holders"])
    if not holders:
        raise Unusable(request.state.language.word("There is no holder to hand over there."))
    entry: dict[str, Any] = {
        "type": "recall-handed-over.v1", "recall": recall, "authority": form.authority,
        "holders": holders, "by": person.account, "file": hashlib.sha256(answer.content).hexdigest(),
    }  # fmt: skip
    if form.district:
        entry["district"] = form.district
    asks = [{"type": "hand-over-recall", "entry": entry}]
    said = await say(request, person, asks, _here(recall, "hand-over"), key=form.key)
    if not isinstance(said, RedirectResponse):
        return said
    headers = {
        "content-disposition": f'attachment; filename="hand-over-{part(recall)}.xlsx"',
        "cache-control": "no-store",
    }
    return Response(answer.content, media_type=answer.headers["content-type"], headers=headers)


def _here(recall: str, about: str) -> str:
    return f"/desk/recalls/{part(recall)}/field#{about}"


def _noted(note: str) -> dict[str, str]:
    return {"note": note} if note else {}
