"""The merchant's station without a scanner: what waits today, the ledgers, who looked at the books."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from kiosk_ui.client import PATIENT_S, Unusable, Whole, part, whole
from kiosk_ui.language import Language
from kiosk_ui.page import render
from kiosk_ui.saying import KEY, ledger_day, say
from kiosk_ui.signing import Person, needs
from kiosk_ui.viewmodels.recall import ANSWER_ROWS, FATES, lot_named, task_shown

router = APIRouter(prefix="/station")

Trader = Annotated[Person, needs("merchant", "headquarters")]
DayAsked = Annotated[date | None, Query(ge=date(2000, 1, 1), le=date(2100, 12, 31))]
LEDGERS = {
    "purchases": "Purchases", "produce": "Farm produce", "sales": "Wholesale sales", "materials": "Raw materials",
    "release": "Release of goods", "imports": "Imports", "clearings": "Disposal and returns",
}  # fmt: skip
LedgerName = Literal[
    "purchases", "produce", "sales", "materials", "release", "imports", "clearings"
]
# What the scan page mends of a line that it made, by the field that is lacking.
MENDS = {"produced": "date", "lot": "date", "party_name": "party"}
# What a merchant itself does about an alert, where the register's words speak to its market.
OWN_WORDS = {
    "expired-in-stock": "Take it off the shelf, destroy it and record that.",
    "shelf-check": "Look at the shelf: is it still there? Count this lot.",
    "near-expiry": "Sell it first, or take it off before its last day.",
    "sold-after-expiry": "Tell who bought it; if a date was wrong, correct it.",
    "one-sided": "Enter this trade if it was yours, or ask the other side to correct theirs.",
    "test-failed": "Stop selling it and set it aside; the office says what is next.",
    "sold-beyond-paper": "Count what is there, and enter the purchase that is missing.",
    "sold-while-stopped": "Set aside what is left, and tell who bought it.",
    "correction-refused": "Correct your own entries only; the office corrects others'.",
    "no-mandate": "A device reports for you without a mandate: grant it one, or revoke the device.",
}  # fmt: skip
# What ends first has to be known of all of it before the first are shown.
STOCK_MAX, STOCK_SHOWN = 5000, 200
LOOKS_SHOWN = 8
# Seven fields to each row of an answer, and a few besides.
FIELDS_MAX = 7 * ANSWER_ROWS + 20
# What an answer on record holds.
ANSWER_LINES = 200


@router.get("")
async def today(
    request: Request, person: Trader, m: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """Recall tasks with their clocks, goods near or past their end, alerts, who looked."""
    merchant = person.merchant_named(m)
    client = person.client
    found = await client.get(f"/v1/merchants/{part(merchant)}")
    shelves = [
        (
            place,
            await whole(
                client, f"/v1/premises/{part(place['premises'])}/stock", "lines", STOCK_MAX
            ),
        )
        for place in found["premises"]
    ]
    tasks = await client.get(f"/v1/merchants/{part(merchant)}/recall-tasks")
    groups = await client.get("/v1/alert-groups", {"silenced": False, "limit": 10})
    looks = await client.get(f"/v1/merchants/{part(merchant)}/access-log", {"limit": LOOKS_SHOWN})
    now = await ledger_day(person)
    language = request.state.language
    values = {
        "found": found, "merchants": person.merchants(), "merchant": merchant, "looks": looks["looks"],
        "shelves": [
            {
                "place": place, "lines": (due := _due(stock.lines, now, language))[:STOCK_SHOWN],
                "more": max(0, len(due) - STOCK_SHOWN), "cut": stock.more,
                "every_item": stock.first["mode"] == "every-item",
            }
            for place, stock in shelves
        ],
        "tasks": [
            task_shown(task, language) for task in tasks["tasks"]
        ],
        "groups": [one | _own(one, language) | {"there": _there(one, merchant, shelves)} for one in groups["groups"]], "position": groups["position"], "fates": FATES,
    }  # fmt: skip
    return render(request, "station/today.html", values, person=person)


class LinesAsked(NamedTuple):
    """Which lines of a ledger are asked for: behind a page, those that lack a field, those that say a text."""

    after: str
    lacking: str
    find: str


def lines_asked(
    after: str = "",
    lacking: Annotated[str, Query(max_length=20)] = "",
    find: Annotated[str, Query(max_length=60)] = "",
) -> LinesAsked:
    """Reads it from the address."""
    return LinesAsked(after, lacking, find)


@router.get("/ledgers")
async def ledgers(
    request: Request,
    person: Trader,
    m: Annotated[str, Query(max_length=40)] = "",
    name: LedgerName = "purchases",
    since: DayAsked = None,
    until: DayAsked = None,
    *,
    which: Annotated[LinesAsked, Depends(lines_asked)],
) -> Response:
    """A ledger that the law asks for, line by line, with what it lacks and how to mend it."""
    merchant = person.merchant_named(m)
    until = until or await ledger_day(person) + timedelta(days=1)
    since = since or until - timedelta(days=31)
    period = {"since": str(since), "until": str(until)}
    path = f"/v1/merchants/{part(merchant)}/ledgers/{name}"
    more = {key: text for key, text in which._asdict().items() if text}
    page = await person.client.get(path, period | more | {"latest_first": True}, wait_s=PATIENT_S)
    lacking_of = await person.client.get(f"{path}/completeness", period, wait_s=PATIENT_S)
    values = {
        "page": page, "lacking": lacking_of, "merchants": person.merchants(), "merchant": merchant,
        "name": name, "names": LEDGERS, "period": period, "path": path, "find": which.find,
        "only": next((one for one in lacking_of["fields"] if one["key"] == which.lacking), None), "mends": MENDS,
    }  # fmt: skip
    return render(request, "station/ledgers.html", values, person=person)


@router.post("/recalls/{recall}")
async def recall_task(
    request: Request, person: Trader, recall: Annotated[str, Path(max_length=40)]
) -> Response:
    """Says that a recall was read, or what was found of its goods and became of them."""
    filled = {
        name: str(value) for name, value in (await request.form(max_fields=FIELDS_MAX)).items()
    }
    key = filled.get("key", "")
    if re.fullmatch(KEY, key) is None:
        raise Unusable("this form is not one of ours: open the page anew")
    merchant = person.merchant_named(filled.get("m", ""))
    entry: dict[str, Any] = {"recall": recall, "merchant": merchant, "by": person.account}
    if note := "".join(filter(str.isprintable, filled.get("note", "")))[:400].strip():
        entry["note"] = note
    if filled.get("act") == "answer":
        lines = _answer(filled)
        if len(lines) > ANSWER_LINES:
            raise Unusable(
                "An answer names {n} lots at most: fill in fewer, and say the rest in the remark.",
                n=ANSWER_LINES,
            )
        entry |= {"type": "recall-answered.v1", "lines": lines}
        asked = {"type": "answer-recall", "entry": entry}
    elif filled.get("act") != "acknowledge":
        raise Unusable("this form is not one of ours: open the page anew")
    else:
        asked = {"type": "acknowledge-recall", "entry": entry | {"type": "recall-acknowledged.v1"}}
    return await say(request, person, [asked], f"/station?m={part(merchant)}", key=key)


def _answer(filled: Mapping[str, str]) -> list[dict[str, Any]]:
    """Returns the lines of an answer: those of which anything was found or became something."""
    lines: list[dict[str, Any]] = []
    for name, product in filled.items():
        if not name.startswith("product-"):
            continue
        number = name.removeprefix("product-")
        amounts = {fate: _amount(filled.get(f"{fate}-{number}", "")) for fate in FATES}
        said = {fate: str(amount) for fate, amount in amounts.items() if amount}
        if not said:
            continue
        line = {"product": product, "unit": filled.get(f"unit-{number}", "piece")}
        if lot := filled.get(f"lot-{number}", ""):
            line["lot"] = lot
        lines.append(line | said)
    return lines


def _amount(text: str) -> Decimal:
    if not text.strip():
        return Decimal()
    try:
        amount = Decimal(text.strip())
        if not amount.is_finite():
            raise InvalidOperation
        return amount
    except InvalidOperation as error:
        raise Unusable(
            "an amount is a number such as 12 or 3.5, not {text}", text=text[:20]
        ) from error


def _own(group: dict[str, Any], language: Language) -> dict[str, Any]:
    """Returns what a merchant is told of a group of its alerts: of which goods, and what it does."""
    general = group["todo_zh"] if language.code == "zh" else group["todo_en"]
    own = [language.word(OWN_WORDS[kind]) for kind in group["kinds"] if kind in OWN_WORDS]
    # What is to be done about one of them must not hide what is to be done about another.
    todo = " ".join(own) if len(own) == len(group["kinds"]) else general
    lot = group["lot"]
    return {"todo": todo, "named": lot_named(lot, language) if lot else ""}


def _there(
    group: dict[str, Any], merchant: str, shelves: list[tuple[dict[str, Any], Whole]]
) -> str:
    """Returns where a merchant does something about a group of its alerts; nothing where that is no page."""
    kinds, goods = set(group["kinds"]), (group["product"], group["lot"])
    if "expired-in-stock" in kinds and all(goods):
        held = [
            line
            for place, stock in shelves
            for line in stock.lines
            if (line["product"], line["lot"]) == goods
            and group["premises"] in (None, place["premises"])
        ]
        if held:
            about = {
                "do": "dispose", "product": goods[0], "lot": goods[1],
                "amount": held[0]["at_most"], "unit": held[0]["unit"],
            }  # fmt: skip
            return f"/station/scan#{urlencode(about)}"
    if kinds & {"shelf-check", "sold-beyond-paper", "oversold"}:
        return "/station/scan#mode=count"
    if kinds & {"paper-missing", "paper-expired"}:
        # A paper closes this where it speaks of these goods and is good for the day they came.
        lot = goods[1] or ""
        about = {"gtin": goods[0] or "", "lot": lot[2:] if lot.startswith("L:") else ""}
        return f"/station/scan#papers&{urlencode(about)}"
    if kinds & {"one-sided", "sold-after-expiry"}:
        name = "sales" if "sold-after-expiry" in kinds else "purchases"
        return f"/station/ledgers?m={part(merchant)}&name={name}"
    if all(goods):
        return f"/station/bundle?{urlencode({'m': merchant, 'product': goods[0], 'lot': goods[1]})}"
    return ""


def _due(lines: list[dict[str, Any]], now: date, language: Language) -> list[dict[str, Any]]:
    """Returns stock with its days left, what ends first on top; what says no day comes last."""
    shown = []
    there = {
        (line["product"], line["unit"]) for line in lines
        if line["lot"].startswith(("L:", "R:")) and line["at_most"] != "0"
    }  # fmt: skip
    for line in lines:
        # What left without its lot, while lots are there: it is what makes their amounts uncertain.
        by_no_lot = line["amount"].startswith("-") and not line["lot"].startswith(("L:", "R:"))
        if by_no_lot and (line["product"], line["unit"]) in there and not line["stopped"]:
            continue
        # All gone, and nothing to be said of it: no line of a shelf. What was oversold is less than none.
        if line["amount"] == line["at_least"] == line["at_most"] == "0" and not line["stopped"]:
            continue
        left = (date.fromisoformat(line["expires"]) - now).days if line["expires"] else None
        percent = None if left is None else max(2, min(100, left * 100 // 60))
        shown.append(
            line
            | {
                "left": left,
                "beyond": line["amount"].removeprefix("-")
                if line["amount"].startswith("-")
                else "",
                "percent": percent,
                "named": lot_named(line["lot"], language),
                "uncertain": line["at_least"] != line["at_most"],
            }
        )
    return sorted(shown, key=lambda line: (line["left"] is None, line["left"] or 0))
