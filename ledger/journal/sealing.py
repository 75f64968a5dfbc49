"""Sealing: the seed and leaf that every event carries from the moment it is stored."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, Protocol
from uuid import UUID

from ledger.events.base import Event, parts_of, persons_in
from ledger.values.leaf import Parts, canonical, leaf_of

SEED_BYTES = 32


class Salts(Protocol):
    """Gives the personal store's salt of each subject, making subjects it has not met."""

    def salts(self, refs: Sequence[str]) -> list[bytes]:
        """Returns one salt per reference, in the order given."""
        ...

    @property
    def erasures(self) -> int:
        """How many persons had been erased when what is given was known to be good."""
        ...

    def catch_up(self, erasures: int) -> None:
        """Forgets what is remembered where more were erased since."""
        ...


class Place(NamedTuple):
    """Where and how an event enters the record: what the ledger adds to it."""

    stream: UUID
    number: int
    received: datetime
    flags: tuple[str, ...] = ()


class Sealer:
    """Draws a seed for each event and computes its leaf."""

    def __init__(self, ledger: str, *, entropy: Callable[[int], bytes], persons: Salts) -> None:
        self._ledger = ledger
        self._entropy = entropy
        self._persons = persons

    def seal(self, event: Event | None, name: str, state: bytes, at: Place) -> tuple[bytes, bytes]:
        """Returns a fresh seed and the leaf under it; `event` is None for an unknown name."""
        seed = self._entropy(SEED_BYTES)
        return seed, self.leaf(event, name, state, at, seed)

    @property
    def erasures(self) -> int:
        """See `Salts.erasures`; what is sealed from now on may be stored while that many were erased."""
        return self._persons.erasures

    def catch_up(self, erasures: int) -> None:
        """See `Salts.catch_up`; called under the head's lock."""
        self._persons.catch_up(erasures)

    def leaf(self, event: Event | None, name: str, state: bytes, at: Place, seed: bytes) -> bytes:
        """Returns the leaf of a stored event under its seed, to store or to compare."""
        added = added_by_ledger(self._ledger, at)
        digest = hashlib.sha256(state).hexdigest()
        if event is None:
            public = canonical({"type": name, "recorded": added})
            return leaf_of(Parts(public, canonical({"state": digest}), b""), seed)
        refs = persons_in(event)
        salt = b"".join(self._persons.salts(refs)) if refs else None
        return leaf_of(parts_of(event, added, digest), seed, salt)


def added_by_ledger(ledger: str, at: Place) -> dict[str, object]:
    """Returns the members the ledger adds to an event's public part."""
    added: dict[str, object] = {
        "ledger": ledger,
        "stream": _text(at.stream),
        "number": at.number,
        "received": at.received,
    }
    if at.flags:
        added["flags"] = at.flags
    return added


@lru_cache(1024)
def _text(stream: UUID) -> str:
    # One stream brings hundreds of events in a row.
    return str(stream)
