"""The consumer's pages: attract, search, product and lot."""

import re
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from kiosk_ui.client import Ambiguous, Away, NotRecorded, Unusable, client_of, part
from kiosk_ui.language import Language
from kiosk_ui.page import render
from kiosk_ui.relay import events
from kiosk_ui.svg.journey import journey_line, stages_of
from kiosk_ui.svg.strip import strip_of_tests
from kiosk_ui.viewmodels.lot import (
    MERCHANT_KINDS,
    cards_by_date,
    iso_day,
    lot_view,
    product_title,
    states_month,
)
from kiosk_ui.viewmodels.recall import held_alone, line_words, named_shortly
from kiosk_ui.viewmodels.typed import as_typed, path_typed

router = APIRouter()

QUERY_MAX = 80
TEST_DAYS = 14
# What is left of goods whose recall was closed stays recalled; so long it is said on the way in.
CLOSED_DAYS = 30
RECALLS_SHOWN = 4
# What a shop's own scale prints (GS1 General Specifications, 1.4.2: restricted circulation numbers).
WEIGHED = re.compile(r"2[0-9]{12}")


@router.get("/")
async def attract(request: Request) -> Response:
    """What the kiosk shows untouched: what is recalled now, what it is for, and one big box."""
    stopped, tests = await _stopped(request), await _tested(request)
    page = render(request, "attract.html", {"stopped": stopped, "tests": tests})
    if stopped is None:
        # What is not known is not to be kept: the next one may be told.
        page.headers["cache-control"] = "no-store"
    return page


async def _stopped(request: Request) -> dict[str, Any] | None:
    """Returns the recalls under way and the goods on hold, as the first page says them; None where that is not known."""
    client, language = client_of(request), request.state.language
    try:
        page = await client.get("/v1/notices", {"only_open": True, "limit": RECALLS_SHOWN})
        found = page["notices"]
        if (room := RECALLS_SHOWN - len(found)) > 0:
            # What was closed lately takes no place of one that is under way.
            asked = {"only_open": True, "closed_days": CLOSED_DAYS, "limit": RECALLS_SHOWN}
            late = (await client.get("/v1/notices", asked))["notices"]
            found += [one for one in late if one["stage"] != "published"][:room]
    except Away:
        return None
    return {
        "recalls": [
            one | {"words": named_shortly(one, language), "over": one["stage"] != "published"}
            for one in found
        ],
        "held": [_held(one, language) for one in held_alone(page["held"], found)],
        "held_in_all": page["held_in_all"],
    }  # fmt: skip


def _held(hold: dict[str, Any], language: Language) -> dict[str, Any]:
    """Returns a hold as the first page names it: the first of its goods, each with its page."""
    goods = [
        {"words": line_words(line, language), "path": _goods_path(line)} for line in hold["lines"]
    ]
    return hold | {"goods": goods, "more": hold["lines_in_all"] > len(goods)}


def _goods_path(line: dict[str, Any]) -> str:
    """Returns where goods of a stopped line are shown; nothing where it names no product with a code."""
    if not (line["product"] or "").isdigit():
        return ""
    lot = f"/10/{part(line['lot'])}" if line["lot"] else ""
    return f"/01/{line['product']}{lot}"


async def _tested(request: Request) -> dict[str, Any] | None:
    """Returns how the tests of the last days ended; None where that is not known."""
    try:
        page = await client_of(request).get("/v1/test-days", {"days": TEST_DAYS})
    except Away:
        return None
    days, word = page["days"], request.state.language.word
    passed, failed = (sum(one[how] for one in days) for how in ("passed", "failed"))
    return {
        "days": days, "passed": passed, "all": passed + failed,
        "rate": f"{100 * passed / (passed + failed):.1f}" if passed + failed else None,
        "strip": strip_of_tests(days, word("Tests, day by day"), word("{day}: {passed} passed, {failed} failed")),
    }  # fmt: skip


@router.get("/search")
async def search(request: Request, q: str = "") -> Response:
    """Products by name, number or lot; the only one whose number ends in what was typed opens at once."""
    text = as_typed(q)[:QUERY_MAX]
    if not text:
        return RedirectResponse(_same_language(request, "/"), 303)
    if path := path_typed(text):
        return RedirectResponse(_same_language(request, path), 303)
    answer = await client_of(request).search(text)
    found = answer["products"]
    if len(found) == 1 and text.isdigit() and found[0]["gtin"].endswith(text):
        return RedirectResponse(_same_language(request, f"/01/{found[0]['gtin']}"), 303)
    # A lot that only begins so is another one: it is listed, and not taken for the one on the pack.
    begins = [one for one in found if one["lot"] and one["lot"].casefold() != text.casefold()]
    sure = len(found) == 1 and not answer["similar"] and not begins
    if sure and (path := await _lot_named(request, found[0]["gtin"], found[0]["lot"] or text)):
        return RedirectResponse(_same_language(request, path), 303)
    language = request.state.language
    products = [p | {"title": product_title(p, language), "path": _found_path(p)} for p in found]
    merchants = await client_of(request).get("/v1/merchants", {"q": text[:60], "limit": 10})
    values = {
        "q": text, "products": products, "merchants": merchants["merchants"],
        "more": answer["more"], "similar": answer["similar"], "begins": bool(begins),
        "weighed": not products and WEIGHED.fullmatch(text) is not None,
        "mistyped": not products and text.isdigit() and await _is_mistyped(request, text),
    }  # fmt: skip
    return render(request, "search.html", values | {"kinds": MERCHANT_KINDS})


