"""Choosing among a ledger's lines: those that lack a field or say a text; and how many lack what."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from ledger.rules.law_ledgers import LawLedger
from query_api import ledgers
from query_api.ledgers import LawLine, Period, WantedLines
from query_api.views import Reader


class LinesChosen(NamedTuple):
    """Which of a ledger's lines somebody looks for: those that lack a field, or say a text anywhere.

    In its `own` books a merchant also finds the persons it bought from by their names.
    """

    lacking: str = ""
    find: str = ""
    own: bool = False

    def takes(self, line: LawLine) -> bool:
        """Tells whether a line is one of them."""
        if self.lacking and self.lacking not in line.missing:
            return False
        # Of others' books no person is found by name, however the line was read.
        shown = {
            key: text for key, text in line.fields.items()
            if self.own or not key.startswith("party_") or (key == "party_name" and not self.is_of_persons)
        }  # fmt: skip
        said = (*shown.values(), *line.fields_en.values(), line.delivery)
        return not self.find or any(self.find.casefold() in text.casefold() for text in said)

    @property
    def is_of_persons(self) -> bool:
        """Tells whether a person's card decides, which is known by opening it alone."""
        return self.lacking.startswith("party_") or bool(self.find and self.own)


class Completeness(NamedTuple):
    """How many of a ledger's lines state each field, or another of its group."""

    lines: int
    missing: Counter[str]


def chosen(  # what a page takes, and which of its lines
    reader: Reader,
    law: LawLedger,
    merchant: str,
    period: Period,
    wanted: WantedLines,
    which: LinesChosen,
) -> list[LawLine]:
    """Returns those lines behind a place that somebody looks for.

    Only of what is shown the persons are opened, but where their cards decide what that is.
    """
    opens = wanted.opens if which.is_of_persons else None
    latest, found = wanted.latest_first, list[LawLine]()
    for line in ledgers.every(
        reader, law, merchant, period, opens=opens, after=wanted.after, latest_first=latest
    ):
        if not which.takes(line):
            continue
        if opens is None:
            at = line.place
            beside = at._replace(leg=at.leg + (1 if latest else -1))
            before = WantedLines(beside, 1, wanted.opens, latest)
            line = ledgers.page(reader, law, merchant, period, before)[0]  # noqa: PLW2901  # the same, with its persons
        found.append(line)
        if len(found) == wanted.limit:
            break
    return found


def completeness(lines: Iterator[LawLine]) -> Completeness:
    """Counts what lines lack."""
    total, missing = 0, Counter[str]()
    for line in lines:
        total += 1
        missing.update(line.missing)
    return Completeness(total, missing)
