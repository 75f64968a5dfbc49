"""What the record notes of a case or a gap by itself, in the reader's words; what people wrote stays theirs."""

import re
from collections.abc import Callable
from typing import Any

from kiosk_ui.language import Language
from kiosk_ui.viewmodels.recall import REACHED, SEEN

DEADLINES = {
    "hold-ends": "the hold lapsed", "recall-starts": "the time to begin was over",
    "recall-finishes": "the time to finish was over",
}  # fmt: skip
# An answer of many lines says so.
MORE = " …"
# How many were found, sold, sent back or destroyed, of which line in which unit; several with ";" between.
FIGURES = re.compile(
    r"(?P<line>.*?) (?P<said>none|(?:(?:found|sold|returned|destroyed) [\d.]+ ?)+) (?P<unit>[a-z]+)"
)


def case_note(said: dict[str, Any], language: Language) -> str:
    """Returns the note of an entry of a case's history; nothing where it has none."""
    note, word = said["note"] or "", language.word
    match said["what"]:
        case "recall-checks-drawn" if found := re.fullmatch(r"seed (\d+): (\d+) drawn", note):
            return word("seed {seed}: {n} drawn").format(seed=found[1], n=language.number(found[2]))
        case "deadline-passed" if note in DEADLINES:
            return word(DEADLINES[note])
        case "recall-checked" if found := re.fullmatch(r"sent back: (.*)", note, re.DOTALL):
            return word("sent back: {note}").format(note=found[1])
        case "recall-holder-checked":
            return _led(note, lambda result: word(SEEN.get(result, result)))
        case "recall-holder-called":
            return _led(note, lambda result: word(REACHED.get(result, result)))
        case "recall-answered":
            return _led(note, lambda figures: _figures(figures, language))
    return note


def gap_note(note: str, language: Language) -> str:
    """Returns what is known of a gap."""
    if lost := re.fullmatch(r"reports lost: (.*)", note):
        words = language.word("unknown") if lost[1] == "unknown" else lost[1]
        return language.word("reports lost: {n}").format(n=words)
    return (
        language.word("two contents under one number") if note.startswith("two contents") else note
    )


def _led(note: str, words: Callable[[str], str]) -> str:
    """Puts what leads a note into words, and leaves the remark behind it as it was written."""
    first, colon, remark = note.partition(": ")
    return words(first) + colon + remark


def _figures(text: str, language: Language) -> str:
    lines = text.removesuffix(MORE)
    more = MORE if lines != text else ""
    return "; ".join(_figure(one, language) for one in lines.split("; ")) + more


def _figure(text: str, language: Language) -> str:
    word = language.word
    if text == "nothing found":
        return word("nothing found")
    if (read := FIGURES.fullmatch(text)) is None:
        return text
    said = read["said"].split()
    parts = [word("nothing")] if said == ["none"] else [
        f"{word(name)} {language.number(n)}" for name, n in zip(said[::2], said[1::2], strict=True)
    ]  # fmt: skip
    return f"{read['line']}: {', '.join(parts)} {word(read['unit'])}"
