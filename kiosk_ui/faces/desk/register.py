"""The register at the desk: merchants found by name or licence, and one with its books in sight."""

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup

from kiosk_ui.client import PATIENT_S, NotRecorded, NotYours, part
from kiosk_ui.page import render
from kiosk_ui.saying import ledger_day
from kiosk_ui.signing import Person, needs
from kiosk_ui.svg.bars import standing
from kiosk_ui.viewmodels.lot import MERCHANT_KINDS, PAPER_KINDS
from kiosk_ui.viewmodels.statistics import volume_bars

router = APIRouter(prefix="/merchants")

Officer = Annotated[Person, needs("inspector", "regulator", "auditor")]
LEDGERS = ("purchases", "sales")
# A quarter says more of how books are kept than a day.
DAYS = 90


@router.get("")
async def listed(
    request: Request,
    person: Officer,
    q: Annotated[str, Query(max_length=60)] = "",
    after: str = "",
) -> Response:
    """Merchants by a part of their name, their id or licence."""
    asked = {"q": q} | ({"after": after} if after else {})
    page = await person.client.get("/v1/merchants", asked)
    values = {"q": q, "page": page, "kinds": MERCHANT_KINDS}
    name = "desk/merchant_rows.html" if "hx-request" in request.headers else "desk/merchants.html"
    return render(request, name, values, person=person)


@router.get("/{merchant}")
async def one(request: Request, person: Officer, merchant: str) -> Response:
    """A merchant: places, how complete its books are, stock, who looked."""
    client = person.client
    found = await client.get(f"/v1/merchants/{part(merchant)}")
    until = await ledger_day(person) + timedelta(days=1)
    period = {"since": str(until - timedelta(days=DAYS)), "until": str(until)}
    books, shelves, papers, entered = [], [], [], ""
    allowed = True
    try:
        for name in LEDGERS:
            path = f"/v1/merchants/{part(found['merchant'])}/ledgers/{name}"
            books.append((name, await client.get(f"{path}/completeness", period)))
        for place in found["premises"][:5]:
            shelves.append((place, await _stock(person, place["premises"])))
        papers = (await client.get(f"/v1/merchants/{part(found['merchant'])}/papers-ending"))[
            "papers"
        ]
        entered = await _entered(request, person, found["merchant"], until)
    except NotYours:
        allowed = False
    values = {
        "found": found, "books": books, "shelves": shelves, "allowed": allowed, "period": period,
        "papers": [one | {"ended": one["valid_until"] < str(until - timedelta(days=1))} for one in papers], "entered": entered,
        "paper_kinds": PAPER_KINDS, "days": DAYS,
        "kinds": MERCHANT_KINDS,
    }  # fmt: skip
    return render(request, "desk/merchant.html", values, person=person)


async def _entered(request: Request, person: Person, merchant: str, until: date) -> Markup:
    """Draws how much a merchant entered on each day."""
    language = request.state.language
    asked = {
        "merchant": merchant,
        "since": str(until - timedelta(days=DAYS)),
        "until": str(until),
        "by": "day",
    }
    page = await person.client.get("/v1/statistics", asked, wait_s=PATIENT_S)
    return standing(volume_bars(page, "day", language), language.word("What was entered"))


async def _stock(person: Person, premises: str) -> list[dict[str, Any]]:
    try:
        page = await person.client.get(f"/v1/premises/{part(premises)}/stock", {"limit": 50})
    except NotRecorded:
        return []
    lines: list[dict[str, Any]] = page["lines"]
    return lines
