"""Keeping imported rows on a connector's tape: each once, the bad ones told apart."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from ledger.errors import Malformed
from scanners.importing.rows import Common, Understood, own_number
from scanners.tape import Tape, TapeFull

# Rows that are put on the tape in one stroke: each fsync is shared by so many.
STROKE_ROWS = 500


class NotAllKept(Exception):
    """The tape took some rows and then no more; the text says how many, and why."""


class KeptRows(msgspec.Struct):
    """What became of rows: the numbers of those kept, how many were there before, the bad ones."""

    numbers: list[int] = []
    known: int = 0
    bad: list[Understood] = []

    @property
    def rows(self) -> int:
        """How many rows there were."""
        return len(self.numbers) + self.known + len(self.bad)


def keep_rows(tape: Tape, rows: Iterable[Understood]) -> KeptRows:
    """Keeps what is new of rows; on return it is durable.

    The same row again changes nothing. Raises `NotAllKept` when the tape is full.
    """
    waiting, told = iter(rows), KeptRows()
    while stroke := list(islice(waiting, STROKE_ROWS)):
        stroke = _without_clashes(tape, stroke)
        told.bad += [row for row in stroke if row.event is None]
        good = [(row.key, row.event) for row in stroke if row.event is not None]
        try:
            kept = tape.append_once(good)
        except (TapeFull, Malformed) as error:
            raise NotAllKept(f"{len(told.numbers)} rows were kept, then: {error}") from error
        told.known += sum(one is None for one in kept)
        told.numbers += [one.number for one in kept if one is not None]
    return told


def note_errors(tape: Tape, file: str, bad: Iterable[Understood]) -> None:
    """Remembers which rows of a file went into its file of errors, each under its own number there."""
    known = set(json.loads(tape.get(f"errors:{file}") or "[]"))
    numbers = sorted(known | {row.row.number for row in bad})
    tape.put(f"errors:{file}", json.dumps(numbers))


def once_in_errors(
    tape: Tape, file: str, common: Common, rows: Iterable[Understood]
) -> Iterator[Understood]:
    """Knows rows that were in error before by the number the file of errors gave them.

    So a row that was kept from there, mended, is not kept again with the file it came from.
    """
    numbers = set(json.loads(tape.get(f"errors:{file}") or "[]"))
    for row in rows:
        if row.row.number not in numbers or row.event is None:
            yield row
            continue
        named = own_number(common, f"{file}#{row.row.number}")
        used = next(iter(tape.under(f"{named}:")), None)
        yield row._replace(key=used or f"{named}:{row.key[:16]}")


def _without_clashes(tape: Tape, stroke: Sequence[Understood]) -> list[Understood]:
    """Refuses a row whose own number was used for something else; nothing is replaced by it."""
    own: dict[str, str] = {}
    found = []
    for row in stroke:
        named, colon, _ = row.key.partition(":")
        if colon and row.event is not None:
            known = own.setdefault(named, next(iter(tape.under(f"{named}:")), row.key))
            if known != row.key:
                words = (
                    "this id was used for another row: correct that entry, or give it its own id"
                )
                found.append(row._replace(event=None, problem=words))
                continue
        found.append(row)
    return found
