"""What the journal takes and gives: rows, batches, outcomes; writing and reading apart."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from ledger.events.reports import TapeOpened

# The library's pipeline hangs for ever somewhere between 2,000 and 3,000 rows; a transaction
# never holds more than this.
TRANSACTION_ROWS_MAX = 1000


class Row(NamedTuple):
    """An event ready to be stored, without its position."""

    stream: UUID
    number: int
    name: str
    state: bytes
    seed: bytes
    leaf: bytes
    received: datetime
    flags: tuple[str, ...] = ()
    chain: bytes | None = None


class Stored(NamedTuple):
    """An event as it stands in the journal for ever."""

    position: int
    stream: UUID
    number: int
    name: str
    state: bytes
    seed: bytes
    leaf: bytes
    received: datetime
    flags: tuple[str, ...]
    chain: bytes | None


class Head(NamedTuple):
    """Where a stream stands: its last number; of a tape, the last chain hash and its device."""

    number: int
    chain: bytes | None = None
    stopped: bool = False
    device: str | None = None


class Quarantined(NamedTuple):
    """Bytes kept because nobody could understand them, or because they contradict the record."""

    kind: Literal["unreadable", "fork"]
    tape: str
    number: int
    received: datetime
    reason: str
    content: bytes


class TapeBatch(NamedTuple):
    """A batch whose signature, chain and reports have been checked against a device's state."""

    tape: str
    stream: UUID
    device: str
    device_stream: UUID
    device_version: int
    previous: bytes
    rows: Sequence[Row]
    unreadable: Sequence[Quarantined]
    opened: TapeOpened | None
    key: str
    signature: bytes
    envelope: bytes
    # How many persons had been erased before it was sealed.
    erasures: int = 0

    @property
    def first(self) -> int:
        """The number of the first report."""
        return self.rows[0].number

    @property
    def last(self) -> int:
        """The number of the last report."""
        return self.rows[-1].number


class Recorded(NamedTuple):
    """Every report of the batch is durable; `stored` holds each at its first position."""

    stored: Sequence[Stored]
    new: int


class ResendFrom(NamedTuple):
    """The batch does not join the head: the device must send again from `number`."""

    number: int


class Forked(NamedTuple):
    """The ledger holds other content under `number`: the tape has stopped."""

    number: int


class OfAnother(NamedTuple):
    """The tape belongs to another device: nothing of the batch is recorded."""


class CheckAgain(NamedTuple):
    """What the batch was checked with has changed: its device's case, or a person was erased."""


Outcome = Recorded | ResendFrom | Forked | OfAnother | CheckAgain


class Appender(Protocol):
    """Writes. Hold this one only where something is recorded."""

    def append_batches(self, batches: Sequence[TapeBatch], now: datetime) -> list[Outcome]:
        """Records batches of tapes in one transaction and says what became of each.

        On return every `Recorded` event is durable and MUST be found again after a crash.
        Callers MUST NOT send a receipt before. Giving the same batch twice returns the first
        positions. Raises `JournalUnavailable` when nothing can be said: give it again.
        """
        ...

    def keep_stranger(self, received: datetime, reason: str, content: bytes) -> None:
        """Keeps what came from nobody we know, in a ring that forgets the oldest."""
        ...


class Reader(Protocol):
    """Reads. Positions are gapless from 1 and in commit order."""

    def head(self) -> int:
        """Returns the last position, 0 in an empty journal."""
        ...

    def page(self, after: int, limit: int) -> list[Stored]:
        """Returns up to `limit` events behind position `after`, in order."""
        ...
