"""Progress bars on standard error, for people who wait."""

import sys
import time
from types import TracebackType

WIDTH = 30
EVERY_S = 0.1


class Progress:
    """A bar that moves while it is shown; nothing at all where nobody watches."""

    def __init__(self, what: str, total: int, *, show: bool) -> None:
        self._what, self._total = what, max(1, total)
        self._show = show and sys.stderr.isatty()
        self._done = 0
        self._drawn = 0.0

    def __enter__(self) -> "Progress":
        """Begins."""
        return self

    def step(self, count: int = 1) -> None:
        """Says that so many more are done."""
        self._done += count
        if self._show and time.monotonic() - self._drawn > EVERY_S:
            self._drawn = time.monotonic()
            self._draw()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the line."""
        if self._show:
            self._draw()
            sys.stderr.write("\n")

    def _draw(self) -> None:
        filled = WIDTH * min(self._done, self._total) // self._total
        bar = "#" * filled + "·" * (WIDTH - filled)
        sys.stderr.write(f"\r{self._what:<18} [{bar}] {self._done}/{self._total}")
        sys.stderr.flush()
