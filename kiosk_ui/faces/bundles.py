"""The bundle of article 136: a merchant takes its own records of some lots along, with papers and proofs."""

from collections.abc import Mapping
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from starlette.background import BackgroundTask

from kiosk_ui.client import Asking, part, raise_for, reached
from kiosk_ui.language import Language
from kiosk_ui.page import render
from kiosk_ui.signing import Person, needs
from kiosk_ui.viewmodels.recall import lot_named

router = APIRouter(prefix="/station/bundle")

Trader = Annotated[Person, needs("merchant", "headquarters")]
# As many as one bundle takes.
LOTS_SHOWN, FIELDS_MAX = 100, 400
# It waits until the log covers the last of its entries, and holds every picture.
MADE_S = 60.0


@router.get("")
async def choose(  # one parameter for each part of a lot's name
    request: Request,
    person: Trader,
    m: Annotated[str, Query(max_length=40)] = "",
    after: str = "",
    product: Annotated[str, Query(max_length=80)] = "",
    lot: Annotated[str, Query(max_length=120)] = "",
    nothing: bool = False,
) -> Response:
    """The merchant's lots, to choose from; the one that a list named is chosen already."""
    merchant = person.merchant_named(m)
    asked: dict[str, Any] = {"limit": LOTS_SHOWN} | ({"after": after} if after else {})
    page = await person.client.get(f"/v1/merchants/{part(merchant)}/retention", asked)
    shown = [_shown(one, request.state.language) for one in page["lots"]]
    if (
        product
        and "lot" in request.query_params
        and not any((product, lot) == (o["product"], o["lot"]) for o in shown)
    ):
        one = {"product": product, "lot": lot, "name_zh": None, "entries": None}
        shown.insert(0, _shown(one, request.state.language))
    shown.sort(key=lambda one: (one["product"], one["lot"]) != (product, lot))
    values = {
        "lots": shown, "chosen": (product, lot), "next": page["next"], "merchant": merchant,
        "merchants": person.merchants(), "nothing": nothing,
    }  # fmt: skip
    return render(request, "station/bundle.html", values, person=person)


@router.post("")
async def make(request: Request, person: Trader) -> Response:
    """Makes the bundle and gives it to be saved."""
    filled = {
        name: str(value) for name, value in (await request.form(max_fields=FIELDS_MAX)).items()
    }
    merchant, lots = person.merchant_named(filled.get("m", "")), _taken(filled)
    if not lots:
        return RedirectResponse(f"/station/bundle?m={part(merchant)}&nothing=1", 303)
    answer = await _made(person.client, {"merchant": merchant, "lots": lots})
    if answer.status_code != httpx.codes.OK:
        await answer.aread()
        await answer.aclose()
    raise_for(answer)
    headers = {
        "content-disposition": f'attachment; filename="bundle-{merchant}.zip"',
        "cache-control": "no-store",
    }
    # As it comes: pictures of a hundred lots are more than this process may hold.
    return StreamingResponse(
        answer.aiter_raw(), media_type="application/zip", headers=headers,
        background=BackgroundTask(answer.aclose),
    )  # fmt: skip


async def _made(client: Asking, wanted: Mapping[str, Any]) -> httpx.Response:
    intake = client.services.intake
    asked = intake.build_request(
        "POST", "/intake/bundles", json=wanted, headers=client.headers, timeout=MADE_S
    )
    return await reached(intake.send(asked, stream=True))


def _taken(filled: Mapping[str, str]) -> list[list[str]]:
    numbers = [name.removeprefix("take-") for name in filled if name.startswith("take-")]
    lots = [[filled.get(f"product-{n}", ""), filled.get(f"lot-{n}", "")] for n in numbers]
    # Without a lot are goods of which nobody said one: they are records, too.
    return [lot for lot in lots if lot[0]]


def _shown(line: dict[str, Any], language: Language) -> dict[str, Any]:
    name = line["name_zh"] or line["product"].removeprefix("item:")
    return line | {"title": name, "named": lot_named(line["lot"], language)}
