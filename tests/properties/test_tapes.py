"""Law: the tape in memory answers as the one on disk does, whatever is done to both."""

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.events import wire
from ledger.events.reports import TapeOpened
from ledger.values.keys import SigningKey
from scanners.memory_tape import MemoryTape
from scanners.tape import Tape
from tests.support.make import clock, sold

TAPE = "11111111-1111-4111-8111-111111111111"
STEPS = st.lists(
    st.tuples(st.sampled_from(["append", "append", "receipt", "waiting", "since"]),
              st.integers(0, 9), st.integers(0, 9)),
    max_size=30,
)  # fmt: skip


@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_the_tape_in_memory_answers_as_the_one_on_disk(steps: list[tuple[str, int, int]]) -> None:
    opening = TapeOpened(device="scanner-1", clock=clock())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.tape"
        real = Tape.create(path, TAPE, "scanner-1", bytes(32), opening=lambda: opening)
        memory = MemoryTape(TAPE, "scanner-1", SigningKey(bytes(32)), opening)
        with closing(real):
            for what, one, other in steps:
                assert do(real, what, one, other) == do(memory, what, one, other)
                assert seen(real) == seen(memory)


def do(tape: Any, what: str, one: int, other: int) -> Any:
    match what:
        case "append":
            return tape.append(sold(one + 1))
        case "receipt":
            verdicts = tuple(
                wire.Verdict(number=n, code="recorded", position=n + 100, leaf=bytes(32))
                for n in range(one + 1, one + other + 1)
            )
            return tape.receipted(verdicts, b"answer %d" % one)
        case "waiting":
            batch = tape.waiting(other + 1, one)
        case _:
            batch = tape.since(one + 1, other + 1)
    return batch, tape.envelope(batch) if batch else None


def seen(tape: Any) -> Any:
    last = tape.last()
    places = [(tape.position_of(n), tape.chain_at(n)) for n in range(1, last + 2)]
    return last, tape.count_waiting(), places, list(tape.receipts())
