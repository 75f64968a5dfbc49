"""The front of the faces: a request comes whole within its time, or its sender has hung up."""

import asyncio
from typing import Any

import pytest
from fastapi import Request

from kiosk_ui.app import Front
from kiosk_ui.signing import is_at_this_machine, may_sign_in_here


def test_who_begins_a_form_and_never_ends_it_holds_no_connection_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[Any] = []

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            said.append(message)
        said.append(message["type"])

    async def trickle() -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def nobody(_message: Any) -> None:
        return None

    monkeypatch.setattr("kiosk_ui.app.BODY_S", 0.3)
    scope = {
        "type": "http", "method": "POST", "path": "/sign-in", "query_string": b"", "headers": []
    }  # fmt: skip
    asyncio.run(asyncio.wait_for(Front(app)(scope, trickle, nobody), 5))

    assert said[-1] == "http.disconnect"


@pytest.mark.parametrize(
    ("scheme", "host", "may_sign_in", "is_here"),
    [
        ("https", "192.0.2.7", True, False), ("http", "192.0.2.7", False, False),
        ("http", "127.0.0.1", True, True), ("https", "::1", True, True), ("http", "", False, False),
    ],
)  # fmt: skip
def test_the_demonstrations_passwords_are_for_who_sits_at_its_machine_whatever_the_line(
    scheme: str, host: str, may_sign_in: bool, is_here: bool
) -> None:
    request = Request(
        {
            "type": "http", "scheme": scheme, "client": (host, 1), "headers": [], "path": "/",
            "server": ("localhost", 1), "query_string": b"",
        }
    )  # fmt: skip

    assert (may_sign_in_here(request), is_at_this_machine(request)) == (may_sign_in, is_here)
