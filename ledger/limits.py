"""Limits: how much one asker gets at once and for ever, in memory that is bounded itself."""

import asyncio
import threading
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

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


class Turns:
    """Turns at work that takes long: each asker does one thing at a time, and few askers at once."""

    def __init__(self, *, at_once: int, under_way: int) -> None:
        """`under_way` is how many things one asker may have, the one at work among them."""
        self._most = under_way
        self._room = asyncio.Semaphore(at_once)
        self._locks: dict[str, asyncio.Lock] = {}
        self._here = Counter[str]()

    @asynccontextmanager
    async def turn(self, asker: str) -> AsyncIterator[bool]:
        """Waits for the asker's turn; yields false at once where too many of theirs wait already."""
        if self._here[asker] >= self._most:
            yield False
            return
        self._here[asker] += 1
        try:
            async with self._locks.setdefault(asker, asyncio.Lock()), self._room:
                yield True
        finally:
            self._here[asker] -= 1
            if not self._here[asker]:
                del self._here[asker], self._locks[asker]
