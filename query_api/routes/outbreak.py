"""Outbreak route: what suspect lots and stalls have in common behind them."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import StringConstraints

from ledger.values.ids import ID_FORM
from query_api import outbreaks
from query_api.inquiries import Inquiry, asks
from query_api.outbreaks import Asked
from query_api.problems import Problem
from query_api.trace_schemas import OutbreakAnswer

Texts = Annotated[list[str] | None, Query(max_length=100)]
StallName = Annotated[str, StringConstraints(pattern=f"^{ID_FORM}$")]
Stalls = Annotated[list[StallName] | None, Query(max_length=100)]
Day = Annotated[date | None, Query(examples=["2026-11-01"])]
Process = Literal["mixed", "repacked", "split", "manufactured"]

router = APIRouter(prefix="/v1", tags=["trace"])


def asked(
    product: Texts = None, lot: Texts = None, stall: Stalls = None, since: Day = None,
    until: Day = None,
) -> Asked:  # fmt: skip
    """Reads which lots and which stalls are suspect, and the days on which they were."""
    first, last = since or date(2000, 1, 1), until or date(2100, 12, 31)
    if first > last:
        raise Problem(422, "period-invalid", f"from {first} to {last} is no period: turn it round")
    return Asked(product or [], lot or [], stall or [], first, last)


@router.get("/outbreak")
def outbreak(
    asking: Annotated[Inquiry, asks("trace")],
    suspect: Annotated[Asked, Depends(asked)],
    places: Annotated[
        bool, Query(description="what lay at one place may have passed it on")
    ] = False,
    ending: Annotated[list[Process] | None, Query(description="steps that end it")] = None,
) -> OutbreakAnswer:
    """Ranks what two suspects or more have behind them, each with the reason for its score."""
    with asking.snapshot() as reader:
        asking.note(suspect.stalls)
        found = outbreaks.answer(reader, suspect, places=places, ending=ending or [])
        asking.note(outbreaks.merchants_in(found))
        return found
