"""Screens: what a kiosk's own scanner is held at opens its page, and nothing of it is recorded."""

import asyncio
import logging
import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import NamedTuple

import msgspec

from ledger.errors import LedgerError
from ledger.events import wire
from ledger.intake.devices import Devices
from ledger.values.keys import PublicKey

log = logging.getLogger("suyuan.intake")

# A page that opens on one look is there for the next well within this.
KEPT_S = 5.0
# Open pages of one screen, and screens of one ledger: kiosks, not a flood.
PAGES_MAX, SCREENS_MAX = 4, 2000
PAYLOAD_BYTES_MAX, WAITING_MAX = 16 * 1024, 200
# A look is known again among so many of its device.
SEEN_MAX, DROPS_A_LINE = 200, 1000
# So often a stream says that it is there.
HERE_S = 5.0


class HeldLook(NamedTuple):
    """A look that was believed: what was held there, when the kiosk says that was, and when it came."""

    text: str
    told: datetime
    came: float


class _Screen:
    """A kiosk's open pages, and the last look for the one that is just opening."""

    def __init__(self) -> None:
        self.pages: list[asyncio.Event] = []
        self.last: HeldLook | None = None


class Screens:
    """Takes signed looks from the broker and gives them to the open pages of the screen they name."""

    def __init__(self, devices: Devices, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._devices, self._monotonic = devices, monotonic
        self._screens: OrderedDict[str, _Screen] = OrderedDict()
        self._lock = threading.Lock()
        self._waiting: queue.Queue[tuple[wire.SignedKioskLook, wire.KioskLook]] = queue.Queue(
            WAITING_MAX
        )
        # The last looks of each device: a broker may bring one twice. They are known, not ordered by time: a
        # kiosk whose clock was set back goes on.
        self._seen: dict[str, deque[datetime]] = {}
        self._dropped = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Believes and shows in a thread of its own; the register may have to be read for it."""
        threading.Thread(target=self._run, daemon=True).start()

    def hear(self, device: str, payload: bytes) -> None:
        """Takes what came on a device's topic; what names no screen that was ever open costs nothing more."""
        if len(payload) > PAYLOAD_BYTES_MAX:
            return
        try:
            signed = msgspec.json.decode(payload, type=wire.SignedKioskLook)
            look = msgspec.json.decode(signed.body, type=wire.KioskLook)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return
        if look.device != device or look.screen not in self._screens:
            return
        try:
            self._waiting.put_nowait((signed, look))
        except queue.Full:
            # Once in many: what floods the queue shall not flood the log.
            if self._dropped % DROPS_A_LINE == 0:
                log.warning(
                    "looks come faster than they can be shown; %d dropped so far", self._dropped + 1
                )
            self._dropped += 1

    async def watch(self, screen: str, after: str) -> AsyncIterator[HeldLook | None]:
        """Yields the looks of a screen as they come, and None every few seconds.

        `after` names the last one that was seen. Nothing is yielded where too many pages are open.
        """
        self._loop = asyncio.get_running_loop()
        found = self._screen(screen)
        if found is None or len(found.pages) >= PAGES_MAX:
            return
        changed = asyncio.Event()
        changed.set()
        found.pages.append(changed)
        try:
            while True:
                try:
                    async with asyncio.timeout(HERE_S):
                        await changed.wait()
                except TimeoutError:
                    yield None
                    continue
                changed.clear()
                last = found.last
                fresh = last is not None and self._monotonic() - last.came < KEPT_S
                if last is not None and fresh and last.told.isoformat() != after:
                    after = last.told.isoformat()
                    yield last
        finally:
            found.pages.remove(changed)

    def _screen(self, name: str) -> _Screen | None:
        with self._lock:
            if name not in self._screens and len(self._screens) >= SCREENS_MAX:
                # The one that was opened longest ago and that nobody looks at makes room.
                idle = next((key for key, one in self._screens.items() if not one.pages), None)
                if idle is None:
                    return None
                del self._screens[idle]
            self._screens.setdefault(name, _Screen())
            self._screens.move_to_end(name)
            return self._screens[name]

    def _run(self) -> None:
        while True:
            signed, look = self._waiting.get()
            try:
                if self._believed(signed, look):
                    self._show(look)
            except LedgerError as error:
                log.warning("a look could not be believed now: %s", error)

    def _believed(self, signed: wire.SignedKioskLook, look: wire.KioskLook) -> bool:
        case = self._devices.get(look.device)
        if case.key is None or case.revoked:
            return False
        key = PublicKey(case.key)
        if key.id != signed.key or not key.signed(signed.signature, wire.look_message(signed.body)):
            return False
        seen = self._seen.setdefault(look.device, deque(maxlen=SEEN_MAX))
        if look.time in seen:
            return False
        seen.append(look.time)
        return True

    def _show(self, look: wire.KioskLook) -> None:
        with self._lock:
            found = self._screens.get(look.screen)
        if found is None or self._loop is None:
            return
        found.last = HeldLook(look.text, look.time, self._monotonic())
        self._loop.call_soon_threadsafe(_wake, found)


def _wake(screen: _Screen) -> None:
    for page in screen.pages:
        page.set()
