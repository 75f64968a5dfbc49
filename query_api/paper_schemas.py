"""Shapes of answers about papers: found by their text, each with where its picture is."""

from datetime import date

from pydantic import BaseModel, Field


class FoundPaper(BaseModel):
    """A certificate or test report whose text or number holds what was looked for."""

    digest: str = Field(
        description="SHA-256 of the original; its clean copy is at /v1/documents/{digest}"
    )
    kind: str = Field(examples=["quarantine"])
    number: str
    issuer: str
    merchant: str
    supplier: str | None
    valid_from: date
    valid_until: date | None
    pages: int | None = Field(description="nothing while its picture has not come")
    excerpt: str | None = Field(description="where it stands, with what stands around it")
    position: int


class EndingPaper(BaseModel):
    """A certificate that ends soon, or ended lately, and that no later one of its kind follows."""

    kind: str = Field(examples=["licence"])
    number: str
    issuer: str
    merchant: str = Field(description="who filed it")
    supplier: str | None
    valid_from: date
    valid_until: date
    digest: str
    position: int


class EndingPapers(BaseModel):
    """Papers of a merchant, or of what it supplies, the soonest to end first."""

    merchant: str
    days: int
    papers: list[EndingPaper]
    position: int


class FoundPapers(BaseModel):
    """Papers, the latest first."""

    papers: list[FoundPaper]
    next: str | None = None
    position: int
