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
KINDS = ("report-unreadable", "tape-forked", "tape-lost")


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
    values = {
        "found": {kind: one.lines for kind, one in found.items()},
        "more": any(one.more for one in found.values()), "decides": person.has("regulator"),
    }  # fmt: skip
    return render(request, "desk/quarantine.html", values, person=person)


@router.post("")
async def again(
    request: Request, person: Regulator, form: Annotated[AgainForm, Form()]
) -> Response:
    """Asks that a report counts, now that it can be understood."""
    stream, _, number = form.subject.partition("|")
    asked = {"type": "readmit-report", "stream": stream, "number": int(number)}
    return await say(request, person, [asked], "/desk/quarantine", key=form.key)
