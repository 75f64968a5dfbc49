"""A tape in memory, for simulators: what is fsynced outlives a power cut, receipts may not."""

import copy
from collections.abc import Iterator

from ledger.events import wire
from ledger.events.base import Event
from ledger.values.chain import chain_next, chain_start
from ledger.values.keys import SigningKey
from scanners.tape import Kept, TapeFull, checked, joined, signed_batch


class MemoryTape:
    """A tape that ends with the process; `power_cut` takes what the real one may lose."""

    def __init__(self, tape: str, device: str, key: SigningKey, opening: Event) -> None:
        self.id, self.device, self.key = tape, device, key
        self._kept: list[Kept] = []
        self._verdicts: dict[int, wire.Verdict] = {}
        self._answers: list[tuple[int, bytes]] = []
        # Numbers whose receipt is noted and not yet on disk.
        self._unsynced: set[int] = set()
        self.full = False
        self.append(opening)

    def append(self, event: Event) -> Kept:
        """See `Tape.append`."""
        return self.append_bytes(checked(event))

    def append_bytes(self, report: bytes) -> Kept:
        """Puts a report's bytes on the tape as they are: another version of the scanner wrote them."""
        if self.full:
            raise TapeFull("the disk under the tape is full: free some")
        previous = self._kept[-1].chain if self._kept else chain_start(self.id)
        number = len(self._kept) + 1
        self._kept.append(Kept(number, report, chain_next(previous, number, report)))
        # One file: what is synced for a report takes the receipts before it along.
        self._unsynced.clear()
        return self._kept[-1]

    def waiting(self, limit: int = wire.BATCH_REPORTS_MAX, after: int = 0) -> list[Kept]:
        """See `Tape.waiting`."""
        behind = self._kept[after:]
        return joined([kept for kept in behind if kept.number not in self._verdicts][:limit])

    def since(self, number: int, limit: int = wire.BATCH_REPORTS_MAX) -> list[Kept]:
        """See `Tape.since`."""
        return joined(self._kept[max(0, number - 1) :][:limit])

    def envelope(self, batch: list[Kept]) -> bytes:
        """See `Tape.envelope`."""
        first = batch[0].number
        previous = self._kept[first - 2].chain if first > 1 else chain_start(self.id)
        return signed_batch(self.id, self.device, self.key, previous=previous, batch=batch)

    def receipted(self, verdicts: tuple[wire.Verdict, ...], answer: bytes = b"") -> int:
        """See `Tape.receipted`."""
        last = self.last()
        there = [verdict for verdict in verdicts if 1 <= verdict.number <= last]
        new = [v for v in there if self.position_of(v.number) != v.position]
        for verdict in new:
            self._verdicts[verdict.number] = verdict
            self._unsynced.add(verdict.number)
        kept = (verdicts[-1].number, answer) if verdicts else (0, b"")
        if kept[1] and kept not in self._answers:
            self._answers.append(kept)
        return len(new)

    def receipts(self) -> Iterator[bytes]:
        """See `Tape.receipts`."""
        return iter([answer for _, answer in self._answers])

    def count_waiting(self) -> int:
        """See `Tape.count_waiting`."""
        return len(self._kept) - len(self._verdicts)

    def last(self) -> int:
        """See `Tape.last`."""
        return len(self._kept)

    def position_of(self, number: int) -> int | None:
        """See `Tape.position_of`."""
        verdict = self._verdicts.get(number)
        return None if verdict is None else verdict.position

    def chain_at(self, number: int) -> bytes | None:
        """See `Tape.chain_at`."""
        return self._kept[number - 1].chain if 1 <= number <= len(self._kept) else None

    def verdicts(self) -> list[wire.Verdict]:
        """Returns what the ledger said of each report that has its receipt."""
        return [self._verdicts[number] for number in sorted(self._verdicts)]

    def power_cut(self) -> None:
        """Loses what was not on disk: receipts, never reports."""
        for number in self._unsynced:
            del self._verdicts[number]
        self._answers = [one for one in self._answers if one[0] not in self._unsynced]
        self._unsynced.clear()

    def copy(self) -> "MemoryTape":
        """Returns the same tape once more, as a disk that was copied."""
        twin = copy.copy(self)
        twin._kept, twin._verdicts = [*self._kept], {**self._verdicts}
        twin._answers, twin._unsynced = [*self._answers], {*self._unsynced}
        return twin
