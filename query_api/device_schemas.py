"""Shapes of answers about devices: how each does, for whom it reports, what may be missing of it."""

from datetime import date, datetime

from pydantic import BaseModel, Field


class DeviceLine(BaseModel):
    """A device as a list shows it; what it says of itself is under its signature."""

    device: str = Field(examples=["till-1"])
    name: str
    merchants: list[str] = Field(description="for whom it may report today")
    merchant_names: list[str] = Field(description="what these are called, in the same order")
    enrolled_at: datetime
    revoked_at: datetime | None
    online: bool | None = Field(description="as it said last; nothing before its first word")
    heard: datetime | None = Field(
        description="when it was heard last: its heartbeat, each half minute"
    )
    silent_s: int | None = Field(description="for how long nothing was heard")
    waiting: int | None = Field(description="reports on its tape without a receipt")
    fill_percent: int | None = Field(description="how full its tape is")
    ahead_s: float | None = Field(description="how far its clock is ahead of the ledger's")
    reported: datetime | None = Field(description="when its last report was received")
    week: int = Field(description="reports received in the last seven days, today included")
    gaps: int = Field(description="stretches of its tapes over which something may be missing")


class StopReach(BaseModel):
    """How far a stop has got: the scanners that are connected, and which of them do not know it yet."""

    connected: int = Field(description="scanners heard within the last minute and a half")
    have: int = Field(description="of these, who go by a stop list that is as new or newer")
    lacking: list[str] = Field(description="of these, who do not yet; at most 20")
    away: int = Field(
        description="scanners that are off or silent; they get it when they come back"
    )
    everything: bool = Field(description="false where the asker's districts alone are counted")


class DevicePage(BaseModel):
    """Devices by name."""

    devices: list[DeviceLine]
    next: str | None
    position: int


class MandateLine(BaseModel):
    """A merchant's leave to report for it."""

    merchant: str
    name: str | None = Field(description="nothing where it is in no register")
    valid_from: date
    valid_until: date | None


class TapeLine(BaseModel):
    """A tape of a device, and how far the record has it."""

    stream: str
    last_number: int
    last_happened: datetime
    last_received: datetime


class GapLine(BaseModel):
    """A stretch of a tape over which something may be missing, or came late."""

    kind: str = Field(examples=["offline"])
    first_number: int
    last_number: int | None
    happened_from: datetime | None
    happened_to: datetime | None
    note: str


class UseLine(BaseModel):
    """How many reports of a device were received on a day."""

    day: date
    reports: int


class DeviceDetail(BaseModel):
    """A device with its mandates, tapes, latest gaps and its use in the last weeks."""

    line: DeviceLine
    key: str = Field(description="the id of the key that it signs with")
    key_since: datetime
    reason: str = Field(description="why it was revoked")
    mandates: list[MandateLine]
    tapes: list[TapeLine]
    gaps: list[GapLine]
    uses: list[UseLine]
    position: int