async def _lot_named(request: Request, gtin: str, text: str) -> str:
    """Returns the page of the lot whose number was typed; nothing where it is none of this product's."""
    try:
        known = (await client_of(request).lot(gtin, text))["lot"]
    except (Ambiguous, NotRecorded, Unusable):
        return ""
    return f"/01/{gtin}/10/{part(text)}" if known["lot"] == text else ""


def _found_path(found: dict[str, Any]) -> str:
    lot = f"/10/{part(found['lot'])}" if found["lot"] else ""
    return f"/01/{found['gtin']}{lot}"


async def _is_mistyped(request: Request, digits: str) -> bool:
    """Tells whether a number is none of any product: its last digit does not fit the others."""
    try:
        await client_of(request).product(digits, {})
    except Unusable:
        return True
    except NotRecorded:
        pass
    return False


@router.get("/01/{gtin}")
async def product(request: Request, gtin: str) -> Response:
    """A product; with a date of the label (AI 11 or 17), the lot known by that date."""
    dates = {}
    for ai, name in (("11", "produced"), ("15", "expires"), ("17", "expires")):
        if (stated := request.query_params.get(ai)) is not None:
            day = iso_day(stated)
            if day is None:
                raise Unusable(request.state.language.word("A date is written as YYMMDD."))
            dates[name] = day
            dates.pop(f"{name}_from", None)
            if states_month(stated):
                # It may be any day of the month: the only lot opens, and of several none is guessed.
                dates[f"{name}_from"] = f"{day[:8]}01"
    client = client_of(request)
    if not dates:
        return _product(request, await client.product(gtin, {}), "Which date is on your pack?")
    try:
        return _lot(request, await client.lot_by_date(gtin, dates))
    except Ambiguous:
        page = await client.product(gtin, dates)
        return _product(request, page, "Which lot is on your pack?", each=True)


def _product(
    request: Request, page: dict[str, Any], question: str, *, each: bool = False
) -> Response:
    language = request.state.language
    title = product_title(page["product"], language)
    values = {
        "page": page,
        # Two holds that say the same are one thing to know.
        "stops": _told_once(page["stops"]),
        "cards": cards_by_date(page["product"]["gtin"], page["lots"], page["today"], each=each), "title": title, "question": language.word(question),
        "tests": [one for one in page["papers"] if one["kind"] == "test" and one["result"]],
    }  # fmt: skip
    return render(request, "product.html", values)


def _told_once(stops: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leaves out a hold that says what another says; each recall has its own lots and words."""
    told = {
        one["stop"] if one["kind"] == "recall" else (one["authority"], one["reason"]): one
        for one in stops
    }
    return list(told.values())


@router.get("/01/{gtin}/10/{lot:path}")
async def lot(request: Request, gtin: str, lot: str) -> Response:
    """A lot by the number on its label: the address a GS1 Digital Link opens."""
    client = client_of(request)
    try:
        return _lot(request, await client.lot(gtin, lot))
    except NotRecorded:
        # Of a product that is known, the lots that are known help whoever mistyped one.
        page = await client.product(gtin, {})
    title = product_title(page["product"], request.state.language)
    values = {"product": page["product"], "title": title, "lot": lot}
    return render(request, "no_such_lot.html", values, status=404)


@router.get("/live/01/{gtin}/10/{lot:path}")
async def live(request: Request, gtin: str, lot: str) -> Response:
    """Relays the API's stream, so that an open page learns of a new entry."""
    path = f"/v1/live/lots/{part(gtin)}/{part(lot)}"
    return StreamingResponse(events(client_of(request), path), media_type="text/event-stream")


def _lot(request: Request, page: dict[str, Any]) -> Response:
    language = request.state.language
    view = lot_view(page, language)
    line = journey_line(view.steps, language.word("{n} more"), language.word("Where it has been"))
    values = {
        "page": page,
        "view": view,
        "title": view.title,
        "journey": line,
        "stages": stages_of(view.steps),
    }
    return render(request, "lot.html", values)


def _same_language(request: Request, path: str) -> str:
    stated = request.query_params.get("lang")
    more = "&" if "?" in path else "?"
    return f"{path}{more}lang={stated}" if stated in ("zh", "en") else path
