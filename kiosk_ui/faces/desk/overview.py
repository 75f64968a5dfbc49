"""Devices, the log's health, and who looked at what."""

import json
import re
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from kiosk_ui.client import Away, part, reached
from kiosk_ui.faces.desk.naming import numbered_merchant
from kiosk_ui.language import Language
from kiosk_ui.page import render
from kiosk_ui.reached import public_base
from kiosk_ui.signing import Person, needs
from kiosk_ui.viewmodels.asked import asked_words
from kiosk_ui.viewmodels.notes import gap_note
from kiosk_ui.viewmodels.proof import witnesses_of

router = APIRouter()

NEWEST = str(2**62)

Watcher = Annotated[
    Person, needs("inspector", "regulator", "auditor", "administrator", "market-operator")
]
Auditor = Annotated[Person, needs("auditor", "regulator", "inspector", "administrator")]


@router.get("/devices")
async def devices(request: Request, person: Watcher, after: str = "") -> Response:
    """Devices by name: heartbeat, tape, clock, use, and what may be missing."""
    page = await person.client.get("/v1/devices", {"after": after} if after else {})
    return render(request, "desk/devices.html", {"page": page}, person=person)


@router.get("/devices/{device}")
async def device(request: Request, person: Watcher, device: str) -> Response:
    """A device with its mandates, tapes, gaps and use."""
    found = await person.client.get(f"/v1/devices/{part(device)}")
    most = max([one["reports"] for one in found["uses"]], default=1) or 1
    language = request.state.language
    values = {"found": found, "most": most, "gap_words": lambda note: gap_note(note, language)}
    return render(request, "desk/device.html", values, person=person)


@router.get("/log")
async def log(
    request: Request,
    person: Auditor,
    after: str = "",
    account: Annotated[str, Query(max_length=60)] = "",
    merchant: Annotated[str, Query(max_length=40)] = "",
    overviews: bool = False,
) -> Response:
    """How far the published log is behind the record, and the access log for who may read it all."""
    health = await person.client.get("/v1/health")
    looks: dict[str, Any] = {"entries": [], "next": None}
    if ("access-log", "read") in person.may and person.has("auditor"):
        asked = {
            "before": after or NEWEST,
            "account": account.strip(),
            "merchant": await _numbered(request, person, merchant.strip()),
            "overviews": overviews,
        }
        looks = await person.client.get("/v1/access-log", asked)
    checkpoint = await _of_log(person, "/log/checkpoint")
    values = {
        "health": health, "size": int(checkpoint.splitlines()[1]) if checkpoint else None,
        "key": await _of_log(person, "/log/key"), "account": account, "merchant": merchant,
        "overviews": overviews, "witnesses": witnesses_of(checkpoint), "base": public_base(request),
        "entries": [_in_words(one, request.state.language) for one in looks["entries"]],
        "next": looks["next"], "reads": person.has("auditor"),
    }  # fmt: skip
    return render(request, "desk/log.html", values, person=person)


def _in_words(entry: dict[str, Any], language: Language) -> dict[str, Any]:
    told = json.loads(entry["said"])
    return entry | {"told": told, "about": asked_words(told["asked"] or "", language)}


async def _numbered(request: Request, person: Person, merchant: str) -> str:
    """Returns a merchant by its number, which is of small letters: a name that is none would say that nobody looked."""
    if re.fullmatch(r"[!-~]*", merchant):
        return merchant.lower()
    return await numbered_merchant(person, merchant, request.state.language)


@router.get("/log/entry")
async def entry(person: Auditor, n: Annotated[int, Query(ge=1, le=2**53)]) -> Response:
    """The proof of an entry, by where it stands in the record."""
    return RedirectResponse(f"/proof/{n}", 303)


async def _of_log(person: Person, path: str) -> str:
    """Returns a file of the published log; nothing where the log is away."""
    try:
        answer = await reached(person.client.services.log.get(path))
    except Away:
        return ""
    return answer.text.strip() if answer.status_code == httpx.codes.OK else ""
