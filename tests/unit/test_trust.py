"""The page for whoever trusts nobody: where the source is, whose signatures to ask for, and before there is any log."""

import asyncio
import html
from collections import Counter

import httpx

from kiosk_ui.app import build
from kiosk_ui.client import Connections
from kiosk_ui.settings import read_settings

KEY = "example.org/log+00000000+AAAA"
WITNESS = "witness.example+1234abcd+BBBB"
CHECKPOINT = "example.org/log\n12\nroot\n\n— example.org/log xxxx\n"


def opened(path: str, *, begun: bool = True, **said: str) -> tuple[int, str]:
    """Opens a page of a kiosk that is told this, beside a log that has begun or has not."""
    app = build(read_settings(said))
    published = {"/log/checkpoint": CHECKPOINT, "/log/key": KEY} if begun else {}

    def answer(request: httpx.Request) -> httpx.Response:
        text = published.get(request.url.path)
        if begun and request.url.path.startswith("/log/proof/"):
            # What is no number is not its to find: it would be asked in vain, and say so in its own way.
            return httpx.Response(400)
        return httpx.Response(200 if text else 404, text=text or "")

    log = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://log")
    app.state.services = Connections(log, log, log, log, log, Counter())

    async def look() -> httpx.Response:
        here = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=here, base_url="http://127.0.0.1:8700") as visitor:
            return await visitor.get(path, params={"lang": "en"})

    shown = asyncio.run(look())
    return shown.status_code, html.unescape(shown.text)


def test_it_names_the_source_and_the_witnesses_that_the_operator_named() -> None:
    source = "https://example.org/suyuan"
    asked = f"http://witness.example:8705 {WITNESS}, http://other.example:1 other.example+1+CC"

    status, page = opened("/trust", SUYUAN_SOURCE_URL=source, SUYUAN_LOG_WITNESSES=asked)

    assert status == 200
    assert f'href="{source}"' in page
    assert WITNESS in page
    assert "other.example+1+CC" in page
    # Where its witnesses listen is between them and the log.
    assert "8705" not in page


def test_where_nobody_named_any_it_says_so() -> None:
    _, page = opened("/trust", SUYUAN_SOURCE_URL="javascript:alert(1)")

    assert "does not say here" in page
    assert "javascript" not in page
    assert "Nobody is asked to sign this log's checkpoints yet" in page


def test_what_is_no_number_of_an_entry_is_not_taken_for_a_code_on_a_pack() -> None:
    for path in ("/proof/0", "/proof/-1", "/proof/abc", "/proof/99999999999999999999"):
        status, page = opened(path)

        assert status == 404
        assert "There is no such entry" in page
        assert "pack" not in page.partition("<main")[2].partition("</main")[0]


def test_a_log_that_has_just_begun_is_not_said_to_be_away() -> None:
    for path in ("/trust", "/proof/1"):
        status, page = opened(path, begun=False)

        assert status == 503
        assert "The log has just begun" in page
