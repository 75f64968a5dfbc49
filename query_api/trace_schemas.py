"""Answers of the trace, described for /openapi.json."""

from datetime import datetime

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
    product_name: str | None
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


class WorstCase(BaseModel):
    """What there can be of the reached lots of a product."""

    product: str
    unit: str
    left_at_most: str
    to_consumers: str


class TraceShare(BaseModel):
    """How much of the lots asked about is at a merchant in a lot, in their own unit."""

    merchant: str
    product: str
    lot: str
    share: str


class TraceEstimate(BaseModel):
    """Where the lots asked about are by proportion: what went in is the sum of the rest."""

    went_in: str
    shares: list[TraceShare] = Field(description="what is held")
    under_way: str
    to_consumers: str
    used_up: str
    thrown_away: str
    missing: str
    sent_out: str = Field(description="to somebody in no register")


class TraceGap(BaseModel):
    """A stretch of a device's record that may lack something."""

    kind: str = Field(examples=["tape-lost", "tape-forked"])
    device: str
    first_number: int
    last_number: int | None
    happened_from: datetime | None
    happened_to: datetime | None
    note: str


class TraceUnsettled(BaseModel):
    """Something of the traced lots that does not add up."""

    kind: str = Field(examples=["oversold", "one-sided"])
    subject: str
    merchant: str | None
    product: str | None
    lot: str | None
    position: int


class TracePage(BaseModel):
    """A trace: lots both ways, and a page of holders of what is ahead.

    The certain come first, and of each the largest: by what may be left, or was told of.
    """

    position: int = Field(description="what it is true for")
    engine: str = Field(examples=["arrays", "postgresql"], description="which one found it")
    ahead: list[TracedLot] = Field(description="the lots asked about and what they became")
    behind: list[TracedLot] = Field(description="the lots asked about and what they came from")
    lots_ahead: int
    lots_behind: int
    holders_in_all: int
    holders_found: int = Field(description="of these, found by the word that was asked for")
    holders: list[TraceHolder]
    worst: list[WorstCase] = Field(description="every reached lot counted whole")
    estimate: TraceEstimate | None = Field(description="in proportion; not in scope position")
    gaps: list[TraceGap] = Field(description="tapes that named these lots and broke off")
    unsettled: list[TraceUnsettled] = Field(description="what does not add up of these lots")
    next: str | None = Field(default=None, description="after of the next page")


class OutbreakSource(BaseModel):
    """What may be behind several suspects: a lot, or with `merchant` a place."""

    product: str | None
    lot: str | None
    merchant: str | None
    score: float = Field(description="suspects it explains, a possible way counting half")
    suspects: dict[str, str] = Field(description="how each is reached: certain or possible")
    exposed: int | None = Field(
        description="merchants it reached in all, fewer explains better; null for those too far down to be weighed"
    )
    product_name: str | None
    merchant_name: str | None
    reason: str


class OutbreakAnswer(BaseModel):
    """What suspects have in common behind them, the likeliest first."""

    position: int
    suspects: list[str]
    found: int
    sources: list[OutbreakSource]


class FlowNode(BaseModel):
    """A merchant in the picture of a trace."""

    merchant: str
    name: str | None
    kind: str | None
    district: str | None
    how: str = Field(
        examples=["certain", "possible", "behind"],
        description="whether it has or had what is ahead; behind: it is on the way the goods came",
    )
    lots: int = Field(description="reached lots that it has or had")
    left_at_most: dict[str, str] = Field(description="of the products asked about, by unit")


class FlowLine(BaseModel):
    """Goods of a product that went from one to another, as either side says."""

    giver: str
    taker: str
    product: str
    unit: str
    how: str = Field(
        examples=["certain", "possible", "behind"],
        description="how it is reached; behind: it led to what was asked",
    )
    at_least: str
    at_most: str


class FlowPage(BaseModel):
    """The flow of a trace: merchants, and what went from whom to whom, the largest first."""

    position: int = Field(description="what it is true for")
    nodes: list[FlowNode]
    edges: list[FlowLine]
    product_names: dict[str, str]
