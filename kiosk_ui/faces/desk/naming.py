"""What an officer names: merchants and products by name, found in the register or not, and what stops a lot already."""

import re
from typing import Any

from kiosk_ui.client import PATIENT_S, Ambiguous, Away, NotRecorded, Unusable, part
from kiosk_ui.language import Language
from kiosk_ui.signing import Person
from kiosk_ui.viewmodels.lot import product_title

NAMED_SHOWN = 5


async def numbered_merchant(person: Person, name: str, language: Language) -> str:
    """Returns the number of a merchant that is named by name or number. Raises `Unusable` for none, or several."""
    answer = await person.client.get("/v1/merchants", {"q": name[:60], "limit": NAMED_SHOWN})
    known = [(one["merchant"], one["name"]) for one in answer["merchants"]]
    return next((number for number, _ in known if number == name), "") or _only(
        known, name, language
    )


async def merchant_name(person: Person, merchant: str | None) -> str:
    """Returns what a merchant is called, with its number; the number alone where it is in no register."""
    if not merchant:
        return ""
    try:
        found = await person.client.get(f"/v1/merchants/{part(merchant)}")
    except NotRecorded:
        return merchant
    return f"{found['name']} ({merchant})"


async def product_name(person: Person, gtin: str, language: Language) -> str:
    """Returns what a product is called; its number where it is in no register."""
    try:
        return product_title((await person.client.product(gtin, {}))["product"], language)
    except (NotRecorded, Unusable):
        return gtin


async def numbered_product(person: Person, name: str, language: Language) -> str:
    """Returns the number of a product that is named by name or number. Raises `Unusable` for none, or several."""
    if re.fullmatch(r"[0-9]{8,14}", name):
        return name
    found = (await person.client.search(name))["products"]
    return _only([(one["gtin"], product_title(one, language)) for one in found], name, language)


def _only(known: list[tuple[str, str]], name: str, language: Language) -> str:
    """Returns the one that is called just so: a part of a name, or another spelling, may be somebody else's."""
    plain = "".join(name.split())
    exact = [number for number, title in known if "".join(title.split()) == plain]
    if len(exact) == 1:
        return exact[0]
    if not known:
        raise Unusable(language.word("Nothing here is called {name}").format(name=name))
    several = "; ".join(f"{title} {number}" for number, title in known[:NAMED_SHOWN])
    told = language.word(
        "{name} is not clear: write the whole name or the number, such as {several}"
    )
    raise Unusable(told.format(name=name, several=several))


async def stops_of(person: Person, product: str, lot: str) -> list[dict[str, Any]] | None:
    """Returns what stops the lot now; nothing where it has no page, None where that is not known."""
    try:
        path = f"/v1/lots/{part(product)}/{part(lot)}"
        stops: list[dict[str, Any]] = (await person.client.get(path, wait_s=PATIENT_S))["stops"]
    except (Ambiguous, NotRecorded, Unusable):
        return []
    except Away:
        return None
    return stops
