"""What the lot page says: a verdict in words with its reasons, and never that food is safe."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from kiosk_ui.language import Language

# A label's own dates come as YYMMDD in a GS1 Digital Link (GS1 General Specifications, 3.4).
GS1_DATE_DIGITS = 6


class DaysLeft(NamedTuple):
    """How much of a lot's life is left, as words and as a share of a hundred."""

    words: str
    percent: int
    tone: str


class LotView(NamedTuple):
    """Everything the lot page shows beyond what the API said."""

    title: str
    verdict: str
    tone: str
    reasons: list[str]
    advice: str
    days_left: DaysLeft | None
    steps: list[dict[str, Any]]
    papers: list[dict[str, Any]]
    notices: list[str]


KINDS = {
    "goods-received": "took delivery",
    "goods-sold": "sold",
    "day-sales": "sold",
    "goods-returned": "returned",
    "goods-disposed": "disposed of",
    "goods-used": "used up",
    "stock-counted": "counted",
    "used-in": "used in making other goods",
    "made": "made here",
}
MERCHANT_KINDS = {
    "producer": "producer",
    "processor": "processor",
    "wholesaler": "wholesaler",
    "retailer": "stall",
    "canteen": "canteen",
    "importer": "importer",
}
PAPER_KINDS = {
    "test": "Test report",
    "licence": "Licence",
    "permit": "Permit",
    "release": "Release certificate",
    "quarantine": "Quarantine certificate",
    "meat-inspection": "Meat inspection certificate",
    "origin": "Certificate of origin",
}


# By the verdict, what a shopper does about it; a recall's notice says it itself.
ADVICE = {
    "Sale stopped for now": "Do not buy it. If you have it, keep it closed and apart until it is clear.",
    "A test failed": "Do not buy or eat it. If you have it, keep the pack, and ask the stall or call 12315.",
    "Past its last good day": "It may not be sold any more. If it still lies on a shelf, tell the stall or call 12315.",
    "Made from what is stopped: ask before you buy or eat it": "Show this page at the stall, and compare the lot on your pack.",
    "May be recalled or held: ask before you buy": "Show this page at the stall, and compare the lot on your pack.",
    "Recorded, with open questions": "Go by the date and the lot on the pack, and ask the stall for its purchase record if in doubt.",
}


class _Standing(NamedTuple):
    """What of a lot's page decides what is said of it."""

    page: dict[str, Any]
    days_left: DaysLeft | None
    failed: bool
    stops: list[dict[str, Any]]
    possible: dict[str, Any] | None
    parts: list[dict[str, Any]]


def lot_view(page: dict[str, Any], language: Language) -> LotView:
    """Works out what is said about a lot."""
    word = language.word
    it = _Standing(
        page,
        _days_left(page, language),
        any(p["kind"] == "test" and p["result"] == "failed" for p in page["papers"]),
        [stop for stop in page["stops"] if stop["how"] == "stopped"],
        next((stop for stop in page["stops"] if stop["how"] == "possible"), None),
        [one for one in page["made_from"] if one["stopped"] in ("recalled", "held")],
    )
    verdict, tone = _verdict(it)
    advice = ADVICE.get(verdict, "")
    return LotView(
        product_title(page["product"], language), word(verdict), tone, _reasons(it, language),
        word(advice) if advice else "",
        # A fresh bar beside "do not eat it" would say two things at once.
        None if it.stops or it.failed or it.parts else it.days_left,
        [_step(step, language) for step in page["steps"]],
        [p | {"name": word(PAPER_KINDS.get(p["kind"], "Certificate"))} for p in page["papers"]],
        [stop["notice"] for stop in it.stops if stop["notice"]],
    )  # fmt: skip


def _verdict(it: _Standing) -> tuple[str, str]:
    """Returns the gravest of what is known, as words of the catalogue and a tone."""
    if any(stop["kind"] == "recall" for stop in it.stops):
        return "Recalled: do not eat it", "bad"
    if it.failed:
        return "A test failed", "bad"
    # What is past its end does not become good when a hold on it ends.
    if it.days_left is not None and it.days_left.tone == "past":
        return "Past its last good day", "bad"
    if it.stops:
        return "Sale stopped for now", "bad"
    if it.parts:
        return "Made from what is stopped: ask before you buy or eat it", "bad"
    if it.possible:
        return "May be recalled or held: ask before you buy", "warn"
    if it.page["disputed"] or it.page["gaps"]:
        return "Recorded, with open questions", "warn"
    return "Recorded", "good"


