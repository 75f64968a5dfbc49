"""Shapes of the ledgers that the law asks for, and of what they lack."""

from datetime import date

from pydantic import BaseModel, Field


class LawFieldNames(BaseModel):
    """A field of a ledger as the law names it."""

    key: str = Field(examples=["produced"])
    zh: str = Field(examples=["生产日期"])
    en: str = Field(examples=["production date"])


class Law(BaseModel):
    """A ledger the law prescribes, with where it says so and since when."""

    name: str = Field(examples=["purchases"])
    zh: str = Field(examples=["进货查验记录"])
    en: str
    article: str = Field(examples=["第五十三条第二款"])
    article_en: str = Field(examples=["article 53(2)"])
    source: str
    source_en: str
    valid_from: date
    fields: list[LawFieldNames]


class LedgerLine(BaseModel):
    """A line of a ledger; `fields` in the law's order, empty where nothing is on record."""

    position: int = Field(description="where the entry stands in the record")
    stream: str
    device: str = Field(description="whose tape it is on; empty while that is not known")
    number: int = Field(description="its number on its tape, which suyuan correct takes")
    premises: str
    product: str = Field(description="the number that was read, or `item:` and what it is called")
    delivery: str = Field(description="the number of the delivery or voucher; empty without one")
    fields: dict[str, str]
    fields_en: dict[str, str] = Field(
        description="those of the fields that are words, in English; the others are the same"
    )
    missing: list[str] = Field(description="keys of the fields that this line lacks")
    late_days: int = Field(description="days between the business date and the entry, if late")
    keep_until: date


class LedgerPage(BaseModel):
    """A page of a ledger in the order of business dates."""

    ledger: Law
    merchant: str
    asked_of: bool = Field(
        description="whether the law asks this ledger of this kind of merchant, or of all"
    )
    lines: list[LedgerLine]
    next: str | None = None
    position: int


class FieldCompleteness(BaseModel):
    """How many lines lack a field, and the way to mend it."""

    key: str
    zh: str
    en: str
    missing: int
    mend_zh: str
    mend_en: str


class LedgerCompleteness(BaseModel):
    """What a ledger's lines lack, field by field."""

    lines: int
    fields: list[FieldCompleteness]
    position: int
