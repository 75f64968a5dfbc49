"""Recalls at the desk: from a trace to the draft, checked by another officer, published, closed."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import Field, StringConstraints

from kiosk_ui.client import PATIENT_S, Ambiguous, NotRecorded, Unusable, part
from kiosk_ui.faces.desk.naming import merchant_name, numbered_merchant, stops_of
from kiosk_ui.faces.desk.reach import reach_of
from kiosk_ui.language import ZONE, Language
from kiosk_ui.page import render
from kiosk_ui.saying import (
    FilledIn,
    Name,
    Remark,
    Second,
    Short,
    Words,
    ledger_time,
    market_time,
    say,
)
from kiosk_ui.signing import Person, needs
from kiosk_ui.viewmodels.lot import product_title
from kiosk_ui.viewmodels.notes import case_note
from kiosk_ui.viewmodels.recall import (
    SEEN,
    STAGES,
    STEPS,
    TONES,
    as_asked,
    first_words,
    instant,
    is_before,
    line_text,
    line_words,
    lot_named,
    next_deadline,
    stopwatch,
)

router = APIRouter(prefix="/recalls")

Officer = Annotated[Person, needs("inspector", "regulator", "auditor")]
Regulator = Annotated[Person, needs("regulator")]
# What one request carries; a larger recall is widened once it is published.
LINES_MAX = 1000
# Lines that are offered to be recalled no longer.
CHOICES_MAX = 100
# Lines of a draft that are shown, each to be left out.
OFFERED_MAX = 200
BEYOND_SHOWN = 12


class DraftForm(FilledIn):
    """A draft as it was filled in; its goods are those of the trace but for the lines that are left out."""

    recall: Name
    grade: Literal["I", "II", "III"]
    authority: Short
    reason: Words
    product: Short
    lot: Short
    possible: bool = False
    # Of the lines that were offered, those that are recalled.
    offered: Annotated[list[str], Field(max_length=OFFERED_MAX, default_factory=list)]
    taken: Annotated[list[str], Field(max_length=OFFERED_MAX, default_factory=list)]
    known_at: str = ""
    responsible: str = ""


class CheckForm(FilledIn):
    """What the second officer says of the draft of a digest."""

    digest: str
    approved: bool
    note: Remark = ""


class PublishForm(FilledIn):
    """The words that consumers read."""

    notice: Words


class EndForm(FilledIn):
    """How a recall ends, and the second officer who says so too."""

    how: Literal["close", "withdraw"]
    words: Words
    second: Name
    password: Annotated[str, StringConstraints(max_length=1024, strip_whitespace=False)]
    code: str = ""
    unaccounted: Remark = ""


@router.get("")
async def listed(request: Request, person: Officer, after: str = "") -> Response:
    """Recalls, the newest first, with the clock that runs."""
    page = await person.client.get("/v1/recalls", {"after": after} if after else {})
    language = request.state.language
    shown = [
        one | {"due": next_deadline(one), "goods": first_words(one, language)}
        for one in page["recalls"]
    ]
    values = {
        "recalls": shown,
        "next": page["next"],
        "position": page["position"],
        "stages": STAGES,
        "tones": TONES,
    }
    return render(request, "desk/recalls.html", values, person=person)


@router.get("/new")
async def draft_form(
    request: Request,
    person: Regulator,
    product: Annotated[str, Query(max_length=80)] = "",
    lot: Annotated[str, Query(max_length=80)] = "",
    possible: bool = False,
) -> Response:
    """A draft from a trace: the lots it would name, what it cannot name, and the words to fill in."""
    proposal = await _proposal(person, product, lot, possible=possible)
    language = request.state.language
    stops = await stops_of(person, product, lot) or []
    now = datetime.fromisoformat(await ledger_time(person)).astimezone(ZONE)
    values = {
        "proposal": proposal, "product": product, "lot": lot, "possible": possible,
        "lines": [(line_words(line, language), line_text(line)) for line in proposal["lines"]],
        "offered": OFFERED_MAX, "name": f"r-{now:%Y%m%d-%H%M%S}", "most": LINES_MAX,
        "stops": stops,
        # What was said of the hold is mostly what is to be said of the recall.
        "hold": next((one for one in stops if one["kind"] == "hold" and one["how"] == "stopped"), None),
    }  # fmt: skip
    return render(request, "desk/recall_new.html", values, person=person)


@router.post("/new")
async def draft(
    request: Request, person: Regulator, form: Annotated[DraftForm, Form()]
) -> Response:
    """Drafts it; another officer checks it before it is published."""
    proposal = await _proposal(person, form.product, form.lot, possible=form.possible)
    lines = _taken(form, proposal["lines"], request.state.language)
    if not lines:
        raise Unusable(
            request.state.language.word("Every line was left out: nothing would be recalled.")
        )
    entry: dict[str, Any] = {
        "type": "recall-drafted.v1", "recall": form.recall, "grade": form.grade,
        "reason": form.reason, "authority": form.authority, "by": person.account,
        "goods": [as_asked(line) for line in lines[:LINES_MAX]],
        "known_at": market_time(form.known_at) if form.known_at else await ledger_time(person),
        "trace_position": proposal["position"], "asked": [text[:60] for text in proposal["asked"]],
    }  # fmt: skip
    if form.responsible:
        entry["responsible"] = await numbered_merchant(
            person, form.responsible, request.state.language
        )
    asked = [{"type": "draft-recall", "entry": entry}]
    return await say(request, person, asked, f"/desk/recalls/{part(form.recall)}", key=form.key)


@router.get("/{recall}")
async def one(request: Request, person: Officer, recall: str, after: str = "") -> Response:
    """A recall: its goods, how far it got, who has what, its history, and what comes next."""
    path = f"/v1/recalls/{part(recall)}"
    found = await person.client.get(path, wait_s=PATIENT_S)
    told, language = found["recall"], request.state.language
    holders: dict[str, Any] = {"holders": [], "next": None, "holders_in_all": 0}
    score: dict[str, Any] | None = None
    if told["published_at"] is not None:
        holders = await _holders(person, path, after)
        score = await person.client.get(f"{path}/score", {}, wait_s=PATIENT_S)
    values = {
        "found": found, "told": told, "due": next_deadline(told), "holders": holders,
        "reach": await reach_of(person, found["words"]) if told["stage"] == "published" else None,
        "beyond": await _beyond_words(person, found["beyond"][:BEYOND_SHOWN], language),
        "responsible": await merchant_name(person, told["responsible"]),
        "score": score, "steps": STEPS, "after": stopwatch,
        "lines": [line_words(line, language) for line in found["lines"]],
        "choices": [
            (line_words(line, language), line_text(line))
            for line in found["lines"][:CHOICES_MAX]
        ],
        "widened_at": max(
            (one["said_at"] for one in found["words"] if one["what"] == "recall-widened"), key=instant, default=None
        ),
        "is_before": is_before, "seen": SEEN, "works": person.has("inspector", "regulator"), "stages": STAGES, "tones": TONES, "own": told["drafted_by"] == person.account,
        "decides": person.has("regulator"),
        "note_of": lambda said: case_note(said, language),
    }  # fmt: skip
    return render(request, "desk/recall.html", values, person=person)


@router.post("/{recall}/check")
async def check(
    request: Request, person: Regulator, recall: str, form: Annotated[CheckForm, Form()]
) -> Response:
    """What the second officer says of the draft that was on the page."""
    entry: dict[str, Any] = {
        "type": "recall-checked.v1", "recall": recall, "approved": form.approved,
        "by": person.account, "draft_digest": form.digest,
    }  # fmt: skip
    if form.note:
        entry["note"] = form.note
    asked = [{"type": "check-recall", "entry": entry}]
    return await say(request, person, asked, f"/desk/recalls/{part(recall)}", key=form.key)


@router.post("/{recall}/publish")
async def publish(
    request: Request, person: Regulator, recall: str, form: Annotated[PublishForm, Form()]
) -> Response:
    """Announces it: scanners and pages turn red."""
    asked = {
        "type": "publish-recall", "recall": recall, "notice": form.notice, "by": person.account,
    }  # fmt: skip
    return await say(request, person, [asked], f"/desk/recalls/{part(recall)}", key=form.key)


@router.post("/{recall}/end")
async def end(
    request: Request, person: Regulator, recall: str, form: Annotated[EndForm, Form()]
) -> Response:
    """Ends it, closed or taken back, as two officers say."""
    entry: dict[str, Any] = {"recall": recall, "by": person.account, "checked_by": form.second}
    if form.how == "withdraw":
        entry |= {"type": "recall-withdrawn.v1", "reason": form.words}
    else:
        found = await person.client.get(f"/v1/recalls/{part(recall)}", wait_s=PATIENT_S)
        entry |= {
            "type": "recall-closed.v1", "summary": form.words, "position": found["position"],
        }  # fmt: skip
        if form.unaccounted:
            entry["unaccounted"] = form.unaccounted
    asked = [{"type": f"{form.how}-recall", "entry": entry}]
    return await say(
        request, person, asked, f"/desk/recalls/{part(recall)}", key=form.key,
        second=Second(form.second, form.password, form.code),
    )  # fmt: skip


async def _holders(person: Person, path: str, after: str) -> dict[str, Any]:
    """Returns a page of holders; the first where the list that it would go on is forgotten."""
    try:
        asked = {"after": after} if after else {}
        return await person.client.get(f"{path}/holders", asked, wait_s=PATIENT_S)
    except Ambiguous:
        return await person.client.get(f"{path}/holders", {}, wait_s=PATIENT_S)


def _taken(
    form: DraftForm, lines: list[dict[str, Any]], language: Language
) -> list[dict[str, Any]]:
    """Returns the lines that are recalled. Raises `Unusable` where they are others by now than were looked at."""
    if not form.offered:
        return lines
    texts = [line_text(line) for line in lines]
    if form.offered != texts[:OFFERED_MAX]:
        raise Unusable(
            language.word(
                "What the trace reaches has changed meanwhile: look at the lines once more."
            )
        )
    without = {*form.offered} - {*form.taken}
    return [line for line, text in zip(lines, texts, strict=True) if text not in without]


async def _beyond_words(person: Person, beyond: list[str], language: Language) -> list[str]:
    """Returns lots that a recall does not name as people call them."""
    words = []
    for product, _, lot in (text.partition(" ") for text in beyond):
        try:
            known = (await person.client.product(product, {}))["product"]
        except (NotRecorded, Unusable):
            known = {"gtin": product, "name_zh": None, "name_en": None}
        words.append(f"{product_title(known, language)} {lot_named(lot, language)}")
    return words


async def _proposal(person: Person, product: str, lot: str, *, possible: bool) -> dict[str, Any]:
    asked = {"product": product, "lot": lot, "possible": possible}
    return await person.client.get("/v1/recall-proposal", asked, wait_s=PATIENT_S)
