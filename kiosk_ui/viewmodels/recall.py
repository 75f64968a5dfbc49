"""What pages say of recalls: the clock that runs now, lines of goods in words, names for forms."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from kiosk_ui.language import Language

STAGES = {
    "drafted": "drafted", "returned": "sent back", "checked": "checked", "published": "published",
    "withdrawn": "withdrawn", "closed": "closed",
}  # fmt: skip
TONES = {
    "drafted": "plain", "returned": "warn", "checked": "warn", "published": "bad",
    "withdrawn": "plain", "closed": "plain",
}  # fmt: skip
STEPS = {
    "drafted": "drafted", "checked": "checked", "published": "published",
    "first-read": "read by the first", "first-answer": "answered by the first",
    "last-answer": "answered by the last so far", "closed": "closed",
}  # fmt: skip
# What an officer saw at a holder.
SEEN = {
    "effective": "set aside, as it should be", "still-there": "still on the shelf",
    "still-sold": "still being sold", "not-met": "nobody was there",
}  # fmt: skip
# How a call to a holder ended.
REACHED = {
    "reached": "reached", "no-answer": "no answer", "wrong-number": "wrong number",
    "refused": "did not want to hear of it",
}  # fmt: skip
COLOURS = {"green": "good", "yellow": "warn", "red": "bad"}
# As the API names the parts of a line.
LINE = (
    "product", "lot", "delivery", "produced_from", "produced_until", "expires_from",
    "expires_until", "supplier",
)  # fmt: skip


def next_deadline(recall: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the deadline that runs now, with the tone it is shown in; None where none does."""
    waiting = [due for due in recall["deadlines"] if due["done_at"] is None]
    if not waiting or recall["stage"] in ("withdrawn", "closed"):
        return None
    due: dict[str, Any] = waiting[-1]
    return due | {"tone": COLOURS.get(waiting[-1]["colour"], "plain")}


