"""Shapes of recall notices as everybody reads them, and of what a merchant has to do for them."""

from datetime import date, datetime

from pydantic import BaseModel, Field

from query_api.recall_schemas import StoppedLine


class Notice(BaseModel):
    """A published recall, as everybody may know it."""

    recall: str
    stage: str = Field(examples=["published", "withdrawn", "closed"])
    grade: str
    authority: str
    reason: str
    notice: str = Field(description="what consumers are told to do")
    published_at: datetime
    over_at: datetime | None
    widened_at: datetime | None = Field(
        description="when it was made to name more, for the last time"
    )
    narrowed_at: datetime | None = Field(description="when goods were taken out of it")
    lines: list[StoppedLine]
    lines_in_all: int


class HeldGoods(BaseModel):
    """A hold that stands, as everybody may know it: goods nobody may sell until somebody looked."""

    hold: str
    authority: str
    reason: str
    placed_at: datetime
    until: datetime
    lines: list[StoppedLine] = Field(description="the first of its lines")
    lines_in_all: int


class NoticePage(BaseModel):
    """Published recalls, the newest first; beside the first page the newest holds that stand."""

    notices: list[Notice]
    held: list[HeldGoods] = []
    held_in_all: int = 0
    next: str | None = None
    position: int


class TaskGoods(BaseModel):
    """What a merchant had of a recalled lot by its own records."""

    product: str
    name: str | None
    lot: str = Field(
        description="the lot as stock names it", examples=["L:A-24/11", "E:2026-12-01"]
    )
    produced: date | None
    expires: date | None
    unit: str
    had: str


class TaskAnswer(BaseModel):
    """A line of what a merchant answered last: what it found, and what became of the rest."""

    product: str
    unit: str
    lot: str | None = None
    found: str = "0"
    sold: str = "0"
    returned: str = "0"
    destroyed: str = "0"


class RecallTask(BaseModel):
    """A recall that a merchant has or had goods of by the record, and what it has done so far."""

    recall: str
    grade: str
    authority: str
    reason: str
    notice: str
    published_at: datetime
    over_at: datetime | None = Field(
        description="when it was closed: what turns up later is still answered for"
    )
    due: datetime = Field(description="when all of it has to be done by the law")
    colour: str = Field(examples=["green", "yellow", "red"])
    widened_at: datetime | None = Field(
        description="when it was made to name more; who read and answered before does so again"
    )
    acknowledged_at: datetime | None
    answered_at: datetime | None
    answer: list[TaskAnswer] | None = Field(description="the latest answer; empty: nothing found")
    lines: list[StoppedLine] = Field(description="the first of what it names, whoever has it")
    lines_in_all: int
    had: list[TaskGoods]


class TaskPage(BaseModel):
    """What a merchant has to do for recalls that are under way, and what it said of those closed lately."""

    merchant: str
    tasks: list[RecallTask]
    position: int
