"""The trace desk: one question, its flow as a picture, its holders as a table, as known at any time."""

import asyncio
import time
from decimal import Decimal
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from kiosk_ui.client import PATIENT_S
from kiosk_ui.faces.desk.naming import product_name, stops_of
from kiosk_ui.page import render
from kiosk_ui.saying import market_time
from kiosk_ui.signing import Person, needs
from kiosk_ui.svg.flow import flow_picture
from kiosk_ui.viewmodels.notes import gap_note

router = APIRouter()

Officer = Annotated[Person, needs("inspector", "regulator", "auditor")]
HOLDERS_SHOWN = 200
# A picture of more than this cannot be read; the table holds everybody, and can be searched.
EDGES_DRAWN_MAX = 20_000


class Then(NamedTuple):
    """What a question of an earlier moment names: when it was true, and by which position or hour it was known."""

    at: str = ""
    as_of: int | None = None
    known: str = ""


def then_asked(
    at: Annotated[str, Query(max_length=30)] = "",
    as_of: Annotated[int | None, Query(ge=0)] = None,
    known: Annotated[str, Query(max_length=30)] = "",
) -> Then:
    """Reads the moment of a question; an hour that is told goes before a position."""
    return Then(at, as_of, known)


@router.get("/trace")
async def trace(
    request: Request,
    person: Officer,
    then: Annotated[Then, Depends(then_asked)],
    product: Annotated[str, Query(max_length=80)] = "",
    lot: Annotated[str, Query(max_length=80)] = "",
    after: Annotated[int, Query(ge=0)] = 0,
    find: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """Where a lot came from, what became of it, and who has or had it."""
    if not (product and lot):
        found = await person.client.search(find) if find.strip() else {"products": []}
        values = {"find": find, "lots": []} | found
        if product:
            shown = await person.client.product(product, {})
            values |= {"lots": shown["lots"], "named": shown["product"]}
            values["product"] = product
        return render(request, "desk/trace_ask.html", {"product": "", **values}, person=person)
    at, as_of = then.at, then.as_of
    if then.known:
        as_of = await _position_at(person, market_time(then.known))
    asked: dict[str, Any] = {"product": product, "lot": lot}
    if as_of is not None:
        asked["as_of"] = as_of
    if at:
        asked["at"] = market_time(at)
    begun = time.monotonic()
    page, flow, stops, health = await asyncio.gather(
        person.client.get(
            "/v1/trace", asked | {"after": after, "limit": HOLDERS_SHOWN, "find": find},
            wait_s=PATIENT_S,
        ),
        person.client.get("/v1/trace/flow", asked, wait_s=PATIENT_S), stops_of(person, product, lot),
        person.client.get("/v1/health"),
    )  # fmt: skip
    took_s = time.monotonic() - begun
    told = {"product": product, "lot": lot, "at": at, "as_of": "" if as_of is None else as_of}
    if product not in flow["product_names"] and product.isdigit():
        # Of a moment when nobody had it, the trace names nothing.
        flow["product_names"][product] = await product_name(person, product, request.state.language)
    values = _values(request, page, flow) | {"received": await _received(person, page["position"])}
    about = {
        "stops": stops, "head": health["trade"], "asked_as": urlencode(asked), "product": product, "lot": lot, "at_value": at, "at_instant": asked.get("at"), "as_of": as_of, "find": find,
        "took_ms": round(took_s * 1000), "same": urlencode({k: v for k, v in told.items() if v != ""}),
    }  # fmt: skip
    return render(request, "desk/trace.html", values | about, person=person)


async def _position_at(person: Person, instant: str) -> int | None:
    """Returns the last position that the record had at an instant; None where it has not gone on since."""
    then = await person.client.get("/v1/positions", {"at": instant})
    now = await person.client.get("/v1/positions")
    return None if then["position"] == now["position"] else int(then["position"])


async def _received(person: Person, position: int) -> str | None:
    """Returns when an entry came into the record; nothing of the beginning, before the first one."""
    found = await person.client.get("/v1/positions", {"position": position})
    return str(found["received"]) if found["received"] else None


def _values(request: Request, page: dict[str, Any], flow: dict[str, Any]) -> dict[str, Any]:
    language = request.state.language
    for one in page["holders"]:
        one["came"] = str(_had(one)) if one["told"] is None else one["told"]
        one["short"] = does_not_add_up(one)
    how = [node["how"] for node in flow["nodes"]]
    picture = ""
    if len(flow["edges"]) <= EDGES_DRAWN_MAX:
        title = language.word("Who gave to whom")
        picture = flow_picture(flow, language, lambda who: f"/desk/merchants/{who}", title)
    return {
        "page": page, "flow": flow, "picture": picture,
        "called": {node["merchant"]: node["name"] for node in flow["nodes"] if node["name"]},
        "goods": flow["product_names"] | {
            one["product"]: one["product_name"] for one in page["holders"] if one["product_name"]
        },
        "gap_words": lambda note: gap_note(note, language),
        "certain": how.count("certain"), "possible": how.count("possible"),
        "behind": how.count("behind"), "loose": any(map(does_not_add_up, page["holders"])),
    }  # fmt: skip


def _had(holder: dict[str, Any]) -> Decimal:
    """Returns how much came to a holder: by its entries, or more, where a count found it."""
    came = Decimal(holder["taken_in"]) + Decimal(holder["made"])
    return max(came, Decimal(holder["at_least"] or 0) + _went(holder))


def _went(holder: dict[str, Any]) -> Decimal:
    names = ("sold", "sent_back", "used", "disposed")
    return sum((Decimal(holder[name]) for name in names), Decimal())


def does_not_add_up(holder: dict[str, Any]) -> bool:
    """Tells whether less is left of a lot than its own entries leave: sales without a lot took from it."""
    if holder["told"] is not None or holder["at_most"] is None:
        return False
    came = Decimal(holder["taken_in"]) + Decimal(holder["made"])
    return Decimal(holder["at_most"]) < came - _went(holder)
