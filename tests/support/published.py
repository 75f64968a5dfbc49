"""A published log in memory: its leaves, its publisher, and those who look at it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ledger.log.auditing import Auditor, AuditReport, AuditRules, AuditState
from ledger.log.checkpoints import Checkpoint
from ledger.log.memory import MemoryFiles, MemoryRow
from ledger.log.notes import COSIGNATURE, NoteKey, NoteSigner
from ledger.log.publishing import LogSigner, Published, Publisher
from ledger.log.witnessing import Witness
from ledger.values.keys import SigningKey
from tests.support.make import NOON

KEY = SigningKey(bytes([7]) * 32)
ORIGIN = "log.example/1"


class MemoryLeaves:
    """A record's leaves, which a test may append to, and tamper with."""

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        self.all = list(leaves)

    def head(self) -> int:
        return len(self.all)

    def leaves(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        return list(enumerate(self.all[after : after + limit], after + 1))


class MemoryWitnessMemory:
    """What a witness remembers, until the process ends."""

    def __init__(self) -> None:
        self.kept: dict[str, Checkpoint] = {}

    def last(self, origin: str) -> Checkpoint | None:
        return self.kept.get(origin)

    def keep(self, checkpoint: Checkpoint, content: bytes) -> None:
        self.kept[checkpoint.origin] = checkpoint


class OneLog:
    """A log with its publisher, on a clock of the test's."""

    def __init__(self, leaves: Sequence[bytes] = (), *, key: SigningKey = KEY) -> None:
        self.now = NOON
        self.record = MemoryLeaves(leaves)
        self.row = MemoryRow()
        self.files = MemoryFiles()
        self.signer = LogSigner(ORIGIN, key)
        self.publisher = self.start()

    @property
    def key(self) -> NoteKey:
        return NoteKey(self.signer.public)

    def start(self) -> Publisher:
        self.publisher = Publisher(
            self.signer, self.record, self.row, self.files, now=lambda: self.now
        )
        return self.publisher

    def publish(self) -> Published:
        while self.publisher.step():
            pass
        assert self.publisher.published is not None
        return self.publisher.published

    def read(self, paths: Sequence[str]) -> list[bytes | None]:
        return [self.files.files.get(path) for path in paths]


class Looking:
    """An auditor that remembers what it verified."""

    def __init__(self, log: OneLog, *, witnesses: Sequence[NoteKey] = (), quorum: int = 0) -> None:
        self.state = AuditState(key=log.signer.public)
        self._rules = AuditRules(timedelta(minutes=10), witnesses, quorum)

    def look(
        self, log: OneLog, *, everything: bool = False, now: datetime | None = None
    ) -> AuditReport:
        rules = self._rules._replace(everything=everything)
        auditor = Auditor(self.state, log.read, rules, now=lambda: now or log.now)
        report = auditor.run(self._keep)
        self.state = auditor.state
        return report

    def codes(self, log: OneLog, *, everything: bool = False) -> list[str]:
        return [one.code for one in self.look(log, everything=everything).findings]

    def _keep(self, state: AuditState) -> None:
        self.state = state


def witness(log: OneLog, number: int = 1) -> tuple[Witness, NoteKey, NoteSigner]:
    """Makes a witness of a log, with its key."""
    signer = NoteSigner(
        f"witness.example/{number}", SigningKey(bytes([40 + number]) * 32), COSIGNATURE
    )
    made = Witness(signer, [log.key], MemoryWitnessMemory(), now=lambda: log.now)
    return made, NoteKey(signer.public), signer
