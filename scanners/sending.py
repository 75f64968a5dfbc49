"""Sending: what to send next and what an answer means. A state machine without a network."""

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec

from ledger.events import wire
from ledger.values.chain import answer_message
from ledger.values.keys import PublicKey
from scanners.tape import Kept

# How many batches may be under way; the ledger takes them strictly in order.
WINDOW = 4
# First wait before an unanswered batch is sent again, and the longest.
RESEND_S = 2.0
RESEND_MAX_S = 60.0
DOUBLINGS_MAX = 5
# How long a slow ledger's answers to others put off asking again for the oldest.
PUT_OFF_S = 30.0


class SentTape(Protocol):
    """What sending needs of a tape; `scanners.tape.Tape` says what each of these does."""

    @property
    def id(self) -> str:
        """The tape's id."""
        ...

    def waiting(self, limit: int = ..., after: int = 0) -> list[Kept]:
        """See `Tape.waiting`."""
        ...

    def since(self, number: int, limit: int = ...) -> list[Kept]:
        """See `Tape.since`."""
        ...

    def envelope(self, batch: list[Kept]) -> bytes:
        """See `Tape.envelope`."""
        ...

    def receipted(self, verdicts: tuple[wire.Verdict, ...], answer: bytes = b"") -> int:
        """See `Tape.receipted`."""
        ...

    def chain_at(self, number: int) -> bytes | None:
        """See `Tape.chain_at`."""
        ...

    def last(self) -> int:
        """See `Tape.last`."""
        ...


class _Sent(NamedTuple):
    """A batch under way, as a refusal would name it, and when it was sent."""

    digest: bytes
    at: float


