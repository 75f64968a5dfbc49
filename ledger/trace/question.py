"""What a trace is asked: of which lots, at which moment, in which scope."""

from datetime import datetime
from typing import Literal, NamedTuple


class LotName(NamedTuple):
    """A lot: its base product, 14 digits or `item:` and a name, and its key within it."""

    product: str
    key: str


class AsOf(NamedTuple):
    """What was known at a position of what had happened by an instant; None is now."""

    position: int | None = None
    at: datetime | None = None


class From(NamedTuple):
    """Scope `position`: contaminated at a merchant, from an instant on; None is ever since."""

    merchant: str
    since: datetime | None = None


class Question(NamedTuple):
    """Lots to trace, at a moment; everywhere, or only as they spread from one merchant."""

    lots: tuple[LotName, ...]
    moment: AsOf = AsOf()
    origin: From | None = None


How = Literal["certain", "possible"]
