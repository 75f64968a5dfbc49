"""Sending: what to send next and what an answer means. A state machine without a network."""

import random
from collections.abc import Callable, Sequence

import msgspec

from ledger.events import wire
from ledger.values.chain import answer_message
from ledger.values.keys import PublicKey
from scanners.tape import Kept, Tape

# How many batches may be under way; the ledger takes them strictly in order.
WINDOW = 4
# First wait before an unanswered batch is sent again, and the longest.
RESEND_S = 2.0
RESEND_MAX_S = 60.0
DOUBLINGS_MAX = 5


class Sending:
    """Decides what a tape sends, window by window, with backoff and jitter.

    `poll` says what to send at a time; `answered` takes what came back. Only an answer that the
    ledger signed counts.
    """

    def __init__(
        self,
        tape: Tape,
        ledger_keys: list[str],
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._tape = tape
        self._keys = {key.id: key for key in map(PublicKey, ledger_keys)}
        self._jitter = jitter
        self._next = 0
        # First and last numbers of the batches that have no answer yet. They are known by these and
        # not counted: several sends of one batch have several answers.
        self._under_way: set[tuple[int, int]] = set()
        self._tries = 0
        self._deadline = 0.0
        # The ledger said that it does not take this tape; asked again then.
        self._refused_until = 0.0
        self._from_ledger = 0
        self.forked = False
        self.refused: wire.Refused | None = None

    def poll(self, monotonic: float) -> list[bytes]:
        """Returns the envelopes to send now."""
        if self.forked:
            return []
        if monotonic < self._refused_until:
            return []
        if self._under_way and monotonic >= self._deadline:
            self._start_again()
        envelopes = []
        idle = not self._under_way
        while len(self._under_way) < WINDOW and (batch := self._batch()):
            envelopes.append(self._tape.envelope(batch))
            self._next = batch[-1].number
            self._under_way.add((batch[0].number, batch[-1].number))
        if envelopes and idle:
            # Counted from the oldest under way: later ones must not put off what was lost.
            wait = min(RESEND_MAX_S, RESEND_S * 2 ** min(self._tries, DOUBLINGS_MAX))
            self._deadline = monotonic + wait * (0.5 + self._jitter())
        return envelopes

    def connected(self) -> None:
        """Forgets what was under way on a connection that is gone."""
        self._start_again()
        self._tries = 0
        self._refused_until = 0.0

    def answered(self, payload: bytes, monotonic: float) -> wire.AnswerBody | None:
        """Takes an answer; returns it when the ledger signed it for this tape, else None."""
        try:
            answer, body = wire.decode_answer(payload)
        except (msgspec.MsgspecError, ValueError):
            return None
        key = self._keys.get(answer.key)
        if key is None or not key.signed(answer.signature, answer_message(answer.body)):
            return None
        if body.tape != self._tape.id:
            return None
        self._take(body, monotonic)
        return body

    def _take(self, body: wire.AnswerBody, monotonic: float) -> None:
        self._tries = 0
        match body:
            case wire.Receipt():
                if body.verdicts and self._tape.chain_at(body.verdicts[-1].number) != body.chain:
                    # The ledger holds other content: this tape is a copy, or has one.
                    self.forked = True
                    return
                self._tape.receipted(body.verdicts)
                self.refused, self._refused_until = None, 0.0
                self._arrived(body.verdicts)
                if self._from_ledger and body.verdicts:
                    self._from_ledger = max(self._from_ledger, body.verdicts[-1].number + 1)
            case wire.Resend():
                # The ledger lacks what it once receipted, or a batch was lost on the way.
                self._next = body.number - 1
                self._under_way.clear()
                self._from_ledger = body.number
            case wire.Fork():
                self.forked = True
            case wire.Refused():
                self.refused = body
                self._start_again()
                self._refused_until = monotonic + RESEND_MAX_S

    def _arrived(self, verdicts: Sequence[wire.Verdict]) -> None:
        """Takes batches off that all have their receipt now."""
        numbers = {verdict.number for verdict in verdicts}
        self._under_way -= {
            (first, last) for first, last in self._under_way
            if numbers.issuperset(range(first, last + 1))
        }  # fmt: skip

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
