"""The front of the faces: a request comes whole within its time, or its sender has hung up."""

import asyncio
from typing import Any

import pytest

from kiosk_ui.app import Front


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
