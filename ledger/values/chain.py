"""The hash chain of a tape, and the bytes a device signs. docs/protocol.md states both."""

import hashlib
from collections.abc import Iterable
from uuid import UUID

CHAIN_LABEL = b"suyuan/tape/v1\n"
BATCH_LABEL = b"suyuan/batch/v1\n"
ANSWER_LABEL = b"suyuan/answer/v1\n"


def chain_start(tape: str) -> bytes:
    """Returns the chain hash before report 1 of a tape."""
    return hashlib.sha256(CHAIN_LABEL + UUID(tape).bytes).digest()


def chain_next(previous: bytes, number: int, report: bytes) -> bytes:
    """Returns the chain hash after report `number`: SHA-256(label ‖ previous ‖ u64 ‖ bytes)."""
    return hashlib.sha256(CHAIN_LABEL + previous + number.to_bytes(8, "big") + report).digest()


def chain_over(previous: bytes, first: int, reports: Iterable[bytes]) -> list[bytes]:
    """Returns the chain hash after each of `reports`, the first of which is number `first`."""
    hashes = []
    for number, report in enumerate(reports, first):
        previous = chain_next(previous, number, report)
        hashes.append(previous)
    return hashes


def batch_message(tape: str, first: int, last: int, previous: bytes, head: bytes) -> bytes:
    """Returns what a device signs over reports `first`..`last` of a tape."""
    numbers = first.to_bytes(8, "big") + last.to_bytes(8, "big")
    return BATCH_LABEL + UUID(tape).bytes + numbers + previous + head


def answer_message(body: bytes) -> bytes:
    """Returns what the ledger signs over an answer."""
    return ANSWER_LABEL + body
