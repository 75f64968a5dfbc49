"""Shapes of statistics: what was entered, how whole it is, and what should be looked at."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

By = Literal["day", "district", "market", "category"]


class Volume(BaseModel):
    """How much went in and out, in one unit."""

    unit: str = Field(examples=["piece"])
    received: float
    sold: float


class StatisticsLine(BaseModel):
    """What was entered of one day, district, market or category.

    Entries count by the business date they state; one of several goods counts for each of them.
    """

    key: str = Field(
        examples=["dairy"],
        description="empty where nobody stated it; of goods without a code the category `loose`",
    )
    name: str | None = Field(description="what the register calls a district")
    received: int = Field(description="deliveries taken")
    sold: int
    other: int = Field(description="returned, disposed of, counted, made, used up")
    merchants: int = Field(description="merchants that entered anything")
    undated: int = Field(description="deliveries of packed goods that say neither lot nor date")
    unnamed: int = Field(description="deliveries that do not say from whom")
    late: int = Field(description="deliveries entered more than a day after their day")
    incomplete: int = Field(description="deliveries with any of these three")
    alerts: int = Field(description="alerts that opened in this time")
    alerts_open: int = Field(description="of these, still open")
    volumes: list[Volume]


class AlertCount(BaseModel):
    """How often alerts of a kind opened in this time."""

    kind: str = Field(examples=["expired-in-stock"])
    zh: str
    en: str
    opened: int
    open: int = Field(description="of these, still open")
    hours: float | None = Field(description="median time to its end, of those that ended")


class StatisticsPage(BaseModel):
    """Statistics of a time, over what the asker may see."""

    since: date
    until: date
    by: By
    lines: list[StatisticsLine]
    kinds: list[AlertCount] = Field(description="alerts by kind, the most frequent first")
    position: int
