"""Answers of the trace, described for /openapi.json."""

from pydantic import BaseModel, Field


class TracedLot(BaseModel):
    """A lot that a trace reached."""

    product: str
    lot: str = Field(description="its key; M: names what an entry made without a lot")
    how: str = Field(examples=["certain", "possible"])


class TraceHolder(BaseModel):
    """Who has or had a lot, or may have it: what its own entries say, or what others told."""

    merchant: str
    name: str | None
    premises: str | None
    product: str
    lot: str = Field(description="its key; empty for goods that say no lot")
    unit: str
    how: str = Field(examples=["certain", "possible"])
    taken_in: str
    made: str
    sold: str
    sent_back: str
    used: str
    disposed: str
    told: str | None = Field(description="what others say it got, where it says nothing itself")
    at_least: str | None
    at_most: str | None


class TracePage(BaseModel):
    """A trace: lots both ways, and a page of holders of what is ahead, the certain first."""

    position: int = Field(description="what it is true for")
    ahead: list[TracedLot] = Field(description="the lots asked about and what they became")
    behind: list[TracedLot] = Field(description="the lots asked about and what they came from")
    lots_ahead: int
    lots_behind: int
    holders_in_all: int
    holders: list[TraceHolder]
    next: str | None = Field(default=None, description="after of the next page")
