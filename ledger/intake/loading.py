"""Loading: signed batches from a file through intake's own checks and the committer."""

from collections.abc import Callable, Iterable

import msgspec

from ledger.events import wire
from ledger.intake.committer import Committer

# Enough to fill a few transactions; the rest of a file stays on disk.
AHEAD = 32
SHOWN_MAX = 10


class Loaded(msgspec.Struct):
    """What became of a file's batches; `refused` says of the first ones why."""

    batches: int = 0
    reports: int = 0
    unreadable: int = 0
    refused: list[str] = msgspec.field(default_factory=list)
    refusals: int = 0


def load(committer: Committer, lines: Iterable[bytes], stepped: Callable[[int], None]) -> Loaded:
    """Commits the batches of a file, one a line; on return every receipted report is durable.

    A batch that was loaded before gets its first receipt again and changes nothing. Raises
    `JournalUnavailable` when the database is away: load the same file again.
    """
    told = Loaded()

    def answered(_tape: str, answer: bytes) -> None:
        _note(told, wire.decode_answer(answer)[1])

    waiting = 0
    for line in lines:
        stepped(len(line))
        if not (envelope := line.strip()):
            continue
        while waiting >= AHEAD or not committer.submit(envelope, answered):
            waiting -= committer.step(0.001)
        waiting += 1
        told.batches += 1
    while committer.step(0.001):
        pass
    return told


def _note(told: Loaded, body: wire.AnswerBody) -> None:
    match body:
        case wire.Receipt(verdicts=verdicts):
            told.reports += len(verdicts)
            told.unreadable += sum(verdict.code == "unreadable" for verdict in verdicts)
            return
        case wire.Resend(tape=tape, number=number):
            words = f"tape {tape}: batches before number {number} are missing"
        case wire.Fork(tape=tape, number=number):
            words = f"tape {tape}: the record holds another report under number {number}"
        case wire.Refused(tape=tape, message=message):
            words = f"tape {tape}: {message}"
    told.refusals += 1
    if len(told.refused) < SHOWN_MAX:
        told.refused.append(words)
