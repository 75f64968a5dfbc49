"""Asking for a whole list that comes in pages: nothing is left out, and where it ends early that is known."""

import asyncio
from typing import Any, cast

import pytest

from kiosk_ui.client import Asking, whole


class Paged:
    """A service with so many lines, ten a page."""

    def __init__(self, count: int) -> None:
        self.count = count

    async def get(self, _path: str, asked: dict[str, Any], *, wait_s: float) -> dict[str, Any]:
        assert wait_s > 0
        start = int(asked.get("after", 0))
        lines = list(range(start, min(self.count, start + 10)))
        more = str(start + 10) if start + 10 < self.count else None
        return {"lines": lines, "next": more, "mode": "every-item", "kind": asked["kind"]}


@pytest.mark.parametrize(
    ("count", "shown", "more"), [(0, 0, False), (10, 10, False), (37, 37, False), (55, 50, True)]
)
def test_a_list_is_whole_or_known_not_to_be(count: int, shown: int, more: bool) -> None:
    client = cast(Asking, Paged(count))

    found = asyncio.run(whole(client, "/v1/x", "lines", 50, {"kind": "k"}))

    assert (found.lines, found.more) == (list(range(shown)), more)
    assert found.first["mode"] == "every-item"
