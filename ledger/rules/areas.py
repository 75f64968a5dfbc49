"""Areas: districts and what they lie in, so that a city's officers see its districts (行政区划)."""

from collections.abc import Callable, Sequence

import msgspec

from ledger.events.base import Event
from ledger.events.cases import AreaStated
from ledger.rules.refusal import Refusal

# From a district over its prefecture and province to the country; a few more for who counts otherwise.
LEVELS_MAX = 8


class StateArea(msgspec.Struct, frozen=True, tag="state-area"):
    """Asks to put on record what an area is called and in which other it lies."""

    entry: AreaStated


class AreaCase(msgspec.Struct, frozen=True):
    """What an area states of itself."""

    area: str
    version: int = 0
    stated: AreaStated | None = None

    @property
    def within(self) -> str | None:
        """The area it lies in, as stated last."""
        return self.stated.within if self.stated is not None else None


def chain_above(area: str | None, within: Callable[[str], str | None]) -> list[str]:
    """Returns an area and those it lies in, the nearest first; `within` says where each lies."""
    chain: list[str] = []
    while area is not None and area not in chain and len(chain) < LEVELS_MAX:
        chain.append(area)
        area = within(area)
    return chain


def decide_area(
    case: AreaCase, entry: AreaStated, above: Sequence[str]
) -> list[AreaStated] | Refusal:
    """Decides where an area lies; `above` are the areas that it would lie in, the nearest first."""
    if entry.area in above:
        return Refusal("area-circle", f"{above[0]} lies in {entry.area} already: name another.")
    if len(above) >= LEVELS_MAX:
        return Refusal("area-deep", f"Areas lie in each other {LEVELS_MAX} deep at the most.")
    return [] if case.stated == entry else [entry]


def evolve_area(case: AreaCase, event: Event) -> AreaCase:
    """Returns the case after one of its events."""
    if not isinstance(event, AreaStated):
        raise TypeError(f"{type(event).__name__} is no event of an area")
    return AreaCase(case.area, case.version + 1, event)
