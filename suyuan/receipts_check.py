"""Checks a scanner's receipts against the published log: what was receipted must be what is in it."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec

from ledger.events import wire
from ledger.log.auditing import LogFinding
from ledger.log.checkpoints import Checkpoint
from ledger.log.files import ReadFiles, read_tiles
from ledger.log.proofs import index_of
from ledger.log.tiles import WIDTH, Tile, unpack_entries
from ledger.values.chain import answer_message
from ledger.values.keys import PublicKey
from scanners.agent import home_of
from scanners.tape import Tape

BUNDLES_AT_ONCE = 64


class ReceiptsReport(NamedTuple):
    """How many receipts the log bears out, how many it does not cover yet, what is wrong.

    `former` were given under an older log of a ledger that was restored since.
    """

    covered: int
    waiting: int
    former: int
    findings: list[LogFinding]


def check_receipts(tape: Tape, read: ReadFiles, log: Checkpoint) -> ReceiptsReport:
    """Compares every receipt of a tape with the entry at its position in a published log."""
    size = log.size
    verdicts, former = _verdicts(tape, log.origin)
    covered = [verdict for verdict in verdicts if verdict.position <= size]
    bundles = [
        (number, list(some))
        for number, some in groupby(covered, lambda verdict: index_of(verdict.position) // WIDTH)
    ]
    findings: list[LogFinding] = []
    for at in range(0, len(bundles), BUNDLES_AT_ONCE):
        some = bundles[at : at + BUNDLES_AT_ONCE]
        entries = _entries(read, [number for number, _ in some], size)
        for (number, told), found in zip(some, entries, strict=True):
            for verdict in told:
                place = index_of(verdict.position) - number * WIDTH
                if found[place] != verdict.leaf:
                    findings.append(_broken(tape, verdict))
    return ReceiptsReport(len(covered), len(verdicts) - len(covered), former, findings)


def _broken(tape: Tape, verdict: wire.Verdict) -> LogFinding:
    return LogFinding(
        "receipt-broken",
        f"report {verdict.number} of {tape.device} was receipted at position {verdict.position},"
        " and the log holds something else there: the tape keeps the signed receipt",
    )


def _verdicts(tape: Tape, origin: str) -> tuple[list[wire.Verdict], int]:
    """Returns what the ledger signed for this tape under a log, by position, and how much under others.

    A receipt from before the first checkpoint counts for the log that is audited, unless the report was
    receipted again since: a ledger that was restored may have put it elsewhere.
    """
    keys = {key.id: key for key in map(PublicKey, home_of(tape).keys)}
    found: set[wire.Verdict] = set()
    early: dict[int, wire.Verdict] = {}
    former: set[int] = set()
    for payload in tape.receipts():
        try:
            answer, body = wire.decode_answer(payload)
        except (msgspec.MsgspecError, ValueError):
            continue
        key = keys.get(answer.key)
        signed = key is not None and key.signed(answer.signature, answer_message(answer.body))
        if not signed or not isinstance(body, wire.Receipt) or body.tape != tape.id:
            continue
        if body.checkpoint is None:
            early |= {verdict.number: verdict for verdict in body.verdicts}
        elif body.checkpoint.split("\n", 1)[0] == origin:
            found.update(body.verdicts)
        else:
            former.update(verdict.number for verdict in body.verdicts)
    again = {verdict.number for verdict in found}
    found.update(verdict for number, verdict in early.items() if number not in again)
    again.update(early)
    return sorted(found, key=lambda verdict: verdict.position), len(former - again)


def _entries(read: ReadFiles, numbers: Sequence[int], size: int) -> list[list[bytes]]:
    bundles = [Tile(-1, number, min(WIDTH, size - number * WIDTH)) for number in numbers]
    found = zip(bundles, read_tiles(read, bundles), strict=True)
    return [unpack_entries(bundle, content) for bundle, content in found]
