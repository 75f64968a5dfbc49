"""Shapes of answers of the register: merchants and where they trade."""

from datetime import date

from pydantic import BaseModel, Field


class MerchantLine(BaseModel):
    """A food business of the register, as everybody may know it."""

    merchant: str = Field(examples=["m-001"])
    name: str
    kind: str = Field(examples=["retailer"])
    district: str
    licence: str | None
    markets: list[str] = Field(description="the markets it trades in")


class MerchantList(BaseModel):
    """Merchants found, by name."""

    merchants: list[MerchantLine]
    next: str | None = Field(default=None, description="after of the next page")


class PlaceLine(BaseModel):
    """A place where a merchant trades, and how it records its sales."""

    premises: str = Field(examples=["m-001-a"])
    name: str
    market: str
    mode: str = Field(examples=["items"])


class MerchantPage(BaseModel):
    """A merchant with its places, under the name that its entries go by now."""

    merchant: str
    name: str
    kind: str
    district: str
    licence: str | None
    premises: list[PlaceLine]
    position: int


class ShelfLine(BaseModel):
    """A lot that a merchant took in lately and that is still good; how much and from whom is not public."""

    product: str = Field(examples=["06901234567892"], description="a GTIN, or `item:` and a name")
    lot: str = Field(examples=["L:A2411"], description="its key within the product")
    name_zh: str | None
    name_en: str | None
    maker: str | None = Field(description="who made it, as the register says")
    day: date = Field(description="when it was taken in last")
    expires: date | None
    tests_passed: int
    tests_failed: int
    recalled: bool = Field(description="stopped by a recall: not to be eaten, either")
    stopped: bool = Field(description="a hold or recall surely names it")
    maybe_stopped: bool = Field(description="a hold or recall may name it: the label tells")


class ShelfPage(BaseModel):
    """What a merchant took in within the last weeks, the newest first."""

    merchant: str
    days: int
    lines: list[ShelfLine]
    position: int


class TestDay(BaseModel):
    """Test reports that were filed for a day."""

    day: date
    passed: int
    failed: int


class TestDays(BaseModel):
    """Test reports of the last days, also of those without any."""

    days: list[TestDay]
    position: int
