"""Shapes of answers about who asks."""

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
