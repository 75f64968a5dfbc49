"""The devices intake knows: their cases, cached, and checked by version when something is recorded."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from ledger.events.base import Event
from ledger.rules.device import DeviceCase, evolve_device

Evolve = Callable[[DeviceCase, Event], DeviceCase]


class LoadsCases(Protocol):
    """Loads a case; `ledger.journal.cases.Cases` does."""

    def load(self, kind: str, subject: str, empty: DeviceCase, evolve: Evolve) -> DeviceCase:
        """Returns the state of a case, `empty` when there is none."""
        ...


# A district's scanners; each case weighs about a kilobyte.
KNOWN_MAX = 50_000
# One stranger's name is looked up at most once a second.
UNKNOWN_S = 1.0
UNKNOWN_MAX = 1_000


class Devices:
    """Gives the case of a device; a stale one is found out under the lock and forgotten here."""

    def __init__(
        self, cases: LoadsCases, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._cases = cases
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: OrderedDict[str, DeviceCase] = OrderedDict()
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._reread: OrderedDict[str, float] = OrderedDict()

    def get(self, device: str) -> DeviceCase:
        """Returns the case; its key is None for a device that is not enrolled."""
        with self._lock:
            known = self._known.get(device)
            if known is not None:
                self._known.move_to_end(device)
                return known
            if self._monotonic() - self._unknown.get(device, -UNKNOWN_S) < UNKNOWN_S:
                return DeviceCase(device)
        case = self._cases.load("device", device, DeviceCase(device), evolve_device)
        with self._lock:
            if case.key is None:
                _remember(self._unknown, device, self._monotonic(), UNKNOWN_MAX)
            else:
                _remember(self._known, device, case, KNOWN_MAX)
        return case

    def again(self, device: str) -> DeviceCase:
        """Returns the case as the record has it now, read at most once a second for one device.

        Another intake may have given the device a new key, of which nobody told this one.
        """
        with self._lock:
            now = self._monotonic()
            due = now - self._reread.get(device, -UNKNOWN_S) >= UNKNOWN_S
            if due:
                _remember(self._reread, device, now, UNKNOWN_MAX)
                self._known.pop(device, None)
        return self.get(device)

    def forget(self, device: str) -> None:
        """Drops what is cached of a device, so that the next look reads the record."""
        with self._lock:
            self._known.pop(device, None)
            self._unknown.pop(device, None)


def _remember(cache: OrderedDict[str, Any], key: str, value: Any, limit: int) -> None:
    cache[key] = value
    if len(cache) > limit:
        cache.popitem(last=False)
