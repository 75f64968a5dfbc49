"""A recall's field work at the desk: who is visited and called, what was seen, and lists for other authorities."""

import hashlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from kiosk_ui.client import (
    PATIENT_S,
    Ambiguous,
    Asking,
    Unusable,
    part,
    plain_headers,
    raise_for,
    reached,
    whole,
)
from kiosk_ui.faces.desk.naming import numbered_merchant
from kiosk_ui.page import render
from kiosk_ui.saying import FilledIn, Name, Remark, Short, say
from kiosk_ui.signing import Person, needs
from kiosk_ui.viewmodels.notes import case_note
from kiosk_ui.viewmodels.recall import REACHED, SEEN, why_drawn

router = APIRouter(prefix="/recalls/{recall}/field")

Decider = Annotated[Person, needs("inspector", "regulator")]
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

    merchant: Short
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
    calls: bool = False,
) -> Response:
    """Whom to visit and what was seen; whom to call, where that is asked for: it opens people's cards."""
    path, client = f"/v1/recalls/{part(recall)}", person.client
    found = await client.get(path, {"lines": 0}, wait_s=PATIENT_S)
    drawn = await _drawn(client, f"{path}/holders")
    asked: dict[str, Any] = {"unread": True} | ({"district": district} if district else {})
    listed = await client.get(f"{path}/calls", asked, wait_s=PATIENT_S) if calls else None
    values = {
        "recall": recall, "told": found["recall"], "rehearsal": found["rehearsal"],
        # Who was not seen yet comes first.
        "drawn": [
            one | {"why": why_drawn(one["drawn"], request.state.language)}
            for one in sorted(drawn, key=lambda one: one["check_result"] is not None)
        ],
        "calls": listed and listed["calls"], "district": district, "holder": holder,
        "districts": found["districts"],
        # The latest first: who has just said what they saw finds it here.
        "visits": [one for one in reversed(found["words"]) if one["what"] == "recall-holder-checked"],
        "note_of": lambda said: case_note(said, request.state.language),
        "seen": SEEN, "results": REACHED, "position": found["position"],
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
    holder = await numbered_merchant(person, form.merchant, request.state.language)
    entry = {
        "type": "recall-holder-checked.v1", "recall": recall, "merchant": holder,
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
    return await say(
        request, person, asks, _here(recall, f"call-{form.holder}", "?calls=true"), key=form.key
    )


@router.post("/hand-over")
async def hand_over(
    request: Request, person: Decider, recall: str, form: Annotated[HandOverForm, Form()]
) -> Response:
    """Gives the list for another authority to be saved, once it is on record that it got it."""
    asked = {"to": form.district} if form.district else {}
    query = person.client.services.query
    path = f"/v1/recalls/{part(recall)}/hand-over.xlsx"
    answer = await reached(
        query.get(path, params=asked, headers=plain_headers(person.client), timeout=PATIENT_S)
    )
    raise_for(answer)
    digest = hashlib.sha256(answer.content).hexdigest()
    holders = int(answer.headers["suyuan-holders"])
    if not holders:
        raise Unusable(request.state.language.word("There is no holder to hand over there."))
    entry: dict[str, Any] = {
        "type": "recall-handed-over.v1", "recall": recall, "authority": form.authority,
        "holders": holders, "by": person.account, "file": digest,
    }  # fmt: skip
    if form.district:
        entry["district"] = form.district
    asks = [{"type": "hand-over-recall", "entry": entry}]
    # The page stays as it is when a file is saved: another list from it is another hand-over.
    key = f"{form.key}-{digest[:24]}" if form.key else ""
    said = await say(request, person, asks, _here(recall, "hand-over"), key=key)
    if not isinstance(said, RedirectResponse):
        return said
    headers = {
        "content-disposition": f'attachment; filename="hand-over-{part(recall)}.xlsx"',
        "cache-control": "no-store",
    }
    return Response(answer.content, media_type=answer.headers["content-type"], headers=headers)


async def _drawn(client: Asking, path: str) -> list[dict[str, Any]]:
    """Returns the holders that were drawn; once more where the list was forgotten on the way."""
    asked = {"drawn": True}
    for _ in range(2):
        try:
            found = await whole(client, path, "holders", HOLDERS_MAX, asked, wait_s=PATIENT_S)
            return found.lines
        except Ambiguous:
            continue
    return []


def _here(recall: str, about: str, asked: str = "") -> str:
    return f"/desk/recalls/{part(recall)}/field{asked}#{about}"


def _noted(note: str) -> dict[str, str]:
    return {"note": note} if note else {}
