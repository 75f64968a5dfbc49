"""The committer: one queue, one transaction at a time, answers after the commit."""

import logging
import queue
import time
from collections.abc import Callable
from datetime import datetime
from typing import Literal, NamedTuple

from ledger.events import wire
from ledger.intake.devices import Devices
from ledger.intake.metrics import Meter, NoMeter
from ledger.intake.strangers import BYTES_MAX as STRANGER_BYTES
from ledger.intake.strangers import Strangers
from ledger.intake.verify import Unverified, Verifier
from ledger.journal.interface import (
    TRANSACTION_ROWS_MAX,
    Appender,
    CheckAgain,
    Forked,
    OfAnother,
    Outcome,
    Recorded,
    ResendFrom,
    TapeBatch,
)
from ledger.values.chain import answer_message
from ledger.values.keys import SigningKey

log = logging.getLogger("suyuan.intake")

# Carries an answer back to where its batch came from: reply(tape, answer).
Reply = Callable[[str, bytes], None]

# A full queue slows the transports down instead of filling memory; the tapes keep everything.
QUEUE_MAX = 2000


class Waiting(NamedTuple):
    """A batch's bytes with the way its answer goes back."""

    envelope: bytes
    reply: Reply
    at: float


class Committer:
    """Takes what waits, verifies it, records it in one transaction and answers.

    A plain state machine: `submit` from any thread, `step` from one. Clock, journal, devices and
    key come in by constructor.
    """

    def __init__(
        self,
        ledger: str,
        journal: Appender,
        verifier: Verifier,
        devices: Devices,
        *,
        key: SigningKey,
        now: Callable[[], datetime],
        checkpoint: Callable[[], str | None] = lambda: None,
        meter: Meter | None = None,
    ) -> None:
        """`checkpoint` gives the last one that the log has published, for the receipts."""
        self._checkpoint = checkpoint
        self._meter = meter or NoMeter()
        self._ledger = ledger
        self._journal = journal
        self._verifier = verifier
        self._devices = devices
        self.key = key
        self._now = now
        self._queue: queue.Queue[Waiting] = queue.Queue(QUEUE_MAX)
        # Taken, and verified but not yet recorded: both outlive a step that found the database away.
        self._taken: list[Waiting] = []
        self._pending: list[tuple[Waiting, TapeBatch]] = []
        self._strangers = Strangers(journal, now)
        self._counted = {"batches": 0, "reports": 0, "resends": 0, "forks": 0}

    @property
    def counters(self) -> dict[str, int]:
        """What was taken and what was not, since this process began."""
        strangers = {"strangers": self._strangers.seen, "strangers_kept": self._strangers.kept}
        return self._counted | strangers

    def submit(self, envelope: bytes, reply: Reply) -> bool:
        """Queues a batch; False when the queue is full and the sender must try again.

        What is too large to be a batch is not held in memory; its beginning tells what it was.
        """
        if len(envelope) > wire.BATCH_BYTES_MAX:
            envelope = envelope[:STRANGER_BYTES]
        try:
            self._queue.put_nowait(Waiting(envelope, reply, time.monotonic()))
        except queue.Full:
            return False
        return True

    def step(self, wait_s: float) -> int:
        """Records and answers what waits, after at most `wait_s` of waiting; returns the batches.

        Raises `JournalUnavailable` when nothing could be recorded; what was taken stays here and
        comes first at the next step.
        """
        self._gather(wait_s)
        if not self._pending:
            return 0
        pending = self._pending
        outcomes = self._journal.append_batches([batch for _, batch in pending], self._now())
        self._pending = []
        self._meter.transaction(sum(len(batch.rows) for _, batch in pending))
        for (waiting, batch), outcome in zip(pending, outcomes, strict=True):
            self._finish(waiting, batch, outcome)
        return len(pending)

    def _gather(self, wait_s: float) -> None:
        """Fills what is pending up to a transaction; what was taken stays even if this fails."""
        rows = sum(len(batch.rows) for _, batch in self._pending)
        while rows < TRANSACTION_ROWS_MAX - wire.BATCH_REPORTS_MAX:
            if not self._taken:
                try:
                    self._taken.append(self._queue.get(not self._pending, wait_s))
                except queue.Empty:
                    return
            batch = self._verify(self._taken[0])
            waiting = self._taken.pop(0)
            if batch is not None:
                self._pending.append((waiting, batch))
                rows += len(batch.rows)

    def _verify(self, waiting: Waiting) -> TapeBatch | None:
        found = self._verifier.verify(waiting.envelope, self._now())
        match found:
            case TapeBatch():
                return found
            case Unverified(tape, code, message):
                self._strangers.keep(f"{code}: {message}", waiting.envelope)
                log.info("a batch was refused", extra={"code": code, "tape": tape, "why": message})
                self._answer(waiting, tape, self._refused(waiting, tape, code, message))
            case None:
                self._strangers.keep("no batch", waiting.envelope)
        return None

    def _finish(self, waiting: Waiting, batch: TapeBatch, outcome: Outcome) -> None:
        now = self._now()
        body: wire.AnswerBody
        match outcome:
            case Recorded():
                self._counted["batches"] += 1
                self._counted["reports"] += outcome.new
                body = self._receipt(batch, outcome, now)
                self._meter.receipted(time.monotonic() - waiting.at)
                if log.isEnabledFor(logging.DEBUG):
                    log.debug("recorded", extra=_place(batch, outcome.stored[-1].position))
            case ResendFrom(number):
                self._counted["resends"] += 1
                body = wire.Resend(ledger=self._ledger, tape=batch.tape, number=number, time=now)
            case Forked(number):
                self._counted["forks"] += 1
                log.warning("a tape forked", extra=_place(batch) | {"number": number})
                body = wire.Fork(ledger=self._ledger, tape=batch.tape, number=number, time=now)
            case OfAnother():
                message = f"the tape {batch.tape} belongs to another device"
                self._strangers.keep(f"tape-of-another: {batch.device}", waiting.envelope)
                body = self._refused(waiting, batch.tape, "tape-of-another", message)
            case CheckAgain():
                self._devices.forget(batch.device)
                self._taken.append(waiting)
                return
        self._answer(waiting, batch.tape, body)

    def _refused(
        self, waiting: Waiting, tape: str, code: wire.RefusalCode, message: str
    ) -> wire.Refused:
        return wire.Refused(
            ledger=self._ledger, tape=tape, batch=wire.digest_of(waiting.envelope), code=code,
            message=message, time=self._now(),
        )  # fmt: skip

    def _receipt(self, batch: TapeBatch, outcome: Recorded, now: datetime) -> wire.Receipt:
        verdicts = tuple(
            wire.Verdict(
                number=stored.number,
                code=_verdict_code(stored.name),
                position=stored.position,
                leaf=stored.leaf,
                flags=stored.flags,
            )
            for stored in outcome.stored
        )
        chain = outcome.stored[-1].chain or b""
        return wire.Receipt(
            ledger=self._ledger, tape=batch.tape, chain=chain, time=now, verdicts=verdicts,
            checkpoint=self._checkpoint(),
        )  # fmt: skip

    def _answer(self, waiting: Waiting, tape: str, body: wire.AnswerBody) -> None:
        encoded = wire.encode(body)
        signature = self.key.sign(answer_message(encoded))
        answer = wire.Answer(body=encoded, key=self.key.id, signature=signature)
        waiting.reply(tape, wire.encode(answer))


def _place(batch: TapeBatch, position: int | None = None) -> dict[str, object]:
    """Returns what a log line says of a batch."""
    said: dict[str, object] = {"device": batch.device, "tape": batch.tape, "first": batch.first}
    return said | ({"position": position} if position is not None else {})


def _verdict_code(name: str) -> Literal["recorded", "unreadable"]:
    return "unreadable" if name == "report-unreadable.v1" else "recorded"
