"""Quarantine at the desk: what could not be read or stands twice, and reading it again."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import StringConstraints

from kiosk_ui.client import whole
from kiosk_ui.page import render
from kiosk_ui.saying import FilledIn, say
from kiosk_ui.signing import Person, needs

router = APIRouter(prefix="/quarantine")

Watcher = Annotated[Person, needs("inspector", "regulator", "auditor")]
Regulator = Annotated[Person, needs("regulator")]
# What came and does not count, or may be missing: by kind of alert.
SHOWN_MAX = 1000
KINDS = {
    "report-unreadable": (
        "Could not be read",
        "A newer program sent it than this ledger is, or a broken one. Once the ledger is updated, it is read again.",
    ),
    "tape-forked": (
        "Two devices under one name",
        "A device numbers what it scans in one list, its tape. Here the tape goes on in two ways: the device was copied, or"
        " restored from a backup. Call the stall, let it scan on paper, take the device in and ask it in again.",
    ),
    "tape-lost": (
        "Began a new tape",
        "The device began a new list before the old one was handed in whole: scans may be missing. Ask the stall whether"
        " the old device or browser still holds any, and to hand them in.",
    ),
}
DEVICES_MAX = 2000


class AgainForm(FilledIn):
    """Which report is to be read again, by its stream and number."""

    subject: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}\|[0-9]{1,15}$")]


@router.get("")
async def listed(request: Request, person: Watcher) -> Response:
    """Reports that nobody could read, and tapes that went on twice or broke off."""
    found = {
        kind: await whole(person.client, "/v1/alerts", "alerts", SHOWN_MAX, {"kind": kind})
        for kind in KINDS
    }
    devices = await _devices(person) if any(one.lines for one in found.values()) else {}
    values = {
        "kinds": KINDS, "devices": devices, "found": {kind: one.lines for kind, one in found.items()},
        "more": any(one.more for one in found.values()), "decides": person.has("regulator"),
    }  # fmt: skip
    return render(request, "desk/quarantine.html", values, person=person)


async def _devices(person: Person) -> dict[str, list[str]]:
    """Returns the devices that somebody may look at, with the names of those whom each reports for."""
    found = await whole(person.client, "/v1/devices", "devices", DEVICES_MAX)
    return {one["device"]: one["merchant_names"] for one in found.lines}


@router.post("")
async def again(
    request: Request, person: Regulator, form: Annotated[AgainForm, Form()]
) -> Response:
    """Asks that a report counts, now that it can be understood."""
    stream, _, number = form.subject.partition("|")
    asked = {"type": "readmit-report", "stream": stream, "number": int(number)}
    return await say(request, person, [asked], "/desk/quarantine", key=form.key)