def _reasons(it: _Standing, language: Language) -> list[str]:
    """Returns why, what stops the lot first."""
    word, places = language.word, len(it.page["steps"])
    recorded = "Recorded at one place." if places == 1 else "Recorded at {n} places."
    reasons = [*_stopping(it, language), *_doubts(it, language), word(recorded).format(n=places)]
    if it.days_left is not None:
        reasons.append(it.days_left.words)
    else:
        reasons.append(word("No last good day is recorded."))
    tests = [
        p for p in it.page["papers"]
        if p["kind"] == "test" and p["result"] == "passed" and p["of_lot"]
    ]  # fmt: skip
    if it.failed:
        reasons.append(word("A test report says: failed."))
    elif tests:
        reasons.append(word("Test reports on record: {n}, all passed.").format(n=len(tests)))
        if it.stops:
            reasons.append(word("A recall may rest on a test that is not filed here."))
    else:
        reasons.append(word("No test report of this lot is recorded."))
    if not it.stops and not it.possible:
        reasons.append(word("No open recall or hold of this lot is recorded."))
    return reasons


def _doubts(it: _Standing, language: Language) -> list[str]:
    """Returns what is open about the lot."""
    word, found = language.word, []
    if it.page["disputed"]:
        found.append(word("The dates stated for this lot disagree; the earlier one counts here."))
    if it.page["gaps"]:
        found.append(
            word(
                "A scanner that handled this lot lost some of its entries: places may be missing here."
            )
        )
    return found


def _stopping(it: _Standing, language: Language) -> list[str]:
    """Returns who stops the lot and why, or may, or stops what it was made from."""
    word = language.word
    if it.stops:
        recalled = it.stops[0]["kind"] == "recall"
        told = word("Recalled by {who}: {why}" if recalled else "Stopped by {who}: {why}")
        return [told.format(who=it.stops[0]["authority"], why=it.stops[0]["reason"])]
    found = []
    if it.parts:
        told = word("It was made from what is recalled or on hold: {what}")
        found.append(told.format(what=_part_name(it.parts[0], language)))
    if it.possible:
        told = word("May be meant by a recall or hold of {who}: {why}")
        found.append(told.format(who=it.possible["authority"], why=it.possible["reason"]))
    return found


def _part_name(part: dict[str, Any], language: Language) -> str:
    named = part["product_name_en"] if language.code == "en" else None
    number = part["lot"].partition(":")[2]
    return f"{named or part['product_name']} {number}".strip()


def product_title(product: dict[str, Any], language: Language) -> str:
    """Returns a product's name in the reader's language, else its number."""
    first, second = ("name_zh", "name_en") if language.code == "zh" else ("name_en", "name_zh")
    return str(product[first] or product[second] or product["gtin"])


def iso_day(text: str) -> str | None:
    """Reads a day as YYMMDD or YYYY-MM-DD; None when it is neither."""
    digits = text.replace("-", "")
    if len(digits) == GS1_DATE_DIGITS:
        digits = f"20{digits}"
    try:
        if states_month(text):
            # Goods are good until the month's end.
            month = date.fromisoformat(f"{digits[:4]}-{digits[4:6]}-01")
            following = (month + timedelta(days=31)).replace(day=1)
            return (following - timedelta(days=1)).isoformat()
        return date.fromisoformat(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}").isoformat()
    except (ValueError, OverflowError):
        return None


def states_month(text: str) -> bool:
    """Tells whether a label's date names a month alone, with 00 for its day (GS1 General Specifications, 3.4)."""
    return len(text) == GS1_DATE_DIGITS and text.endswith("00")


def lot_path(lot: dict[str, Any]) -> str:
    """Returns the last part of a lot's address: its number, or its key where that would mislead."""
    number = lot["lot"] or ""
    plain = lot["key"] == f"L:{number}" and number[1:2] != ":" and number.strip(".")
    return number if plain else str(lot["key"])


def lot_mark(lot: dict[str, Any], today: str) -> str:
    """Returns what a list says of a lot before it is opened: recalled, failed, past, held, possible, or nothing."""
    if lot["stopped"] == "recalled":
        return "recalled"
    if lot["test_failed"]:
        return "failed"
    if lot["expires"] and lot["expires"] < today:
        return "past"
    return str(lot["stopped"] or "")


