"""Shapes of recall notices as everybody reads them, and of what a merchant has to do for them."""

from datetime import datetime

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
    lines: list[StoppedLine]
    lines_in_all: int


class NoticePage(BaseModel):
    """Published recalls, the newest first."""

    notices: list[Notice]
    next: str | None = None
    position: int


class RecallTask(BaseModel):
    """A recall that a merchant has or had goods of by the record, and what it has done so far."""

    recall: str
    grade: str
    authority: str
    reason: str
    notice: str
    published_at: datetime
    due: datetime = Field(description="when all of it has to be done by the law")
    colour: str = Field(examples=["green", "yellow", "red"])
    acknowledged_at: datetime | None
    answered_at: datetime | None
    lines: list[StoppedLine]


class TaskPage(BaseModel):
    """What a merchant has to do for recalls that are under way."""

    merchant: str
    tasks: list[RecallTask]
    position: int
