"""Shapes of answers about who asks, and who looked."""

from datetime import datetime

from pydantic import BaseModel, Field


class RoleHeld(BaseModel):
    """A role, and the merchants, markets or areas it was given over."""

    role: str = Field(examples=["merchant"])
    over: list[str] = Field(examples=[["m-1"]])


class May(BaseModel):
    """A kind of thing that may be read or written: all of it, or what lies in one of these."""

    resource: str = Field(examples=["ledger"])
    action: str = Field(examples=["read"])
    everything: bool
    merchants: list[str]
    markets: list[str]
    areas: list[str]


class Me(BaseModel):
    """Who asks; without a token a consumer, who has no account."""

    account: str | None
    roles: list[RoleHeld]
    may: list[May]


class Look(BaseModel):
    """That somebody looked at a merchant's records: who, when, at what, and why if they said so."""

    number: int
    at: datetime
    account: str
    resource: str = Field(examples=["ledger"])
    asked: str | None = Field(description="what was asked; nothing where it was of others too")
    why: str


class LookPage(BaseModel):
    """Who looked at a merchant's records, the latest first."""

    merchant: str
    looks: list[Look]
    next: str | None = Field(default=None, description="after of the next page")


class ChainedEntry(BaseModel):
    """An entry of the access log: the text that is hashed, and the hash behind the one before it."""

    number: int
    said: str
    hash: str


class AccessChain(BaseModel):
    """A stretch of the access log, in its order."""

    entries: list[ChainedEntry]
    next: str | None = Field(
        default=None, description="`after` of the next page, or its `before` where that was asked"
    )