class DateCard(NamedTuple):
    """What a shopper chooses from: a date with the one lot that bears it, or with several, of which the next page asks."""

    expires: str | None
    produced: str | None
    lot: str | None
    lots: int
    path: str
    mark: str


# What stops a lot goes before what only speaks against it.
GRAVEST = ("recalled", "held", "failed", "past")


def cards_by_date(
    gtin: str, lots: Sequence[dict[str, Any]], today: str, *, each: bool = False
) -> list[DateCard]:
    """Returns the dates that goods bear, in the lots' order; `each` lot by itself where its date was told already."""
    dated: dict[Any, list[dict[str, Any]]] = {}
    for lot in lots:
        dates = lot["expires"], lot["produced"]
        # What states no date is told apart by its number alone.
        name = dates if any(dates) and not each else (*dates, lot["key"])
        dated.setdefault(name, []).append(lot)
    return [_date_card(gtin, found, today) for found in dated.values()]


def _date_card(gtin: str, lots: list[dict[str, Any]], today: str) -> DateCard:
    first, marks = lots[0], {lot_mark(lot, today) for lot in lots}
    expires, produced = first["expires"], first["produced"]
    if len(lots) == 1:
        path = f"/01/{gtin}/10/{quote(lot_path(first), safe='')}"
        return DateCard(expires, produced, first["lot"], 1, path, *marks)
    days = {ai: day[2:].replace("-", "") for ai, day in (("17", expires), ("11", produced)) if day}
    # Of some of several: which of them it is, is on the label.
    return DateCard(
        expires, produced, None, len(lots), f"/01/{gtin}?{urlencode(days)}", _of_all(marks)
    )


def _of_all(marks: set[str]) -> str:
    """Returns what is said of several lots: the gravest where each has something, else what some may have."""
    if not marks & {"", "possible"}:
        return next(one for one in GRAVEST if one in marks)
    return "possible" if marks & {"recalled", "held", "possible"} else max(marks)


def on_shelf(line: dict[str, Any], merchant: str, language: Language) -> dict[str, Any]:
    """Returns a line of a stall's shelf with its title and where it leads: to its lot, or to loose goods."""
    product, lot = line["product"], line["lot"]
    if product.startswith("item:"):
        item = product.removeprefix("item:")
        return line | {"title": item, "path": f"/s/{quote(merchant)}/{quote(item, safe='')}"}
    name = line["name_en"] if language.code == "en" and line["name_en"] else line["name_zh"]
    path = f"/01/{product}/10/{quote(lot, safe='')}" if lot else f"/01/{product}"
    return line | {"title": name or product, "path": path}


def _days_left(page: dict[str, Any], language: Language) -> DaysLeft | None:
    if page["lot"]["expires"] is None:
        return None
    word = language.word
    today = date.fromisoformat(page["today"])
    expires = date.fromisoformat(page["lot"]["expires"])
    left = (expires - today).days
    shown = language.day(expires)
    if left < 0:
        ago = "Its last good day was {day}, {n} days ago."
        words = word("Its last good day was {day}, yesterday." if left == -1 else ago)
        words = words.format(day=shown, n=-left)
        return DaysLeft(words, 100, "past")
    life = page["product"]["shelf_life_days"]
    if page["lot"]["produced"] is not None:
        life = (expires - date.fromisoformat(page["lot"]["produced"])).days
    life = max(1, life or 30)
    few = ("Last good day {day}: today.", "Last good day {day}: tomorrow.")
    words = word(few[left] if left < len(few) else "Last good day {day}: {n} days left.")
    words = words.format(day=shown, n=left)
    percent = min(100, max(2, left * 100 // life))
    return DaysLeft(words, percent, "near" if page["today"] >= page["near_from"] else "fresh")


def _step(step: dict[str, Any], language: Language) -> dict[str, Any]:
    word = language.word
    kinds = list(dict.fromkeys(word(KINDS[kind]) for kind in step["kinds"] if kind in KINDS))
    first, last = language.day(step["first_day"]), language.day(step["last_day"])
    return {
        "name": step["merchant_name"] or step["merchant"],
        "merchant": step["merchant"],
        "place": step["premises_name"] or step["premises"],
        "kind": word(MERCHANT_KINDS.get(step["merchant_kind"] or "", "merchant")),
        "what": ("、" if language.code == "zh" else ", ").join(kinds),
        "days": first if first == last else f"{first} – {last}",
    }
