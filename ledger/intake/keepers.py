"""Keepers: what stays true of cases while time passes, each told by the record and its clock."""

from collections.abc import Sequence
from typing import Protocol

from ledger.events.base import Event
from ledger.journal.casebook import Casebook


class Keeper(Protocol):
    """Takes in events of the names it wants, in order, and does what is due."""

    position: int

    @property
    def names(self) -> Sequence[str]:
        """The stored names of the events it takes in."""
        ...

    def take(self, position: int, event: Event) -> None:
        """Takes in an event; MUST bear one of a name it did not ask for."""
        ...

    def step(self) -> None:
        """Does what is due now."""
        ...


def read_cases(book: Casebook, keepers: Sequence[Keeper]) -> None:
    """Lets each keeper take in what was recorded since its last time, then do what is due.

    Raises `JournalUnavailable` when the database is away; nothing is taken in twice.
    """
    for keeper in keepers:
        while (page := book.after(keeper.position, keeper.names)).entries:
            for entry in page.entries:
                keeper.take(entry.position, entry.event)
                keeper.position = entry.position
        # Others' events are not gone through again at each of theirs.
        keeper.position = page.reached
        keeper.step()
