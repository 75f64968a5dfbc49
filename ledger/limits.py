"""Limits: how much one asker gets at once and for ever, in memory that is bounded itself."""

import threading
from collections import OrderedDict
from collections.abc import Callable

# Askers that are remembered; who was forgotten begins with a full bucket again.
KNOWN_MAX = 50_000


class Buckets:
    """A bucket of tokens for each asker: `burst` of them at once, `per_s` of them a second for ever."""

    def __init__(
        self, *, per_s: float, burst: float, monotonic: Callable[[], float], known: int = KNOWN_MAX
    ) -> None:
        self._per_s, self._burst, self._monotonic, self._max = per_s, burst, monotonic, known
        self._lock = threading.Lock()
        # What is left for each asker, and when that was so; the latest last.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, asker: str, cost: float = 1.0) -> float:
        """Takes what a question costs; returns 0, or in how many seconds there will be enough."""
        now = self._monotonic()
        with self._lock:
            left, at = self._left.pop(asker, (self._burst, now))
            left = min(self._burst, left + (now - at) * self._per_s)
            missing = cost - left
            self._left[asker] = (left if missing > 0 else left - cost, now)
            if len(self._left) > self._max:
                self._left.popitem(last=False)
        return max(0.0, missing / self._per_s)
