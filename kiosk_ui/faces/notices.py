"""Recalls as everybody reads them, and a merchant's public page."""

from typing import Any

from fastapi import APIRouter, Request, Response

from kiosk_ui.client import NotRecorded, client_of, part
from kiosk_ui.page import render
from kiosk_ui.viewmodels.lot import MERCHANT_KINDS, on_shelf
from kiosk_ui.viewmodels.recall import STAGES, TONES, line_words, named_shortly

router = APIRouter()


@router.get("/recalls")
async def listed(request: Request, after: str = "") -> Response:
    """Published recalls, the newest first."""
    page = await client_of(request).get("/v1/notices", {"after": after} if after else {})
    values = {"notices": [_shown(request, one) for one in page["notices"]], "next": page["next"]}
    return render(request, "recalls.html", values | {"stages": STAGES, "tones": TONES})


@router.get("/recalls/{recall}")
async def one(request: Request, recall: str) -> Response:
    """A recall: which goods, why, and what to do."""
    found = await client_of(request).get(f"/v1/notices/{part(recall)}")
    values = {"notice": _shown(request, found), "stages": STAGES, "tones": TONES}
    return render(request, "recall.html", values)


@router.get("/m/{merchant}")
async def merchant(request: Request, merchant: str) -> Response:
    """A merchant of the register: licence, places, and what it took in lately; one code per stall opens it."""
    return await _stall(request, merchant, "")


@router.get("/s/{merchant}/{item:path}")
async def loose(request: Request, merchant: str, item: str) -> Response:
    """Goods without a code at a stall: when they came in."""
    return await _stall(request, merchant, item)


async def _stall(request: Request, merchant: str, item: str) -> Response:
    client = client_of(request)
    found = await client.get(f"/v1/merchants/{part(merchant)}")
    asked = {"product": f"item:{item[:60]}"} if item else {}
    shelf = await client.get(f"/v1/merchants/{part(found['merchant'])}/shelf", asked)
    # Whatever stands in an address is no heading of ours: goods that came in are.
    if item and not shelf["lines"]:
        raise NotRecorded
    language = request.state.language
    values = {
        "found": found, "kinds": MERCHANT_KINDS, "item": item, "days": shelf["days"],
        "lines": [on_shelf(one, found["merchant"], language) for one in shelf["lines"]],
        "position": shelf["position"],
    }  # fmt: skip
    return render(request, "merchant.html", values)


def _shown(request: Request, notice: dict[str, Any]) -> dict[str, Any]:
    language = request.state.language
    words = [
        {"words": line_words(line, language), "product": line["product"]}
        for line in notice["lines"]
    ]
    return notice | {"words": words, "short": named_shortly(notice, language)}
