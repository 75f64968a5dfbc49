"""Laws: whatever a network loses, repeats or delays, a tape is receipted once it carries again."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.events import wire
from ledger.events.reports import TapeOpened
from ledger.values.chain import answer_message
from ledger.values.keys import SigningKey
from scanners.sending import RESEND_MAX_S, Sending
from scanners.tape import Tape
from tests.support.make import NOON, clock, sold

KEY = SigningKey(bytes(range(32)))
TAPE = "11111111-1111-4111-8111-111111111111"

# What happens next; numbers choose which of the batches or answers under way it happens to.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["scan", "scan", "poll", "poll", "take", "take", "lose", "hear", "hear",
                         "lose-answer", "hear-twice", "wait", "connect"]),
        st.integers(0, 30),
    ),
    max_size=80,
)  # fmt: skip


class Network:
    """A tape, batches and answers under way, and a ledger that takes numbers strictly in order."""

    def __init__(self, folder: Path) -> None:
        self.tape = Tape.create(
            folder / "a.tape", TAPE, "scanner-1", bytes(32),
            opening=lambda: TapeOpened(device="scanner-1", clock=clock()),
        )  # fmt: skip
        self.sending = Sending(self.tape, [KEY.public], jitter=lambda: 0.5)
        self.now = 0.0
        self.batches: list[bytes] = []
        self.answers: list[bytes] = []
        self.head = 0

    def do(self, what: str, which: int) -> None:
        match what:
            case "scan":
                self.tape.append(sold())
            case "poll":
                self.batches += self.sending.poll(self.now)
            case "take" if self.batches:
                self._take(self.batches.pop(which % len(self.batches)))
            case "lose" if self.batches:
                self.batches.pop(which % len(self.batches))
            case "hear" if self.answers:
                self.sending.answered(self.answers.pop(which % len(self.answers)), self.now)
            case "hear-twice" if self.answers:
                self.sending.answered(self.answers[which % len(self.answers)], self.now)
            case "lose-answer" if self.answers:
                self.answers.pop(which % len(self.answers))
            case "wait":
                self.now += which
            case "connect":
                self.sending.connected()

    def carry(self) -> None:
        """Carries everything there and back, with a pause longer than any wait of the tape's."""
        self.now += 2 * RESEND_MAX_S
        self.batches += self.sending.poll(self.now)
        while self.batches:
            self._take(self.batches.pop(0))
            while self.answers:
                self.sending.answered(self.answers.pop(0), self.now)
            self.batches += self.sending.poll(self.now)

    def _take(self, envelope: bytes) -> None:
        batch = wire.decode_batch(envelope)
        body: wire.AnswerBody
        if batch.first > self.head + 1:
            body = wire.Resend(ledger="t", tape=TAPE, number=self.head + 1, time=NOON)
        else:
            last = batch.first + len(batch.reports) - 1
            self.head = max(self.head, last)
            verdicts = tuple(
                wire.Verdict(number=n, code="recorded", position=n, leaf=bytes(32))
                for n in range(batch.first, last + 1)
            )
            chain = self.tape.chain_at(last) or b""
            body = wire.Receipt(ledger="t", tape=TAPE, chain=chain, time=NOON, verdicts=verdicts)
        encoded = wire.encode(body)
        signature = KEY.sign(answer_message(encoded))
        self.answers.append(wire.encode(wire.Answer(body=encoded, key=KEY.id, signature=signature)))


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_everything_on_a_tape_is_receipted_once_the_network_carries(
    steps: list[tuple[str, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        network = Network(Path(folder))
        for what, which in steps:
            network.do(what, which)

        network.carry()
        network.carry()

        assert network.tape.count_waiting() == 0
        assert network.head == network.tape.last()
        assert not network.sending.forked
