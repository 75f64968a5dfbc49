"""Officers: corrections of a merchant's entries by somebody else, through a case."""

import msgspec

from ledger.events.base import Event
from ledger.events.cases import OfficerCorrected


class CorrectEntry(msgspec.Struct, frozen=True, tag="correct-entry"):
    """Asks to correct an entry of a merchant in an officer's name."""

    entry: OfficerCorrected


class OfficerCase(msgspec.Struct, frozen=True):
    """What officers said last of one entry."""

    subject: str
    version: int = 0
    last: OfficerCorrected | None = None


def subject_of_entry(entry: OfficerCorrected) -> str:
    """Returns what names the case of an entry."""
    return f"{entry.target_tape}/{entry.target_number}"


def decide_officer(case: OfficerCase, request: OfficerCorrected) -> list[Event]:
    """Decides a correction; the same again changes nothing."""
    return [] if case.last == request else [request]


def evolve_officer(case: OfficerCase, event: Event) -> OfficerCase:
    """Returns the case after one of its events."""
    if not isinstance(event, OfficerCorrected):
        raise TypeError(f"{type(event).__name__} is no event of an officer's correction")
    return OfficerCase(case.subject, case.version + 1, event)
