"""What pages say of recalls: the clock that runs now, lines of goods in words, names for forms."""

from typing import Any

from kiosk_ui.language import Language

STAGES = {
    "drafted": "drafted", "returned": "sent back", "checked": "checked", "published": "published",
    "withdrawn": "withdrawn", "closed": "closed",
}  # fmt: skip
TONES = {
    "drafted": "plain", "returned": "warn", "checked": "warn", "published": "bad",
    "withdrawn": "plain", "closed": "good",
}  # fmt: skip
STEPS = {
    "drafted": "drafted", "checked": "checked", "published": "published",
    "first-read": "read by the first", "first-answer": "answered by the first",
    "last-answer": "answered by the last so far", "closed": "closed",
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
