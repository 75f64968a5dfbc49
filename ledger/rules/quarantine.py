"""Quarantine: a report put aside as unreadable counts once it can be read."""

import hashlib
from datetime import datetime
from typing import Annotated, NamedTuple

import msgspec

from ledger.errors import Malformed
from ledger.events.base import Event, Uuid
from ledger.events.cases import ReportReadmitted
from ledger.events.catalogue import read_report
from ledger.events.reports import TapeOpened
from ledger.rules.device import DeviceCase
from ledger.rules.flags import flags_of
from ledger.rules.refusal import Refusal


class ReadmitReport(msgspec.Struct, frozen=True, kw_only=True, tag="readmit-report"):
    """Asks that a report in quarantine counts, now that it can be understood."""

    stream: Uuid
    number: Annotated[int, msgspec.Meta(ge=1, le=2**53)]


class Held(NamedTuple):
    """A report as it lies in quarantine, with what the record says of its arrival."""

    tape: str
    content: bytes
    digest: str
    received: datetime
    device: str


class QuarantineCase(msgspec.Struct, frozen=True):
    """Whether a report in quarantine was re-admitted."""

    subject: str
    version: int = 0


def decide_readmission(
    case: QuarantineCase, request: ReadmitReport, held: Held | None, device: DeviceCase
) -> list[Event] | Refusal:
    """Decides a re-admission: once, of the bytes on record, and only if they can be read."""
    if case.version:
        return []
    name = f"report {request.number} of the tape {request.stream}"
    if held is None:
        return Refusal("not-in-quarantine", f"{name} is not in quarantine: look at the gaps.")
    if hashlib.sha256(held.content).hexdigest() != held.digest:
        return Refusal("quarantine-damaged", f"The bytes of {name} are not those on record.")
    try:
        event = read_report(held.content)
    except Malformed as error:
        return Refusal("still-unreadable", f"Update this ledger first; {name} says: {error}")
    if isinstance(event, TapeOpened):
        return Refusal("opens-no-tape", f"A tape-opened counts at number 1 alone, not as {name}.")
    return [
        ReportReadmitted(
            tape=held.tape, number_on_tape=request.number, digest=held.digest,
            report=held.content, first_received=held.received,
            noted=flags_of(event, device, held.received),
        )
    ]  # fmt: skip


def evolve_quarantine(case: QuarantineCase, event: Event) -> QuarantineCase:
    """Returns the case after its event."""
    if not isinstance(event, ReportReadmitted):
        raise TypeError(f"{type(event).__name__} is no event of the quarantine")
    return QuarantineCase(case.subject, case.version + 1)
