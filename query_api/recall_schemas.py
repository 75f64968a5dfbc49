"""Answers about holds and recalls, described for /openapi.json."""

from datetime import date, datetime

from pydantic import BaseModel, Field


class StoppedLine(BaseModel):
    """Goods that a hold or recall stops: what is null does not narrow it down."""

    product: str | None
    name: str | None
    lot: str | None
    delivery: str | None
    produced_from: date | None
    produced_until: date | None
    expires_from: date | None
    expires_until: date | None
    supplier: str | None


class CaseWord(BaseModel):
    """One entry of a case's history."""

    position: int
    what: str = Field(examples=["recall-published"])
    by: str | None
    said_at: datetime
    holder: str | None
    note: str | None


class HeldStock(BaseModel):
    """A lot that is stopped, where it stands in stock now."""

    merchant: str
    name: str | None
    premises: str
    product: str
    product_name: str | None
    lot: str
    unit: str
    how: str = Field(examples=["stopped", "possible"])
    amount: str = Field(description="by the entries that name the lot")
    at_least: str = Field(description="as goods that left without their lot may have been of it")
    at_most: str


class HoldShown(BaseModel):
    """A hold as it stands."""

    hold: str
    stage: str = Field(examples=["placed", "released", "lapsed", "recalled"])
    authority: str
    reason: str
    placed_at: datetime
    until: datetime
    colour: str | None = Field(description="how soon it ends, while it stands")
    by: str
    recall: str | None
    first: StoppedLine | None = Field(
        default=None, description="the first of its lines, in a list of holds"
    )


class HoldPage(BaseModel):
    """Holds, the newest first."""

    position: int
    holds: list[HoldShown]
    next: str | None


class HoldAnswer(BaseModel):
    """A hold with what it stops, where that is in stock, and its history."""

    position: int
    rehearsal: bool = Field(description="on a copy to rehearse on: nothing of it is in force")
    hold: HoldShown
    lines: list[StoppedLine]
    stock: list[HeldStock] = Field(description="at most 500 places, the largest first")
    places: int
    words: list[CaseWord]


class Deadline(BaseModel):
    """A time that the law sets, and how it stands: `done_at` is when it was kept or missed."""

    what: str = Field(examples=["starts", "finishes"])
    due: datetime
    done_at: datetime | None
    colour: str = Field(examples=["green", "yellow", "red"])
    source: str
    calendar: str | None = Field(description="what is not known of the working days, if anything")


class RecallShown(BaseModel):
    """A recall as it stands."""

    recall: str
    stage: str = Field(
        examples=["drafted", "returned", "checked", "published", "withdrawn", "closed"]
    )
    grade: str
    hold: str | None
    authority: str
    reason: str
    responsible: str | None
    known_at: datetime
    drafted_by: str
    checked_by: str | None
    published_at: datetime | None
    over_at: datetime | None
    notice: str
    summary: str
    unaccounted: str | None
    trace_position: int | None
    draft_digest: str = Field(description="SHA-256 of the draft, which a check names")
    asked: list[str]
    deadlines: list[Deadline]
    first: StoppedLine | None = Field(
        default=None, description="the first of its lines, in a list of recalls"
    )


class RecallPage(BaseModel):
    """Recalls, the newest first."""

    position: int
    recalls: list[RecallShown]
    next: str | None


class RecallSum(BaseModel):
    """What holders of a recalled product had, and what they say became of it."""

    product: str
    product_name: str | None
    unit: str
    had: str = Field(description="handled: goods that passed on count with each who had them")
    used: str
    found: str
    sold: str
    returned: str
    destroyed: str
    proved_destroyed: str = Field(description="by disposals on record that name the recall")
    unaccounted: str = Field(description="of those that answered")
    overstated: str = Field(description="what holders account for beyond what they had")
    unanswered: str = Field(description="had by those that did not answer")


class RecallCounts(BaseModel):
    """How far a recall has got."""

    holders: int
    certain: int
    acknowledged: int
    answered: int
    drawn: int
    drawn_checked: int
    checked: int
    effective: int
    sums: list[RecallSum]


