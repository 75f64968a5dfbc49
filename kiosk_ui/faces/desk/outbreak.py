"""Outbreaks at the desk: what several suspect lots and stalls have in common behind them, scored with its reasons."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from kiosk_ui.client import PATIENT_S, NotRecorded, Unusable
from kiosk_ui.faces.desk.naming import numbered_merchant, numbered_product
from kiosk_ui.language import Language
from kiosk_ui.page import render
from kiosk_ui.signing import Person, needs
from kiosk_ui.viewmodels.recall import lot_named

router = APIRouter()

Officer = Annotated[Person, needs("inspector", "regulator", "auditor")]
SUSPECTS_MAX = 100


@router.get("/outbreak")
async def outbreak(
    request: Request,
    person: Officer,
    suspects: Annotated[str, Query(max_length=6000)] = "",
    since: str = "",
    until: str = "",
    places: bool = False,
) -> Response:
    """Asks what the suspects have in common; a line names a lot with its product, or a merchant."""
    values: dict[str, Any] = {
        "suspects": suspects, "since": since, "until": until, "places": places, "found": None,
        "unknown": False,
    }  # fmt: skip
    named = [line.strip() for line in suspects.splitlines() if line.strip()]
    if named:
        _check_count(named)
        numbered = [await _numbered(person, line, request.state.language) for line in named]
        asked = _asked(numbered) | {"places": str(places).lower()}
        asked |= {name: day for name, day in (("since", since), ("until", until)) if day}
        try:
            found = await person.client.get("/v1/outbreak", asked, wait_s=PATIENT_S)
        except NotRecorded:
            values["unknown"] = True
            return render(request, "desk/outbreak.html", values, person=person)
        language = request.state.language
        lines = [_shown(one, language) for one in found["sources"]]
        values |= {"found": found, "lines": lines, "of": len(found["suspects"])}
    return render(request, "desk/outbreak.html", values, person=person)


def _check_count(named: list[str]) -> None:
    """Raises `Unusable` for one suspect, or more than anybody suspects: before each is looked up."""
    if not 1 < len(named) <= SUSPECTS_MAX:
        raise Unusable("name 2 to {n} lots or merchants, a line each", n=SUSPECTS_MAX)


async def _numbered(person: Person, line: str, language: Language) -> str:
    """Returns a suspect by its number, where it was named by a name."""
    name, stroke, lot = line.partition("/")
    if re.fullmatch(r"[!-~]+", name):
        return line
    numbered = numbered_product if stroke else numbered_merchant
    return f"{await numbered(person, name, language)}{stroke}{lot}"


def _asked(named: list[str]) -> dict[str, list[str]]:
    """Reads suspects: with a stroke a product and its lot, else a merchant. Raises `Unusable`."""
    pairs = [line.partition("/") for line in named]
    if any(stroke and not (product and lot) for product, stroke, lot in pairs):
        raise Unusable("a lot is written with its product before it: 06901234567892/A-24")
    lots = [(product.strip(), lot.strip()) for product, stroke, lot in pairs if stroke]
    return {
        "product": [product for product, _ in lots], "lot": [lot for _, lot in lots],
        "stall": [one for one, stroke, _ in pairs if not stroke],
    }  # fmt: skip


def _shown(source: dict[str, Any], language: Language) -> dict[str, Any]:
    ways = list(source["suspects"].values())
    return source | {
        "certain": ways.count("certain"), "possible": ways.count("possible"),
        "named": lot_named(source["lot"], language) if source["lot"] is not None else "",
    }  # fmt: skip
