"""Answers about stock, described for /openapi.json."""

from datetime import date, datetime

from pydantic import BaseModel, Field


class StockLine(BaseModel):
    """What a merchant has of a lot at a premises; below zero it is oversold.

    Where sales leave out the lot, or are recorded in day's totals or not at all, what is there
    lies between `at_least` and `at_most`.
    """

    merchant: str
    product: str
    product_name: str | None = None
    lot: str
    unit: str = Field(examples=["g"])
    amount: str = Field(examples=["12.5"], description="what its own reports add up to, exact")
    at_least: str = Field(examples=["8"])
    at_most: str = Field(examples=["12.5"])
    expires: date | None
    state: str = Field(
        examples=["near"], description="fresh, near, expired; then: in time, expired"
    )
    stopped: str | None = Field(
        default=None, examples=["held", "recalled"], description="a state of its own, now"
    )


class StockPage(BaseModel):
    """A page of a premises' stock."""

    premises: str
    mode: str = Field(examples=["every-item"], description="how it records its sales today")
    lines: list[StockLine]
    next: str | None = Field(default=None, description="cursor of the next page")
    position: int


class StockEntry(BaseModel):
    """An entry behind a stock figure: as it was stated, and what it added."""

    position: int = Field(description="where the entry stands in the record")
    number: int = Field(description="its number on its tape, which suyuan correct takes")
    believed_from: int = Field(description="from which position it counts as these goods")
    kind: str = Field(examples=["goods-received"])
    happened: datetime
    business_date: date
    counterparty: str | None
    delivery: str | None
    stated: str = Field(examples=["2"])
    stated_unit: str = Field(examples=["case"])
    unit: str = Field(examples=["piece"])
    delta: str = Field(examples=["24"])
    counted: str | None = Field(default=None, description="what a count found")
    corrected: bool


class StockEntries(BaseModel):
    """Entries behind a stock figure."""

    entries: list[StockEntry]
    position: int
