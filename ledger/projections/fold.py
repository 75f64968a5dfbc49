"""Folding: one event through projections that read each other, in their declared order."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from ledger.events.base import Event
from ledger.projections.table import Key, Rows, Table
from ledger.values.clock import DerivedTime


class Entry(NamedTuple):
    """An event as a fold sees it, with what the ledger knows about it.

    `memo` keeps what several projections derive from the event alone. `readmitted` marks a
    report that had been put aside: it keeps its stream, number and receipt, at a later position.
    """

    position: int
    stream: str
    number: int
    name: str
    received: datetime
    flags: tuple[str, ...]
    event: Event
    memo: list[Any]
    readmitted: bool = False


class Fold:
    """One event on its way through a group: its rows, and what earlier projections noticed."""

    def __init__(self, rows: Rows, entry: Entry) -> None:
        self.rows = rows
        self.entry = entry
        self.signals: list[Any] = []
        self.time: DerivedTime | None = None

    def of(self, kind: type[Any]) -> list[Any]:
        """Returns the signals of a kind so far, in order."""
        return [signal for signal in self.signals if isinstance(signal, kind)]


class Projection(Protocol):
    """A table, its fold and its queries, in one file."""

    @property
    def name(self) -> str:
        """The name by which it is rebuilt."""
        ...

    @property
    def tables(self) -> Sequence[Table]:
        """Its tables."""
        ...

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """Names the rows the fold will want, so that a page loads them at once.

        `rows` holds what the projections before it named.
        """
        ...

    def fold(self, fold: Fold) -> None:
        """Takes one event in. Total: an event that says nothing here passes through."""
        ...
