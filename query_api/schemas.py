"""What the API answers, with an example each."""

from datetime import date, datetime

from pydantic import BaseModel, Field

GTIN = Field(examples=["06901234567892"], description="14 digits")


class Product(BaseModel):
    """A product of the register, or one only known from labels."""

    gtin: str = GTIN
    name_zh: str | None = Field(default=None, examples=["鲜牛奶 950 毫升"])
    name_en: str | None = Field(default=None, examples=["Fresh milk 950 ml"])
    category: str | None = Field(default=None, examples=["dairy"])
    pack: str | None = None
    maker: str | None = Field(default=None, examples=["宁乡乳业"])
    shelf_life_days: int | None = Field(default=None, examples=[15])


class LotBrief(BaseModel):
    """A lot of a product by its number or its dates."""

    lot: str | None = Field(default=None, examples=["A2411"])
    produced: date | None = None
    expires: date | None = None
    key: str = Field(examples=["L:A2411"], description="the lot's key within its product")
    stopped: str | None = Field(
        default=None, examples=["recalled", "held", "possible"],
        description="what stops this lot, or may",
    )  # fmt: skip
    test_failed: bool = Field(default=False, description="in a list: whether a test of it failed")


class ProductStop(BaseModel):
    """A hold or recall of some lots of a product."""

    kind: str = Field(examples=["recall", "hold"])
    stop: str
    grade: str | None
    authority: str | None
    reason: str | None
    notice: str | None


class ProductPage(BaseModel):
    """A product with the lots known here, newest first, at most 100."""

    product: Product
    holds: int = Field(
        description="how many of it the asked code's pack holds: of a case, its content"
    )
    lots: list[LotBrief]
    stops: list[ProductStop]
    papers: list["Paper"] = Field(description="papers of the product, the newest first, at most 10")
    today: date
    position: int = Field(
        description="the position of the record this is true for", examples=[4711]
    )


class Step(BaseModel):
    """One premises a lot was reported at; quantities and prices are not public."""

    merchant: str = Field(examples=["m-017"])
    merchant_name: str | None = Field(default=None, examples=["马王堆批发 17 号"])
    merchant_kind: str | None = Field(default=None, examples=["wholesaler"])
    premises: str
    premises_name: str | None = None
    kinds: list[str] = Field(examples=[["goods-received", "goods-sold"]])
    first_day: date
    last_day: date


class MadeFrom(BaseModel):
    """A lot that went into this one."""

    product: str
    product_name: str | None
    product_name_en: str | None
    lot: str
    premises: str
    stopped: str | None = Field(
        default=None, examples=["recalled", "held", "possible"],
        description="what stops this part, or may",
    )  # fmt: skip


class Paper(BaseModel):
    """A certificate or test report; `awaited` while its picture has not come."""

    position: int = Field(description="where it stands in the record")
    kind: str = Field(examples=["test"])
    number: str = Field(examples=["T-2026-0917"])
    issuer: str
    result: str | None = Field(default=None, examples=["passed"])
    valid_from: date
    valid_until: date | None
    digest: str
    awaited: bool
    of_lot: bool = Field(description="whether it names this lot, or the product as a whole")
    lots: list[str] = Field(description="the lots it names; none: the product as a whole")


class LotStop(BaseModel):
    """A hold or recall that stops a lot, or `possible`, may be of it."""

    kind: str = Field(examples=["hold", "recall"])
    stop: str
    how: str = Field(examples=["stopped", "possible"])
    grade: str | None
    authority: str | None
    reason: str | None
    notice: str | None = Field(description="what consumers are told to do")
    since: datetime


class LotPage(BaseModel):
    """Everything public about a lot, true at `position`."""

    product: Product
    lot: LotBrief
    disputed: bool = Field(description="whether stated dates disagree; the earlier one counts")
    steps: list[Step]
    made_from: list[MadeFrom]
    papers: list[Paper]
    stops: list[LotStop] = Field(description="recalls first; none does not say that food is safe")
    near_from: date | None = Field(
        description="from when on it is near its end by the trade's rule; null where no end is known"
    )
    gaps: int = Field(description="notes of lost or stopped tapes at these premises' devices")
    today: date
    position: int
    entry: int = Field(description="the position of the last entry about this lot")
    updated: int = Field(
        description="the position of the last event that changed what is said of it, also by a lost tape"
    )


class AlertLine(BaseModel):
    """Something somebody should look at."""

    kind: str = Field(examples=["sold-after-expiry"])
    zh: str = Field(examples=["过期后仍有销售"])
    en: str
    subject: str
    grouped: str = Field(examples=["g-0123456789abcdef"], description="the group of its cause")
    merchant: str | None
    merchant_name: str | None = None
    premises: str | None
    product: str | None
    lot: str | None
    opened_at: int
    closed_at: int | None
    opened_time: datetime
    closed_time: datetime | None
    times: int
    evidence: int = Field(description="the position of the entry it rests on")
    detail: str
    device: str | None = Field(default=None, description="whose tape it is about")


