"""The stop list on a device: what may not be sold, kept across restarts and known to be how old."""

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from ledger.events.reports import GoodsAsRead
from ledger.events.stop_list import StopLine, StopListBody, read_stops
from ledger.rules.stops import Meets, Met, meets
from ledger.values.keys import PublicKey
from scanners.entries import Standing
from scanners.tape import Tape

KEPT_AS = "stops"
# A list of a lower version comes from an intake that had not read the newest yet; one that is so
# much younger comes from a ledger that was restored.
RESTORED = timedelta(minutes=10)


class Stopped(NamedTuple):
    """What the list says of goods in hand: the gravest word, and the lines that say so."""

    how: Meets
    lines: tuple[StopLine, ...]


class StopList:
    """Takes signed parts in any order, and answers from the last whole list and newer parts.

    A stop is never lost for want of a part: until a newer list is whole, the older one counts too.
    """

    def __init__(self, tape: Tape, keys: Sequence[str], now: Callable[[], datetime]) -> None:
        self._tape = tape
        self.trust(keys)
        self._now = now
        self._lock = threading.Lock()
        self._whole: tuple[StopListBody, ...] = ()
        self._coming: dict[int, tuple[StopListBody, str]] = {}
        self._lines: dict[str, list[StopLine]] = {}
        # Set when a list came in this run.
        self.arrived = threading.Event()
        for payload in json.loads(tape.get(KEPT_AS) or "[]"):
            self._take(payload, keep=False)

    def trust(self, keys: Sequence[str]) -> None:
        """Believes lists under these keys of the ledger's, and no others, from now on."""
        self._keys = [PublicKey(key) for key in keys]

    @property
    def version(self) -> int:
        """The version of the last whole list, 0 while there is none."""
        return self._whole[0].version if self._whole else 0

    @property
    def time(self) -> datetime | None:
        """When the last whole list was signed."""
        return self._whole[0].time if self._whole else None

    def age(self) -> timedelta | None:
        """Returns how old the last whole list is, by the best clock the device has."""
        return None if self.time is None else max(timedelta(), self._now() - self.time)

    def take(self, payload: bytes) -> bool:
        """Takes a part; False for one that is not the ledger's, or older than what is known."""
        return self._take(payload.decode("utf-8", "replace"), keep=True)

    def meets(self, goods: GoodsAsRead, place: Standing) -> Stopped | None:
        """Tells whether goods in hand are stopped, or may be."""
        found: dict[Meets, list[StopLine]] = {"stopped": [], "possible": []}
        with self._lock:
            near = [*self._lines.get(goods.product, ()), *self._lines.get("", ())]
        for line in near:
            how = meets(line.goods, _met(goods, place, line))
            if how is not None:
                found[how].append(line)
        how = "stopped" if found["stopped"] else "possible"
        return Stopped(how, tuple(found[how])) if found[how] else None

    def _take(self, payload: str, *, keep: bool) -> bool:
        try:
            body = read_stops(payload.encode(), self._keys)
        except ValueError:
            return False
        with self._lock:
            if (body.version, body.time) == (self.version, self.time):
                # A broker gives what it retains to whoever comes; most have it already.
                self.arrived.set()
                return True
            coming = [part for part, _ in self._coming.values()]
            if any(_is_older(body, known) for known in (*self._whole[:1], *coming)):
                return False
            same = {(part.version, part.time, part.parts) for part in coming}
            if same != {(body.version, body.time, body.parts)}:
                self._coming.clear()
            self._coming[body.part] = body, payload
            if len(self._coming) == body.parts:
                self._replace(keep=keep)
            self._index()
        return True

    def _replace(self, *, keep: bool) -> None:
        parts = [self._coming[number] for number in sorted(self._coming)]
        self._whole = tuple(body for body, _ in parts)
        self._coming.clear()
        if keep:
            self._tape.put(KEPT_AS, json.dumps([payload for _, payload in parts]))
            self.arrived.set()

    def _index(self) -> None:
        lines: dict[str, list[StopLine]] = {}
        coming = [body for body, _ in self._coming.values()]
        for line in (line for body in (*self._whole, *coming) for line in body.lines):
            for name in _names(line):
                lines.setdefault(name, []).append(line)
        self._lines = lines


def _is_older(body: StopListBody, known: StopListBody) -> bool:
    """Tells whether a part is of an older list than one that is known; of the same it is not."""
    if body.version != known.version:
        return body.version < known.version and body.time - known.time < RESTORED
    return body.time < known.time


def _names(line: StopLine) -> Iterable[str]:
    """Returns the products under which a line is looked for; a supplier's under none."""
    return {line.goods.product or "", *line.gtins}


def _met(goods: GoodsAsRead, place: Standing, line: StopLine) -> Met:
    """Returns goods in hand as what a line is held against; its product was compared already."""
    came = place.mode == "receive"
    # What a stopped supplier sells is what came from it, whoever made it.
    own = place.merchant if place.merchant == line.goods.supplier else None
    supplier = place.counterparty if came else own
    delivery = f"{place.merchant}/{place.delivery}" if came and place.delivery else None
    return Met(
        products=(line.goods.product or "",), lot=goods.lot, produced=goods.produced,
        expires=goods.expires, delivery=delivery if goods.gtin is None else None,
        suppliers=None if supplier is None else (supplier,),
    )  # fmt: skip
