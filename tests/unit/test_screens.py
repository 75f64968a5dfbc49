"""A kiosk's screen: whose looks it believes, and that the page which just opened misses none."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ledger.events import wire
from ledger.intake.screens import PAGES_MAX, HeldLook, Screens
from ledger.values.keys import SigningKey

KEY, OTHER = SigningKey(bytes([1]) * 32), SigningKey(bytes([2]) * 32)
SCREEN = "A" * 22
NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)


class Register:
    """Devices as a screen asks for them: one kiosk, one that was revoked."""

    def get(self, device: str) -> Any:
        known = device in ("kiosk-1", "kiosk-2")
        return SimpleNamespace(key=KEY.public if known else None, revoked=device == "kiosk-2")


def look(text: str, *, device: str = "kiosk-1", key: SigningKey = KEY, after_s: int = 0) -> bytes:
    told = wire.KioskLook(
        device=device, screen=SCREEN, text=text, time=NOW + timedelta(seconds=after_s)
    )
    body = wire.encode(told)
    signature = key.sign(wire.look_message(body))
    return wire.encode(wire.SignedKioskLook(body=body, key=KEY.id, signature=signature))


END = "the last look"


async def seen(
    screens: Screens, looks: list[tuple[str, bytes]], after: str = "", *, ends: bool = True
) -> list[str]:
    """Opens a page, lets looks come, and returns what it saw before one that ends it, or in a moment."""
    found: list[str] = []

    async def page() -> None:
        async for shown in screens.watch(SCREEN, after):
            if isinstance(shown, HeldLook):
                found.append(shown.text)

    opened = asyncio.create_task(page())
    await asyncio.sleep(0.05)
    last = [("kiosk-1", look(END, after_s=3600))] if ends else []
    for device, payload in [*looks, *last]:
        screens.hear(device, payload)
        await asyncio.sleep(0.05)
    deadline = time.monotonic() + 20
    while ends and END not in found and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    opened.cancel()
    await asyncio.gather(opened, return_exceptions=True)
    assert not ends or found.pop() == END
    return found


def begun(monotonic: Any = time.monotonic) -> Screens:
    screens = Screens(Register(), monotonic)  # type: ignore[arg-type]  # all that it asks for
    screens.start()
    return screens


def test_a_look_opens_the_page_of_the_screen_it_names() -> None:
    looks = [("kiosk-1", look("]E06901234567892")), ("kiosk-1", look("next", after_s=1))]

    assert asyncio.run(seen(begun(), looks)) == ["]E06901234567892", "next"]


@pytest.mark.parametrize(
    ("device", "payload"),
    [
        ("kiosk-1", look("forged", key=OTHER)),
        ("kiosk-2", look("revoked", device="kiosk-2")),
        ("kiosk-3", look("stranger", device="kiosk-3")),
        ("kiosk-9", look("on another's topic")),
        ("kiosk-1", b""),
        ("kiosk-1", b"["),
        ("kiosk-1", b"[" * 30_000),
        ("kiosk-1", look("x")[:-20]),
    ],
)
def test_what_no_kiosk_of_this_ledger_signed_opens_nothing(device: str, payload: bytes) -> None:
    good = ("kiosk-1", look("good", after_s=5))

    assert asyncio.run(seen(begun(), [(device, payload), good])) == ["good"]


def test_a_look_that_the_broker_brings_again_later_opens_nothing() -> None:
    first, second = ("kiosk-1", look("first")), ("kiosk-1", look("second", after_s=1))

    assert asyncio.run(seen(begun(), [first, second, first, second])) == ["first", "second"]


def test_a_kiosk_whose_clock_was_set_back_is_seen_as_before() -> None:
    before, after = ("kiosk-1", look("before")), ("kiosk-1", look("after", after_s=-86_400))

    assert asyncio.run(seen(begun(), [before, after, before])) == ["before", "after"]


def test_a_page_that_opens_just_after_a_look_still_sees_it_and_only_once() -> None:
    clock = [0.0]
    screens = begun(lambda: clock[0])

    async def story() -> tuple[list[str], list[str], list[str], list[str]]:
        first = await seen(screens, [("kiosk-1", look("first"))], ends=False)
        screens.hear("kiosk-1", look("between", after_s=1))
        await asyncio.sleep(0.05)
        missed = await seen(screens, [], NOW.isoformat(), ends=False)
        again = await seen(screens, [], (NOW + timedelta(seconds=1)).isoformat(), ends=False)
        clock[0] = 60.0
        return first, missed, again, await seen(screens, [], ends=False)

    assert asyncio.run(story()) == (["first"], ["between"], [], [])


def test_pages_beyond_a_kiosks_own_see_nothing() -> None:
    screens = begun()

    async def story() -> list[list[str]]:
        looks = [("kiosk-1", look("here"))]
        crowd = [seen(screens, looks, ends=False) for _ in range(PAGES_MAX + 2)]
        return list(await asyncio.gather(*crowd))

    assert [len(found) for found in asyncio.run(story())].count(1) == PAGES_MAX