class RecallAnswer(BaseModel):
    """A recall with its goods, its progress and its history."""

    position: int
    rehearsal: bool = Field(description="on a copy to rehearse on: nothing of it is in force")
    recall: RecallShown
    lines: list[StoppedLine] = Field(description="at most 500; lines_in_all says how many")
    lines_in_all: int
    counts: RecallCounts
    reach_known: bool = Field(description="false where no lot of it can be traced yet")
    beyond: list[str] = Field(description="lots a trace reaches now that the recall does not name")
    words: list[CaseWord]
    districts: list[str] = Field(description="where its holders trade")


class AccountLine(BaseModel):
    """What a holder had of a product, by the record, and what it says became of it."""

    product: str
    product_name: str | None
    unit: str
    lots: list[str]
    had: str
    maybe_had: str = Field(description="of goods that say no lot")
    used: str
    sold_on_record: str
    left: str | None = Field(description="at most, by the record")
    found: str | None
    sold: str | None
    returned: str | None
    destroyed: str | None
    proved_destroyed: str
    unaccounted: str | None = Field(description="null while it has not answered")


class RecallHolderShown(BaseModel):
    """A holder in a recall."""

    holder: str
    name: str | None
    district: str | None
    how: str = Field(examples=["certain", "possible"])
    lines: list[AccountLine]
    acknowledged_at: datetime | None
    answered_at: datetime | None
    calls: int
    call_result: str | None
    drawn: str | None
    checked_at: datetime | None
    check_result: str | None


class HolderPage(BaseModel):
    """A page of a recall's holders, by their id."""

    position: int
    recall: str
    holders_in_all: int
    holders: list[RecallHolderShown]
    next: str | None


class HolderKnown(BaseModel):
    """Whether a merchant had any of what a recall stops, by the record."""

    position: int
    recall: str
    holder: str
    known: bool


class CallShown(BaseModel):
    """A buyer to be called: in no register here, or in another district."""

    holder: str = Field(description="a merchant's id, or a card's reference")
    is_card: bool
    name: str | None
    phone: str | None
    address: str | None
    district: str | None
    why: str = Field(examples=["unregistered", "other-district", "not-read"])
    got: list[str] = Field(description="how much of what, from whom")
    calls: int
    call_result: str | None
    called_at: datetime | None


class CallList(BaseModel):
    """Whom to call, those not yet reached first."""

    position: int
    rehearsal: bool = Field(description="on a copy to rehearse on: call nobody")
    recall: str
    district: str | None
    calls: list[CallShown]


class ProposedCheck(BaseModel):
    """A holder drawn for a check, and why it."""

    holder: str
    name: str | None
    reason: str
    risk: int


class CheckProposal(BaseModel):
    """Holders drawn by risk and seed; the same question draws the same."""

    position: int
    seed: int
    share: int
    of: int
    drawn: list[ProposedCheck]


class RecallStep(BaseModel):
    """When a step was taken."""

    step: str = Field(examples=["published"])
    at: datetime
    seconds: float = Field(description="since the risk was known")


class RecallScore(BaseModel):
    """How a recall, or its rehearsal, went; shares are percent."""

    position: int
    recall: str
    holders: int
    found: float | None = Field(description="of what went in, what the record can place")
    reached: float | None = Field(description="holders that read, answered, spoke or were seen")
    acknowledged: float | None = Field(description="holders that read it")
    accounted: float | None = Field(description="of what they had, what they account for")
    stopwatch: list[RecallStep]


class RecallProposal(BaseModel):
    """What a recall of some lots would name: the lines, and what no line can name."""

    position: int
    asked: list[str]
    lines: list[StoppedLine]
    possible: int = Field(description="lots that may be reached, left out unless asked for")
    unnamed: list[str] = Field(description="goods made without a label: look at their entries")
    holders: int


class CheckAnswer(BaseModel):
    """Whether goods may be sold, for a cash register: `stop`, `look` or `sell`."""

    verdict: str = Field(examples=["stop", "look", "sell"])
    words: str
    stops: list[str] = Field(description="holds and recalls that say so")
    look_for: list[StoppedLine] = Field(description="what to compare with the label")
    position: int