class AlertGroupLine(BaseModel):
    """Alerts of one cause: what is wrong, what is to be done, and who has it in hand."""

    grouped: str = Field(examples=["g-0123456789abcdef"])
    cause: str = Field(examples=["lot-past-its-end"])
    kinds: list[str]
    zh: str
    en: str
    todo_zh: str
    todo_en: str
    open: int
    places: int
    product: str | None
    name_zh: str | None
    name_en: str | None
    lot: str | None
    merchant: str | None
    merchant_name: str | None
    premises: str | None
    opened_at: int
    changed_at: int
    acknowledged_at: int | None
    acknowledged_by: str | None
    since_acknowledged: int = Field(description="alerts that came after it was acknowledged")
    assigned_to: str | None
    silenced: bool
    silenced_until: datetime | None
    silenced_by: str | None


class AlertGroupPage(BaseModel):
    """Groups of alerts, the last changed first."""

    groups: list[AlertGroupLine]
    next: str | None = None
    position: int


class AlertWordLine(BaseModel):
    """What somebody said of a group of alerts."""

    position: int
    what: str = Field(examples=["acknowledged"])
    by: str
    said_at: datetime
    note: str | None
    to: str | None
    until: datetime | None


class AlertPage(BaseModel):
    """A page of alerts in the order of their kind and subject."""

    alerts: list[AlertLine]
    next: str | None = None
    position: int


class PaperPage(BaseModel):
    """Papers of a product, newest first."""

    papers: list[Paper]
    next: str | None = None


class EventLine(BaseModel):
    """An event of the record as anybody may see it: where it stands and its leaf."""

    position: int
    stream: str
    number: int
    name: str = Field(examples=["goods-received.v1"])
    leaf: str = Field(description="hex")
    received: datetime
    flags: list[str]


class RecordMoment(BaseModel):
    """How far the record had come, and when its last event of then was received; None at its beginning."""

    position: int
    received: datetime | None


class EventPage(BaseModel):
    """Events behind a position."""

    events: list[EventLine]
    head: int


class FoundProduct(Product):
    """A product that was searched for."""

    stopped: str | None = Field(
        default=None, examples=["recalled", "held"], description="what stops some of its lots"
    )
    lot: str | None = Field(
        default=None, examples=["A2411"], description="the lot found by a part of its number"
    )


class ProductList(BaseModel):
    """Products found; `more` says that others were, too, and `similar` that none is called just so."""

    products: list[FoundProduct]
    more: bool = False
    similar: bool = False


class AlertGroupAnswer(BaseModel):
    """A group of alerts, its open alerts and what people said."""

    group: AlertGroupLine
    alerts: list[AlertLine]
    said: list[AlertWordLine]
    position: int


class ContestedEntry(BaseModel):
    """An entry that one side corrected after both had said the same: it still counts as a reading."""

    position: int = Field(description="where the entry stands in the record")
    corrected_at: int = Field(description="the position of its correction")
    kind: str = Field(examples=["goods-sold"])
    merchant: str = Field(description="whose entry it was")
    amount: str


class TradePair(BaseModel):
    """What seller and buyer say of the same goods, by totals."""

    seller: str
    buyer: str
    product: str
    name_zh: str | None
    unit: str
    delivery: str | None = Field(description="the number, where both sides carry it")
    numbers: list[str] = Field(description="the delivery numbers that either side states")
    lot: str = Field(description="the lot, where no number pairs them; empty for several")
    status: str = Field(examples=["confirmed", "differs", "buyer-only", "seller-only"])
    sold: str
    received: str
    difference: str = Field(description="received less sold")
    first_day: date
    last_day: date
    contested: list[ContestedEntry] = Field(description="taken back after both sides had agreed")


class PairPage(BaseModel):
    """A page of pairs."""

    pairs: list[TradePair]
    next: str | None = None
    position: int


class LotRetention(BaseModel):
    """Until when a lot's records are kept; nothing may be archived earlier."""

    product: str
    lot: str
    name_zh: str | None
    entries: int
    keep_until: date
    may_be_archived: bool


class RetentionPage(BaseModel):
    """A page of a merchant's lots with their retention."""

    lots: list[LotRetention]
    next: str | None = None
    position: int


class PersonRetention(BaseModel):
    """Until when a person's card is bound by records that name it."""

    ref: str
    entries: int
    keep_until: date | None
    may_be_erased: bool
    advice: str
