"""Sending: windows, answers, resends, forks; a state machine without a network."""

from pathlib import Path

from ledger.events import wire
from ledger.events.reports import TapeOpened
from ledger.values.chain import answer_message
from ledger.values.keys import SigningKey
from scanners.sending import RESEND_MAX_S, WINDOW, Sending
from scanners.tape import Tape
from tests.support.make import NOON, clock, sold

LEDGER = SigningKey(bytes(range(32)))
TAPE = "11111111-1111-4111-8111-111111111111"


def begin(path: Path, reports: int) -> tuple[Tape, Sending]:
    tape = Tape.create(
        path / "a.tape", TAPE, "scanner-1", bytes(32),
        opening=lambda: TapeOpened(device="scanner-1", clock=clock()),
    )  # fmt: skip
    for _ in range(reports - 1):
        tape.append(sold())
    return tape, Sending(tape, [LEDGER.public], jitter=lambda: 0.5)


def signed(body: wire.AnswerBody, key: SigningKey = LEDGER) -> bytes:
    encoded = wire.encode(body)
    return wire.encode(
        wire.Answer(body=encoded, key=key.id, signature=key.sign(answer_message(encoded)))
    )


def receipt(tape: Tape, last: int, chain: bytes | None = None) -> bytes:
    verdicts = tuple(
        wire.Verdict(number=n, code="recorded", position=n, leaf=bytes(32))
        for n in range(1, last + 1)
    )
    body = wire.Receipt(
        ledger="t", tape=TAPE, chain=chain or tape.chain_at(last) or b"", time=NOON, verdicts=verdicts
    )  # fmt: skip
    return signed(body)


def test_at_most_a_window_is_under_way(tmp_path: Path) -> None:
    _, sending = begin(tmp_path, 1100)

    assert len(sending.poll(0)) == WINDOW
    assert sending.poll(0.1) == []


def test_what_was_lost_is_sent_again_though_scans_go_on(tmp_path: Path) -> None:
    tape, sending = begin(tmp_path, 1)
    sending.poll(0)
    sent = []

    for second in range(1, 12):
        tape.append(sold())
        sent += sending.poll(float(second))

    assert any(wire.decode_batch(envelope).first == 1 for envelope in sent)


def test_months_without_an_answer_do_not_end_the_link(tmp_path: Path) -> None:
    _, sending = begin(tmp_path, 1)
    now = 0.0
    for _ in range(3000):
        now += RESEND_MAX_S * 2
        assert sending.poll(now)


def test_only_the_ledgers_own_word_counts(tmp_path: Path) -> None:
    tape, sending = begin(tmp_path, 3)
    sending.poll(0)
    other = SigningKey(bytes(32))

    assert (
        sending.answered(signed(wire.Resend(ledger="t", tape=TAPE, number=1, time=NOON), other), 1)
        is None
    )
    assert sending.answered(b"{}", 1) is None
    foreign = wire.Resend(ledger="t", tape=TAPE.replace("1", "2"), number=1, time=NOON)
    assert sending.answered(signed(foreign), 1) is None
    assert isinstance(sending.answered(receipt(tape, 3), 1), wire.Receipt)
    assert tape.count_waiting() == 0


def test_a_receipt_for_other_content_is_a_fork_not_a_receipt(tmp_path: Path) -> None:
    tape, sending = begin(tmp_path, 3)
    sending.poll(0)

    sending.answered(receipt(tape, 3, chain=bytes(32)), 1)

    assert sending.forked
    assert tape.count_waiting() == 3


def test_a_report_is_not_left_waiting_when_its_receipt_was_lost_beside_answers_that_came_twice(
    tmp_path: Path,
) -> None:
    tape, sending = begin(tmp_path, 1)
    sending.poll(0)
    sending.answered(receipt(tape, 1), 0)
    for number in range(2, 5):
        tape.append(sold())
        sending.poll(number)
    resend = signed(wire.Resend(ledger="t", tape=TAPE, number=2, time=NOON))
    for _ in range(2):
        # The first was lost: each of the others is answered by asking for it.
        sending.answered(resend, 5)
        sending.poll(5)

    # Sent twice, the batch is answered twice; the one behind it is lost with its answer.
    sending.answered(receipt(tape, 4), 6)
    tape.append(sold())
    sending.poll(6)
    sending.answered(receipt(tape, 4), 6)

    assert tape.count_waiting() == 1
    assert [wire.decode_batch(envelope).first for envelope in sending.poll(30)] == [5]


def test_a_report_whose_receipt_was_lost_gets_it_though_the_ledger_asks_for_a_later_one(
    tmp_path: Path,
) -> None:
    tape, sending = begin(tmp_path, 3)
    sending.poll(0)
    # The ledger took 1 to 3; the receipt is lost, and number 5 comes before number 4.
    tape.append(sold())
    sending.poll(0.1)
    tape.append(sold())
    sending.poll(0.2)
    sending.answered(signed(wire.Resend(ledger="t", tape=TAPE, number=4, time=NOON)), 1.0)

    again = [wire.decode_batch(envelope) for envelope in sending.poll(1.0)]
    assert [(batch.first, len(batch.reports)) for batch in again] == [(1, 5)]
    sending.answered(receipt(tape, 5), 2.0)
    assert tape.count_waiting() == 0


def refusal(envelope: bytes) -> wire.Refused:
    return wire.Refused(
        ledger="t", tape=TAPE, batch=wire.digest_of(envelope), code="unknown-device",
        message="not enrolled", time=NOON,
    )  # fmt: skip


def test_a_stranger_who_names_a_tape_does_not_silence_its_scanner(tmp_path: Path) -> None:
    tape, sending = begin(tmp_path, 3)
    sending.poll(0)

    assert sending.answered(signed(refusal(b"a stranger's batch")), 1) is None

    tape.append(sold())
    assert len(sending.poll(2)) == 1
    assert sending.refused is None


def test_a_ledger_that_asks_for_more_than_a_tape_has_gets_what_there_is(tmp_path: Path) -> None:
    _, sending = begin(tmp_path, 5)
    sending.poll(0)

    sending.answered(signed(wire.Resend(ledger="t", tape=TAPE, number=9, time=NOON)), 1)

    assert [wire.decode_batch(envelope).first for envelope in sending.poll(2)] == [1]


def test_a_refused_tape_is_tried_again_each_minute_and_at_once_on_a_new_connection(
    tmp_path: Path,
) -> None:
    _, sending = begin(tmp_path, 3)
    (sent,) = sending.poll(0)
    refused = refusal(sent)

    sending.answered(signed(refused), 1)

    assert sending.poll(RESEND_MAX_S) == []
    assert len(sending.poll(RESEND_MAX_S + 1)) == 1
    sending.answered(signed(refused), RESEND_MAX_S + 2)
    assert sending.poll(RESEND_MAX_S + 3) == []
    sending.connected()
    assert len(sending.poll(RESEND_MAX_S + 3)) == 1


def test_a_ledger_restored_from_yesterday_is_filled_again_receipted_or_not(tmp_path: Path) -> None:
    tape, sending = begin(tmp_path, 450)
    sending.poll(0)
    sending.answered(receipt(tape, 450), 1)
    tape.append(sold())
    sending.poll(2)

    sending.answered(signed(wire.Resend(ledger="t", tape=TAPE, number=11, time=NOON)), 3)
    again = [wire.decode_batch(envelope) for envelope in sending.poll(4)]

    assert [(batch.first, len(batch.reports)) for batch in again] == [
        (11, 200),
        (211, 200),
        (411, 41),
    ]
