"""An overlay: what was recorded since a segment, added to it and taken from it."""

from collections import defaultdict
from collections.abc import Iterable

from psycopg import Connection
from psycopg.rows import DictRow

from ledger.trace.question import LotName
from ledger.trace.segment import Segment
from ledger.trace.segment_build import (
    COUNTED,
    LINES,
    LINKS,
    LOOSE,
    NOW,
    TOLD,
    Numbers,
    read_rows,
)

# Entries whose links may have changed, given either side of the change.
TOUCHED = """
SELECT DISTINCT m.original FROM trade.movements m
WHERE m.kind IN ('used-in', 'made') AND (m.position > %(since)s OR m.believed_to > %(since)s)
"""
# Products of which a date has come to mean several lots, whether or not a row of it came since.
OPENED = """
SELECT DISTINCT k.product FROM trade.lot_keys k
WHERE k.candidates > 1 AND k.product IN (
  SELECT t.product FROM trade.ties t WHERE t.since > %(since)s OR t.ended > %(since)s)
"""
NEW = {
    "where": f"{NOW} AND m.position > %(since)s", "counted": "true",
    "believed": "m.believed_to IS NULL",
}  # fmt: skip
# What a segment still believes: its amounts go; it goes itself unless it counts beside its correction.
CLOSED = {
    "where": "m.amount > 0 AND m.believed_to > %(since)s AND m.position <= %(since)s",
    "counted": "m.contested IS NULL", "believed": "true",
}  # fmt: skip
OF_ENTRIES = COUNTED | {"where": f"{NOW} AND m.original = ANY(%(entries)s)"}
CHANGES = """
SELECT (SELECT count(*) FROM trade.movements WHERE position > %(since)s)
  + (SELECT count(*) FROM trade.movements WHERE believed_to > %(since)s)
"""


class Overlay:
    """Differences to a segment, by lot; lots it does not know get numbers behind its own."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.position = segment.stamp.position
        self.changes = 0
        self.lots: dict[LotName, int] = {}
        self.names: list[LotName] = []
        self.places = Numbers(segment.places)
        self.merchants = Numbers(segment.merchants)
        self.units = Numbers(segment.units)
        self.loose: set[str] = set(segment.loose)
        # By lot: place and unit to how many rows, and what they add.
        self.lines: dict[int, dict[tuple[int, int], list[int]]] = defaultdict(dict)
        self.told: dict[int, dict[tuple[int, int], list[int]]] = defaultdict(dict)
        # Entries told anew: their inputs and outputs instead of the segment's; and by lot.
        self.inputs: dict[int, set[int]] = {}
        self.outputs: dict[int, set[int]] = {}
        self.used: dict[int, set[int]] = defaultdict(set)
        self.made: dict[int, set[int]] = defaultdict(set)

    def number(self, lot: LotName) -> int:
        """Returns a lot's number, here or in the segment; a new lot gets a new one."""
        if (known := self.find(lot)) is not None:
            return known
        self.lots[lot] = len(self.segment.lots) + len(self.names)
        self.names.append(lot)
        return self.lots[lot]

    def find(self, lot: LotName) -> int | None:
        """Returns a lot's number, or None for one that nothing is recorded of."""
        known = self.lots.get(lot)
        return known if known is not None else self.segment.lots.find(lot)

    def name(self, number: int) -> LotName:
        """Returns the lot of a number."""
        own = number - len(self.segment.lots)
        return self.names[own] if own >= 0 else self.segment.lots[number]

    def catch_up(self, reader: Connection[DictRow], head: int) -> None:
        """Takes in all that came until `head`, which the caller's snapshot MUST stand at."""
        since = {"since": self.position}
        self.changes += next(iter(read_rows(reader, CHANGES, {}, since)))[0]
        for about, sign in ((NEW, 1), (CLOSED, -1)):
            for p, lot, merchant, premises, unit, *adds in read_rows(reader, LINES, about, since):
                line = self.places((merchant, premises)), self.units(unit)
                _add(self.lines[self.number(LotName(p, lot))], line, adds, sign)
            for p, lot, merchant, unit, *adds in read_rows(reader, TOLD, about, since):
                line = self.merchants(merchant), self.units(unit)
                _add(self.told[self.number(LotName(p, lot))], line, adds, sign)
        for query, about in ((LOOSE, NEW), (OPENED, {})):
            self.loose.update(row[0] for row in read_rows(reader, query, about, since))
        self._relink(reader, [row[0] for row in read_rows(reader, TOUCHED, {}, since)])
        self.position = head

    def _relink(self, reader: Connection[DictRow], entries: list[int]) -> None:
        """Tells anew what these entries used and made."""
        for entry in entries:
            for by_entry, by_lot in ((self.inputs, self.used), (self.outputs, self.made)):
                for lot in by_entry.get(entry, ()):
                    by_lot[lot].discard(entry)
                by_entry[entry] = set()
        if entries:
            for kind, entry, p, key in read_rows(reader, LINKS, OF_ENTRIES, {"entries": entries}):
                lot = self.number(LotName(p, key))
                by_entry, by_lot = (
                    (self.inputs, self.used) if kind == "used-in" else (self.outputs, self.made)
                )
                by_entry[entry].add(lot)
                by_lot[lot].add(entry)


def _add(
    lines: dict[tuple[int, int], list[int]], line: tuple[int, int], adds: Iterable[int], sign: int
) -> None:
    before = lines.get(line)
    values = [sign * int(value) for value in adds]
    lines[line] = values if before is None else [a + b for a, b in zip(before, values, strict=True)]
