"""Kept pages: shown while they count, and not a moment longer."""

import asyncio
from typing import Any

import httpx
import pytest

from kiosk_ui.page_cache import FRESH_S, PageCache
from kiosk_ui.standing import HEARD_S, RecordStanding


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Kiosk:
    """A cache in front of a page that says how often it was made."""

    def __init__(self, status: int = 200, headers: Any = ()) -> None:
        self.clock = Clock()
        self.standing = RecordStanding(self.clock)
        self.standing.hear(10, 1)
        self.made, self.status, self.headers, self.waits = 0, status, list(headers), 0.0
        self.cache = PageCache(self._page, self.standing, self.clock)

    async def _page(self, _scope: Any, _receive: Any, send: Any) -> None:
        self.made += 1
        mine = self.made
        await asyncio.sleep(self.waits)
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": f"page {mine}".encode()})

    async def ask(
        self, path: str = "/01/1", query: str = "", **headers: str
    ) -> tuple[int, bytes, Any]:
        said: list[Any] = []

        async def send(message: Any) -> None:
            said.append(message)

        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), v.encode()) for name, v in headers.items()],
        }  # fmt: skip
        await self.cache(scope, None, send)  # type: ignore[arg-type]  # nobody receives
        return said[0]["status"], said[1]["body"], dict(said[0]["headers"])

    def body(self, *asked: str, **headers: str) -> bytes:
        return asyncio.run(self.ask(*asked, **headers))[1]


def test_a_page_is_made_once_while_the_record_stands() -> None:
    kiosk = Kiosk()

    assert [kiosk.body(), kiosk.body()] == [b"page 1", b"page 1"]

    kiosk.clock.now += 2
    kiosk.standing.hear(10, 1)
    assert kiosk.body() == b"page 1"


def test_a_moving_record_lets_a_page_live_a_second() -> None:
    kiosk = Kiosk()
    kiosk.body()
    kiosk.standing.hear(11, 1)
    assert kiosk.body() == b"page 1"

    kiosk.clock.now += FRESH_S
    kiosk.standing.hear(12, 1)

    assert kiosk.body() == b"page 2"


def test_a_recall_ends_every_page_at_once() -> None:
    kiosk = Kiosk()
    kiosk.body()

    kiosk.standing.hear(10, 2)

    assert kiosk.body() == b"page 2"


def test_who_does_not_hear_where_the_record_stands_shows_no_page_of_before() -> None:
    kiosk = Kiosk()
    kiosk.body()
    kiosk.clock.now += HEARD_S

    assert [kiosk.body(), kiosk.body()] == [b"page 2", b"page 3"]

    # And once it is heard again, what was kept before the silence counts no more.
    kiosk.standing.hear(10, 1)
    assert kiosk.body() == b"page 4"


def test_a_page_that_was_asked_for_before_a_recall_is_not_kept_beyond_it() -> None:
    kiosk = Kiosk()

    async def both() -> tuple[bytes, bytes]:
        kiosk.waits = 0.05
        early = asyncio.create_task(kiosk.ask())
        await asyncio.sleep(0.01)
        kiosk.standing.hear(10, 2)
        await early
        return early.result()[1], (await kiosk.ask())[1]

    assert asyncio.run(both()) == (b"page 1", b"page 2")


def test_a_thousand_who_ask_for_one_page_have_it_made_once() -> None:
    kiosk = Kiosk()
    kiosk.waits = 0.02

    async def all_at_once() -> set[bytes]:
        return {answer[1] for answer in await asyncio.gather(*(kiosk.ask() for _ in range(1000)))}

    assert asyncio.run(all_at_once()) == {b"page 1"}


def test_who_has_the_page_already_is_told_so_in_no_bytes() -> None:
    kiosk = Kiosk()
    tag = asyncio.run(kiosk.ask())[2][b"etag"].decode()

    assert asyncio.run(kiosk.ask(if_none_match=tag))[:2] == (304, b"")
    kiosk.standing.hear(10, 2)
    assert asyncio.run(kiosk.ask(if_none_match=tag))[:2] == (200, b"page 2")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"accept_language": "zh"}, {"accept_language": "en"}),
        ({"accept_encoding": "gzip"}, {"accept_encoding": ""}),
    ],
)
def test_readers_of_another_language_get_their_own_page(
    one: dict[str, str], other: dict[str, str]
) -> None:
    kiosk = Kiosk()

    assert kiosk.body(**one) != kiosk.body(**other)


def test_a_language_that_is_only_part_of_a_question_is_none_that_was_chosen() -> None:
    kiosk = Kiosk()

    chinese = kiosk.body("/search", "q=lang%3Den", accept_language="zh")

    assert kiosk.body("/search", "q=lang%3Den", accept_language="en") != chinese


@pytest.mark.parametrize(
    ("kiosk", "path"),
    [
        (Kiosk(status=404), "/01/1"),
        (Kiosk(headers=[(b"Set-Cookie", b"a=b")]), "/01/1"),
        (Kiosk(), "/desk"),
        (Kiosk(), "/station"),
        (Kiosk(), "/v1/me"),
        (Kiosk(), "/01/" + "9" * 500),
    ],
    ids=str,
)
def test_what_is_not_everybodys_is_not_kept(kiosk: Kiosk, path: str) -> None:
    assert [kiosk.body(path), kiosk.body(path)] == [b"page 1", b"page 2"]


def test_what_is_said_twice_in_a_head_is_read_one_way_or_not_at_all() -> None:
    kiosk = Kiosk()
    scope = {
        "type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"",
        "headers": [(b"accept-language", b"en"), (b"accept-language", b"zh")],
    }  # fmt: skip

    async def twice() -> int:
        async def nobody(_message: Any) -> None:
            return None

        for _ in range(2):
            await kiosk.cache(scope, None, nobody)  # type: ignore[arg-type]  # nobody receives
        return kiosk.made

    assert asyncio.run(twice()) == 2


def test_a_page_that_says_it_does_not_know_is_not_kept() -> None:
    kiosk = Kiosk(headers=[(b"cache-control", b"no-store")])

    assert [kiosk.body("/"), kiosk.body("/")] == [b"page 1", b"page 2"]


def test_an_open_page_that_was_told_of_a_new_entry_gets_no_page_of_before() -> None:
    kiosk = Kiosk()
    kiosk.body()
    kiosk.standing.hear(12, 1)

    assert kiosk.body() == b"page 1"
    assert kiosk.body(suyuan_after="12") == b"page 2"


def test_what_the_api_says_is_heard_again_after_a_word_that_nobody_can_read() -> None:
    words = iter([b'data: {"stops": 1}\n\n', b"data: nothing\n\n", b"data: 7\n\n"])
    standing = RecordStanding()

    def told(_request: httpx.Request) -> httpx.Response:
        good = b'data: {"position": 12, "stops": 3}\n\n'
        return httpx.Response(200, content=next(words, good))

    async def listen() -> None:
        transport = httpx.MockTransport(told)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
            following = asyncio.create_task(standing.follow(http))
            while standing.position != 12 and not following.done():
                await asyncio.sleep(0.01)
            following.cancel()

    asyncio.run(asyncio.wait_for(listen(), 20))

    assert standing.position == 12