def stopwatch(seconds: float) -> str:
    """Says how long something took: hours, minutes and seconds, however many hours."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def first_words(stop: dict[str, Any], language: Language) -> str:
    """Says the first goods that a hold or recall of a list names."""
    return line_words(stop["first"], language) if stop["first"] else ""


def line_words(line: dict[str, Any], language: Language) -> str:
    """Says a stopped line as a label shows it."""
    word = language.word
    parts = [line["name"] or line["product"] or ""]
    if line["lot"]:
        parts.append(word("Lot {lot}").format(lot=line["lot"]))
    if line["delivery"]:
        parts.append(word("Delivery {n}").format(n=line["delivery"]))
    for words, first, last in (
        ("Produced on {day}", line["produced_from"], line["produced_until"]),
        ("Good until {day}", line["expires_from"], line["expires_until"]),
    ):
        if days := list(dict.fromkeys(language.day(day) for day in (first, last) if day)):
            parts.append(word(words).format(day=" – ".join(days)))
    if line["supplier"]:
        parts.append(word("From {who}").format(who=line["supplier"]))
    return " · ".join(filter(None, parts))


# So many goods, and lots of each, stand in one line of a list; the page of the recall has all.
LOTS_SHORTLY = 3
NAMED_SHORTLY = 4


def named_shortly(notice: dict[str, Any], language: Language) -> str:
    """Names what a recall is of: goods of one name but once, with their lots where these are few."""
    lines = notice["lines"]
    if len(lines) == 1:
        return line_words(lines[0], language)
    lots: dict[str, list[str | None]] = {}
    for line in lines:
        lots.setdefault(line["name"] or line["product"] or line["supplier"], []).append(line["lot"])
    is_whole = notice["lines_in_all"] == len(lines)
    names = [
        _with_lots(str(name), some if is_whole else [None], language)
        for name, some in [*lots.items()][:NAMED_SHORTLY]
    ]
    more = len(lots) > NAMED_SHORTLY or not is_whole
    joint = "、" if language.code == "zh" else ", "
    return joint.join(names) + (" …" if more else "") or str(notice["recall"])


def _with_lots(name: str, lots: list[str | None], language: Language) -> str:
    """Adds the lots to a name; not where there are many, or where the goods are told by something else."""
    # A case and its single bear one number.
    lots = list(dict.fromkeys(lots))
    named = [lot for lot in lots if lot]
    if len(named) < len(lots) or len(lots) > LOTS_SHORTLY:
        return name
    words = language.word("{goods} (lot {lots})")
    return words.format(
        goods=name, lots="、".join(named) if language.code == "zh" else ", ".join(named)
    )


# So many lots stand in the form of an answer.
ANSWER_ROWS = 500
# What a holder says became of its goods.
FATES = ("found", "sold", "returned", "destroyed")


def task_shown(task: dict[str, Any], language: Language) -> dict[str, Any]:
    """Returns a recall as the merchant acts on it: its own goods to answer for, and what it said last."""
    answer = task["answer"] or []
    said = [
        {"words": line_words(NAMELESS | line, language), "unit": line["unit"]}
        | {"fates": {fate: line[fate] for fate in FATES if Decimal(line[fate])}}
        for line in answer
    ]
    named = [line | {"words": line_words(line, language)} for line in task["lines"]]
    own = [_own_goods(one, language) for one in task["had"]]
    # By whose records none came in, still looks: for what the recall names by a product, in pieces.
    unknown = [
        {"words": line["words"], "product": line["product"], "number": line["lot"], "unit": "piece"}
        for line in named if line["product"]
    ]  # fmt: skip
    return task | {
        "tone": COLOURS[task["colour"]], "lines": named, "said": said, "own": own,
        "again": is_before(task["acknowledged_at"], task["widened_at"]), "rows": (own or unknown)[:ANSWER_ROWS], "rows_in_all": len(own or unknown), "beyond": _more_than_had(answer, task["had"]),
    }  # fmt: skip


def is_before(said_at: str | None, changed_at: str | None) -> bool:
    """Tells whether somebody spoke before something changed."""
    return bool(said_at and changed_at) and instant(said_at) < instant(changed_at)


def instant(text: str | None) -> datetime:
    """Reads an instant; what was never is before all."""
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)


NAMELESS = dict.fromkeys((*LINE, "name"))


def _own_goods(had: dict[str, Any], language: Language) -> dict[str, Any]:
    """Returns goods that a merchant had, in words as on their label; `number` names the lot in an answer."""
    number = had["lot"][2:] if had["lot"].startswith("L:") else None
    label = NAMELESS | {"name": had["name"], "product": had["product"], "lot": number}
    label |= {"produced_from": had["produced"], "expires_from": had["expires"]}
    return had | {"words": line_words(label, language), "number": number}


def _sum(amounts: Any) -> Decimal:
    return sum(map(Decimal, amounts), Decimal())


def _more_than_had(answer: Sequence[dict[str, Any]], had: Sequence[dict[str, Any]]) -> bool:
    """Tells whether more was answered for than came in, as far as both are in one unit."""
    came: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for own in had:
        came[own["product"], own["unit"]] += Decimal(own["had"])
    for line in answer:
        place = line["product"], line["unit"]
        if place in came:
            came[place] -= _sum(line[fate] for fate in FATES)
    return any(amount < 0 for amount in came.values())


def lot_named(key: str, language: Language) -> str:
    """Names a lot by its key as a label would: by its number, or by which date it bears."""
    word, said = language.word, key[2:]
    match key[:2]:
        case "D:":
            return word("Produced on {day}").format(day=language.day(said))
        case "E:":
            return word("Good until {day}").format(day=language.day(said))
        case "":
            return word("no lot stated")
    return said if key[1:2] == ":" else key


def as_asked(line: dict[str, Any]) -> dict[str, Any]:
    """Returns a line as a request states it: what it does not say is left out."""
    return {name: line[name] for name in LINE if line.get(name) is not None}


def line_text(line: dict[str, Any]) -> str:
    """Returns a line as a form gives it back."""
    return json.dumps(as_asked(line), ensure_ascii=False, sort_keys=True)


def why_drawn(reasons: str, language: Language) -> str:
    """Returns why a holder is visited, of reasons that are said in Chinese and English at once."""
    at = 0 if language.code == "zh" else 2
    return "; ".join(one.partition(" ")[at] or one for one in reasons.split("; "))


def held_alone(
    holds: Sequence[dict[str, Any]], recalls: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Returns the holds that stop more than is told already: what is recalled as well is told of as that."""
    told = [line for recall in recalls for line in recall["lines"]]
    found = []
    for hold in holds:
        whole = hold["lines_in_all"] <= len(hold["lines"])
        if not whole or not all(any(_covers(one, line) for one in told) for line in hold["lines"]):
            found.append(hold)
            told += hold["lines"]
    return found


def _covers(told: dict[str, Any], line: dict[str, Any]) -> bool:
    """Tells whether a line stops all that another stops; the dates beside a lot's number are that lot's own."""
    names = ("product", "lot") if told["lot"] else LINE
    narrower = any(told[name] not in (None, line[name]) for name in ("delivery", "supplier"))
    return not narrower and all(told[name] == line[name] for name in names)
