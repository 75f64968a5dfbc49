"""Holds at the desk: goods stopped at once, for a while; released, or the beginning of a recall."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import Field

from kiosk_ui.client import PATIENT_S, NotRecorded, Unusable, part
from kiosk_ui.faces.desk.naming import stops_of
from kiosk_ui.faces.desk.reach import reach_of
from kiosk_ui.language import ZONE
from kiosk_ui.page import render
from kiosk_ui.saying import FilledIn, Name, Short, Words, ledger_time, say
from kiosk_ui.signing import Person, needs
from kiosk_ui.viewmodels.notes import case_note
from kiosk_ui.viewmodels.recall import COLOURS, first_words, line_words

router = APIRouter(prefix="/holds")

Officer = Annotated[Person, needs("inspector", "regulator", "auditor")]
Decider = Annotated[Person, needs("inspector", "regulator")]
STAGES = {"placed": "placed", "released": "released", "lapsed": "lapsed", "recalled": "recalled"}
# Which field of the form a lot's key fills in, by its first letters.
HOLD_DAYS = 7
KEYS = {"L:": "lot", "D:": "produced", "E:": "expires", "R:": "delivery"}


class HoldForm(FilledIn):
    """What is to be stopped, why, and for how many days."""

    hold: Name
    product: Short
    authority: Short
    reason: Words
    days: Annotated[int, Field(ge=1, le=30)]
    lot: str = ""
    produced: str = ""
    expires: str = ""
    delivery: str = ""
    anyway: bool = False
    twice: bool = False


class ReleaseForm(FilledIn):
    """Why it may be sold again."""

    reason: Words


@router.get("")
async def listed(request: Request, person: Officer, after: str = "") -> Response:
    """Holds, the newest first."""
    page = await person.client.get("/v1/holds", {"after": after} if after else {})
    language = request.state.language
    holds = [one | {"goods": first_words(one, language)} for one in page["holds"]]
    values = {"holds": holds, "next": page["next"], "stages": STAGES, "colours": COLOURS}
    return render(request, "desk/holds.html", values, person=person)


@router.get("/new")
async def hold_form(
    request: Request,
    person: Decider,
    product: Annotated[str, Query(max_length=80)] = "",
    lot: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    """What is to be stopped, in whose name and until when."""
    now = datetime.fromisoformat(await ledger_time(person)).astimezone(ZONE)
    # To the second: in an emergency two of a minute are no collision.
    name = f"h-{now:%Y%m%d-%H%M%S}"
    # A lot's key names its number, the date it is known by or the delivery it came in; who types it says the number.
    kind, said = (lot[:2], lot[2:]) if lot[1:2] == ":" else ("L:", lot)
    if kind not in KEYS:
        # Empty, it would stop all of the product.
        raise Unusable("{lot} names no lot that a hold can be placed on", lot=lot)
    known = {name: said if key == kind else "" for key, name in KEYS.items()}
    values: dict[str, Any] = {
        "product": product, "name": name, "goods": await _goods(person, product), "unknown": False,
        "reason": "", "authority": "", "days": HOLD_DAYS, "anyway": False, "twice": False,
        "stops": await stops_of(person, product, lot) if product and lot else [],
    }  # fmt: skip
    values |= known
    return render(request, "desk/hold_new.html", values, person=person)


@router.post("/new")
async def place(request: Request, person: Decider, form: Annotated[HoldForm, Form()]) -> Response:
    """Stops it: scanners hear of it within seconds."""
    product = form.product.zfill(14) if form.product.isdigit() else form.product
    # A slip of the finger would stop other goods, or none, and nobody would notice.
    is_known = form.anyway or not product.isdigit() or await _is_registered(person, product)
    held = [] if form.twice else await _held_already(person, product, form)
    if not is_known or held:
        values: dict[str, Any] = form.model_dump() | {
            "goods": None, "name": form.hold, "unknown": not is_known, "stops": held,
        }  # fmt: skip
        return render(request, "desk/hold_new.html", values, person=person, status=422)
    line = {"product": product}
    line |= {key: said for key, said in (("lot", form.lot), ("delivery", form.delivery)) if said}
    for day, name in ((form.produced, "produced"), (form.expires, "expires")):
        if day:
            line |= {f"{name}_from": day, f"{name}_until": day}
    until = datetime.fromisoformat(await ledger_time(person)) + timedelta(days=form.days)
    asked = {
        "type": "place-hold", "hold": form.hold, "goods": [line], "authority": form.authority,
        "reason": form.reason, "until": until.isoformat(), "by": person.account,
    }  # fmt: skip
    return await say(request, person, [asked], f"/desk/holds/{part(form.hold)}", key=form.key)


@router.get("/{hold}")
async def one(request: Request, person: Officer, hold: str) -> Response:
    """A hold with what it stops, where that stands in stock, and its history."""
    found = await person.client.get(f"/v1/holds/{part(hold)}", wait_s=PATIENT_S)
    language = request.state.language
    values = {
        "found": found, "told": found["hold"], "stages": STAGES,
        "reach": await reach_of(person, found["words"]) if found["hold"]["stage"] == "placed" else None,
        "lines": [
            {"words": line_words(line, language), "trace": _traced(line)} for line in found["lines"]
        ],
        "decides": person.has("inspector", "regulator"),
        "note_of": lambda said: case_note(said, language),
    }  # fmt: skip
    return render(request, "desk/hold.html", values, person=person)


async def _is_registered(person: Person, gtin: str) -> bool:
    """Tells whether anything is known of a number. Raises `Unusable` for one that no product can have."""
    try:
        await person.client.product(gtin, {})
    except NotRecorded:
        return False
    return True


async def _held_already(person: Person, product: str, form: HoldForm) -> list[dict[str, Any]]:
    """Returns the holds that stand on the very lot that a form names by its number or a date."""
    named = ((kind, getattr(form, name)) for kind, name in KEYS.items() if kind != "R:")
    lot = next((f"{kind}{said}" for kind, said in named if said), "")
    stops = await stops_of(person, product, lot) if lot and product.isdigit() else []
    return [one for one in stops or [] if one["kind"] == "hold" and one["how"] == "stopped"]


async def _goods(person: Person, product: str) -> dict[str, Any] | None:
    """Returns a product of the register; None for one that is in none."""
    if not product:
        return None
    try:
        found: dict[str, Any] = (await person.client.product(product, {}))["product"]
    except (NotRecorded, Unusable):
        return None
    return found


def _traced(line: dict[str, Any]) -> str:
    """Returns what a trace is asked of a line that names a lot; nothing where it names none."""
    if not line["product"] or not line["lot"]:
        return ""
    return urlencode({"product": line["product"], "lot": line["lot"]})


@router.post("/{hold}/release")
async def release(
    request: Request, person: Decider, hold: str, form: Annotated[ReleaseForm, Form()]
) -> Response:
    """Lets the goods be sold again."""
    asked = {"type": "release-hold", "hold": hold, "reason": form.reason, "by": person.account}
    return await say(request, person, [asked], f"/desk/holds/{part(hold)}", key=form.key)
