"""Changes of a recall under way: more goods are recalled at once, fewer as two officers say."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field, StringConstraints

from kiosk_ui.client import PATIENT_S, Unusable, part
from kiosk_ui.faces.desk.recalls import LINES_MAX, Regulator
from kiosk_ui.saying import FilledIn, Name, Second, Words, say
from kiosk_ui.signing import Person
from kiosk_ui.viewmodels.recall import as_asked, line_text

router = APIRouter(prefix="/recalls/{recall}")

# So many lots one question of a trace takes.
LOTS_MAX = 50


class WidenForm(FilledIn):
    """Of which lot more is recalled; of none, what a trace reaches beyond the recall."""

    product: Annotated[str, Field(max_length=60)] = ""
    lot: Annotated[str, Field(max_length=60)] = ""
    reason: Words


class NarrowForm(FilledIn):
    """Which lines are recalled no longer, and the second officer who says so too."""

    lines: Annotated[list[str], Field(max_length=100, default_factory=list)]
    reason: Words
    second: Name
    password: Annotated[str, StringConstraints(max_length=1024, strip_whitespace=False)]
    code: str = ""


@router.post("/widen")
async def widen(
    request: Request, person: Regulator, recall: str, form: Annotated[WidenForm, Form()]
) -> Response:
    """Recalls more: a lot and what it became, or what a trace reaches by now."""
    language = request.state.language
    found = await person.client.get(f"/v1/recalls/{part(recall)}", wait_s=PATIENT_S)
    named = bool(form.product), bool(form.lot)
    lots = [(form.product, form.lot)] if all(named) else _beyond(found)
    # Half a name is nobody's wish to recall something else.
    if not lots or (any(named) and not all(named)):
        raise Unusable(language.word("Name the product and the lot that are recalled, too."))
    known = [as_asked(line) for line in found["lines"]]
    goods = [line for line in await _traced(person, lots) if line not in known][:LINES_MAX]
    if not goods:
        raise Unusable(language.word("This recall names all of it already."))
    entry = {
        "type": "recall-widened.v1", "recall": recall, "goods": goods, "reason": form.reason,
        "by": person.account,
    }  # fmt: skip
    asks = [{"type": "widen-recall", "entry": entry}]
    return await say(request, person, asks, f"/desk/recalls/{part(recall)}", key=form.key)


@router.post("/narrow")
async def narrow(
    request: Request, person: Regulator, recall: str, form: Annotated[NarrowForm, Form()]
) -> Response:
    """Recalls some lines no longer."""
    language = request.state.language
    if not form.lines:
        raise Unusable(language.word("Choose the lines that are not meant any more."))
    found = await person.client.get(f"/v1/recalls/{part(recall)}", wait_s=PATIENT_S)
    named = {line_text(line): as_asked(line) for line in found["lines"]}
    if not named.keys() >= set(form.lines):
        raise Unusable(
            language.word("This recall does not name these lines now: look at it once more.")
        )
    goods = [named[text] for text in form.lines]
    entry = {
        "type": "recall-narrowed.v1", "recall": recall, "goods": goods, "reason": form.reason,
        "by": person.account, "checked_by": form.second,
    }  # fmt: skip
    asks = [{"type": "narrow-recall", "entry": entry}]
    return await say(
        request, person, asks, f"/desk/recalls/{part(recall)}", key=form.key,
        second=Second(form.second, form.password, form.code),
    )  # fmt: skip


def _beyond(found: dict[str, Any]) -> list[tuple[str, str]]:
    pairs = [re.fullmatch(r"(.+?) ([LDER]:.*)", text) for text in found["beyond"][:LOTS_MAX]]
    return [(pair[1], pair[2]) for pair in pairs if pair]


async def _traced(person: Person, lots: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Returns the lines that name some lots and all that they certainly became."""
    asked = {
        "product": [product.zfill(14) if product.isdigit() else product for product, _ in lots],
        "lot": [lot for _, lot in lots],
    }
    proposal = await person.client.get("/v1/recall-proposal", asked, wait_s=PATIENT_S)
    return [as_asked(line) for line in proposal["lines"]]