class Sending:
    """Decides what a tape sends, window by window, with backoff and jitter.

    `poll` says what to send at a time; `answered` takes what came back. Only an answer that the
    ledger signed counts.
    """

    def __init__(
        self,
        tape: SentTape,
        ledger_keys: list[str],
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._tape = tape
        self.trust(ledger_keys)
        self._jitter = jitter
        self._next = 0
        # Batches that have no answer yet, by their first and last numbers. They are known by these
        # and not counted: several sends of one batch have several answers.
        self._under_way: dict[tuple[int, int], _Sent] = {}
        self._handed_in: bytes | None = None
        self._tries = 0
        self._wait = self._draw_wait()
        # When the ledger last took something: one that is slow is not asked again for all of it.
        self._progress = 0.0
        # The ledger said that it does not take this tape; asked again then.
        self._refused_until = 0.0
        self._from_ledger = 0
        self.forked = False
        self.refused: wire.Refused | None = None

    def trust(self, ledger_keys: Sequence[str]) -> None:
        """Believes answers under these keys of the ledger's, and no others, from now on."""
        self._keys = {key.id: key for key in map(PublicKey, ledger_keys)}

    def poll(self, monotonic: float) -> list[bytes]:
        """Returns the envelopes to send now."""
        if self.forked:
            return []
        if monotonic < self._refused_until:
            return []
        if self._under_way and monotonic >= self._due():
            self._start_again()
        envelopes: list[bytes] = []
        while len(self._under_way) < WINDOW and (batch := self._batch()):
            envelopes.append(self._tape.envelope(batch))
            self._next = batch[-1].number
            numbers = batch[0].number, batch[-1].number
            self._under_way[numbers] = _Sent(wire.digest_of(envelopes[-1]), monotonic)
        return envelopes

    def by_another_way(self, monotonic: float) -> bytes | None:
        """Returns the first batch without a receipt, to be handed in where the broker carries nothing."""
        if self.forked or monotonic < self._refused_until or not (batch := self._tape.waiting()):
            return None
        envelope = self._tape.envelope(batch)
        # Its answer counts although the broker's connection may begin anew meanwhile.
        self._handed_in = wire.digest_of(envelope)
        return envelope

    def _due(self) -> float:
        """Returns when everything under way goes again, counted from the oldest of it.

        What the ledger takes meanwhile puts it off, but not for ever: its answer may be lost.
        """
        oldest = min(sent.at for sent in self._under_way.values())
        return max(oldest, min(self._progress, oldest + PUT_OFF_S)) + self._wait

    def _draw_wait(self) -> float:
        wait: float = min(RESEND_MAX_S, RESEND_S * 2 ** min(self._tries, DOUBLINGS_MAX))
        return wait * (0.5 + self._jitter())

    def connected(self) -> None:
        """Forgets what was under way on a connection that is gone."""
        self._start_again()
        self._took()
        self._refused_until = 0.0

    def answered(self, payload: bytes, monotonic: float) -> wire.AnswerBody | None:
        """Takes an answer; returns it when the ledger signed it for this tape, else None.

        A refusal of a batch that is not under way is somebody else's, or was heard already.
        """
        try:
            answer, body = wire.decode_answer(payload)
        except (msgspec.MsgspecError, ValueError):
            return None
        key = self._keys.get(answer.key)
        if key is not None and len(self._keys) > 1 and answer.key == next(iter(self._keys)):
            # The ledger has gone on: what the former key signs from now on is somebody else's.
            self._keys = {answer.key: key}
        if key is None or not key.signed(answer.signature, answer_message(answer.body)):
            return None
        if body.tape != self._tape.id:
            return None
        sent = {self._handed_in, *(sent.digest for sent in self._under_way.values())}
        if isinstance(body, wire.Refused) and body.batch not in sent:
            # Somebody else sent a batch in this tape's name: it says nothing of what was sent here.
            return None
        self._take(body, payload, monotonic)
        return body

    def _take(self, body: wire.AnswerBody, payload: bytes, monotonic: float) -> None:
        match body:
            case wire.Receipt():
                if body.verdicts and self._tape.chain_at(body.verdicts[-1].number) != body.chain:
                    # The ledger holds other content: this tape is a copy, or has one.
                    self.forked = True
                    return
                self._tape.receipted(body.verdicts, payload)
                self.refused, self._refused_until = None, 0.0
                self._arrived(body.verdicts, monotonic)
                if self._from_ledger and body.verdicts:
                    self._from_ledger = max(self._from_ledger, body.verdicts[-1].number + 1)
            case wire.Resend():
                # The ledger lacks what it once receipted, or a batch was lost on the way.
                if body.number != self._from_ledger:
                    self._took()
                self.refused, self._refused_until = None, 0.0
                self._go_back(body.number)
            case wire.Fork():
                self.forked = True
            case wire.Refused():
                self.refused = body
                self._start_again()
                self._refused_until = monotonic + RESEND_MAX_S

    def _go_back(self, number: int) -> None:
        """Goes on from the number that the ledger asks for, or from the first without a receipt."""
        waiting = self._tape.waiting(1)
        # What the ledger has and the tape has no receipt for is sent too: that receipt was lost.
        # A copy of a tape may lack what the ledger asks for: it sends what it has.
        lost = bool(waiting) and waiting[0].number < number
        asked = 0 if lost or number > self._tape.last() + 1 else number
        self._from_ledger, self._next = asked, max(0, asked - 1)
        self._under_way.clear()

    def _arrived(self, verdicts: Sequence[wire.Verdict], monotonic: float) -> None:
        """Takes batches off that all have their receipt now."""
        numbers = {verdict.number for verdict in verdicts}
        before = len(self._under_way)
        self._under_way = {
            (first, last): sent for (first, last), sent in self._under_way.items()
            if not numbers.issuperset(range(first, last + 1))
        }  # fmt: skip
        if len(self._under_way) < before:
            self._progress = monotonic
            self._took()

    def _took(self) -> None:
        self._tries = 0
        self._wait = self._draw_wait()

    def _batch(self) -> list[Kept]:
        if self._from_ledger:
            # Behind a resend everything goes again, receipted or not, until new ground.
            batch = self._tape.since(self._next + 1)
            if not batch:
                self._from_ledger = 0
            return batch
        return self._tape.waiting(after=self._next)

    def _start_again(self) -> None:
        # While a ledger is being filled again, only what it has not taken yet goes once more.
        self._next = max(0, self._from_ledger - 1)
        self._under_way.clear()
        self._tries += 1
        self._wait = self._draw_wait()
