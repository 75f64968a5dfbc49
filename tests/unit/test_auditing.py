"""Auditing: what is refused, what is remembered, and where an audit goes on that was cut short."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import pytest

from ledger.log.auditing import Auditor, AuditRules, AuditState
from ledger.log.files import TILES_AT_ONCE
from ledger.log.merkle import ProofWrong
from ledger.log.notes import NoteKey
from ledger.log.proofs import TlogProof, check_proof, read_proof
from ledger.log.publishing import LogSigner
from ledger.log.tiles import WIDTH
from ledger.values.keys import SigningKey
from tests.support.published import Looking, OneLog

RULES = AuditRules(timedelta(minutes=10))


def entries(count: int) -> list[bytes]:
    return [hashlib.sha256(n.to_bytes(8)).digest() for n in range(count)]


@pytest.fixture(scope="module")
def large() -> OneLog:
    log = OneLog(entries(3 * TILES_AT_ONCE * WIDTH + 7))
    log.publish()
    return log


def test_an_audit_that_was_cut_short_goes_on_where_it_was(large: OneLog) -> None:
    kept: list[AuditState] = []
    asked: list[str] = []

    def read(paths: Sequence[str]) -> list[bytes | None]:
        asked.extend(paths)
        if len(asked) > 3 * TILES_AT_ONCE:
            raise ConnectionError
        return large.read(paths)

    state = AuditState(key=large.signer.public)
    with pytest.raises(ConnectionError):
        Auditor(state, read, RULES, now=lambda: large.now).run(kept.append)
    assert kept[-1].reached is not None
    assert kept[-1].reached.size == TILES_AT_ONCE * WIDTH
    assert kept[-1].verified.size == 0

    again: list[str] = []
    later = Auditor(
        kept[-1], lambda p: again.extend(p) or large.read(p), RULES, now=lambda: large.now
    )  # type: ignore[func-returns-value]
    report = later.run(kept.append)
    assert (report.findings, report.size) == ([], large.record.head())
    assert "tile/entries/000" not in again
    assert f"tile/entries/{TILES_AT_ONCE:03d}" in again


def test_what_was_reached_in_a_log_that_turns_out_false_is_forgotten(large: OneLog) -> None:
    log = OneLog(entries(300))
    log.publish()
    state = Looking(log).state
    poisoned = OneLog([bytes(32), *entries(300)[1:]])
    poisoned.publish()
    poisoned.files.files["checkpoint"] = log.files.files["checkpoint"]
    kept: list[AuditState] = []

    first = Auditor(state, poisoned.read, RULES, now=lambda: log.now).run(kept.append)
    assert [one.code for one in first.findings] == ["not-its-growth"]
    assert kept[-1].reached is None

    second = Auditor(kept[-1], log.read, RULES, now=lambda: log.now).run(kept.append)
    assert (second.findings, second.size) == ([], 300)


def test_an_entry_beside_the_audited_edge_that_was_changed_is_noticed() -> None:
    log = OneLog(entries(10))
    log.publish()
    looking = Looking(log)
    assert looking.codes(log) == []
    log.record.all += entries(12)[10:]
    log.publish()
    bundle = bytearray(log.files.files["tile/entries/000.p/12"])
    bundle[40] ^= 1
    log.files.files["tile/entries/000.p/12"] = bytes(bundle)

    assert looking.codes(log) == ["swapped-tile"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "a note is text"),
        (b"\xff\n\n\xe2\x80\x94 a AAAAAAA=\n", "UTF-8"),
        (b"x" * 200_000, "at most 100000 bytes"),
        (b"log.example/1\n5\n", "a note is text"),
        (b"log.example/1\n-5\nAAAA\n\n\xe2\x80\x94 log.example/1 AAAAAAAA\n", "a size is a number"),
        (b"log.example/1\n5\nAAAA\n\n\xe2\x80\x94 log.example/1 AAAAAAAA\n", "a root is 32 bytes"),
    ],
)
def test_a_checkpoint_that_is_none_is_refused_with_words(content: bytes, words: str) -> None:
    log = OneLog(entries(3))
    log.publish()
    log.files.files["checkpoint"] = content

    (found,) = Looking(log).look(log).findings

    assert (found.code, words in found.words) == ("forged-checkpoint", True), found.words


def test_the_key_of_another_log_is_refused_with_words() -> None:
    log = OneLog(entries(3))
    log.publish()
    other = LogSigner("other.example/9", SigningKey(bytes([9]) * 32))
    state = AuditState(key=other.public)

    report = Auditor(state, log.read, RULES, now=lambda: log.now).run(lambda _state: None)

    (found,) = report.findings
    assert found.words == "this is a checkpoint of log.example/1, not of other.example/9"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"c2sp.org/tlog-proof@v1\n", b"c2sp.org/tlog-proof@v1\nindex 01\n\nx",
        b"c2sp.org/tlog-proof@v1\nextra !\nindex 0\n\nx", b"\xff\n\n", b"x" * 300_000,
        b"c2sp.org/tlog-proof@v1\nindex 0\n" + b"AAAA\n" * 3 + b"\nx",
        b"c2sp.org/tlog-proof@v1\nindex 0\n\nlog.example/1\n1\nx\n",
        b"c2sp.org/tlog-proof@v1\nextra eJwDAAAAAAE=\nindex 99999999999999999999\n\nx",
    ],
)  # fmt: skip
def test_a_proof_that_is_none_is_refused_with_words(content: bytes) -> None:
    key = NoteKey(OneLog().signer.public)

    with pytest.raises(ProofWrong):
        check_proof(read_proof(content), key)


def test_a_proof_whose_opening_is_a_bomb_is_refused() -> None:
    import zlib

    log = OneLog(entries(1))
    said = log.publish()
    bomb = zlib.compress(bytes(50_000_000), 9)

    with pytest.raises(ProofWrong, match="extra data opens nothing"):
        check_proof(TlogProof(0, [], said.note, bomb), log.key)
