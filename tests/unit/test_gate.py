"""The gate in front of the APIs: what it adds, what it refuses, and whom it lets ask how much."""

import asyncio
from typing import Any

import pytest
from fastapi import Request, Response

from ledger.gate import BURST, DOOR_BURST, HEADERS, Gate
from ledger.intake.responses import body_of
from ledger.limits import Buckets


class Asked:
    """A gate in front of an application that says who was let through."""

    def __init__(self, **more: Any) -> None:
        self.now = 0.0
        self.passed = 0

        async def app(_scope: Any, _receive: Any, send: Any) -> None:
            self.passed += 1
            headers = [(b"cache-control", b"public, max-age=1")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"{}"})

        self._gate = Gate(app, monotonic=lambda: self.now, **more)

    def ask(
        self, client: str = "203.0.113.9", method: str = "GET", path: str = "/v1/x", **headers: str
    ) -> tuple[int, dict[str, str]]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        named = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "client": (client, 1),
                 "headers": [(b"host", b"ledger.lan:8711"), *named]}  # fmt: skip
        asyncio.run(self._gate(scope, None, send))
        told = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
        return sent[0]["status"], told


def test_every_answer_says_that_it_is_no_page_and_keeps_what_the_route_said() -> None:
    status, headers = Asked().ask()

    assert status == 200
    said = {name: value for name, value in HEADERS.items() if name != "cache-control"}
    assert said.items() <= headers.items()
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert HEADERS["cache-control"] == "no-store"
    assert headers["cache-control"] == "public, max-age=1", "what a route says itself stays"


def test_an_address_that_asks_without_end_waits_and_others_do_not() -> None:
    asked = Asked()
    answers = [asked.ask()[0] for _ in range(int(BURST) + 5)]

    assert answers.count(429) == 5
    assert asked.ask("203.0.113.10")[0] == 200
    status, headers = asked.ask()
    assert (status, headers["retry-after"]) == (429, "1")
    asked.now = 1.0
    assert asked.ask()[0] == 200


def test_who_asks_too_much_is_named_in_the_log_without_filling_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = Asked()
    for _ in range(int(BURST) + 50):
        asked.ask()

    told = [line for line in caplog.records if line.name == "suyuan.gate"]
    assert 1 <= len(told) <= 5
    assert {line.getMessage() for line in told} == {"turned back: too-many"}
    assert {line.__dict__["address"] for line in told} == {"203.0.113.9"}


def test_a_customers_whole_ipv6_network_is_one_asker() -> None:
    asked = Asked(cost=lambda *_: BURST)

    assert asked.ask("2001:db8:1:2::1")[0] == 200
    assert asked.ask("2001:db8:1:2:ffff::7")[0] == 429
    assert asked.ask("2001:db8:1:3::1")[0] == 200
    assert asked.ask("::ffff:203.0.113.9")[0] == 200
    assert asked.ask("203.0.113.9")[0] == 429, "the same address, written otherwise"


def test_passwords_are_tried_slowly_from_one_address() -> None:
    asked = Asked(door=("/intake/sign-ins",))

    tried = [asked.ask(method="POST", path="/intake/sign-ins")[0] for _ in range(25)]

    assert tried.count(200) == DOOR_BURST
    assert asked.ask(method="GET", path="/intake/sign-ins")[0] == 200
    asked.now = 10.0
    assert asked.ask(method="POST", path="/intake/sign-ins")[0] == 200


def test_services_of_this_machine_ask_as_much_as_they_need() -> None:
    asked = Asked(cost=lambda *_: BURST, door=("/intake/sign-ins",))

    assert {asked.ask("127.0.0.1", "POST", "/intake/sign-ins")[0] for _ in range(50)} == {200}


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"sec_fetch_site": "cross-site"}, 403),
        ("POST", {"sec_fetch_site": "same-site"}, 403),
        ("POST", {"origin": "https://evil.example"}, 403),
        ("POST", {"origin": "null"}, 403),
        ("POST", {"origin": "http://["}, 403),
        # Another port of the same host is another site of this ledger's making.
        ("PUT", {"origin": "https://ledger.lan:8710"}, 403),
        ("DELETE", {"sec_fetch_site": "cross-site"}, 403),
        ("POST", {"sec_fetch_site": "same-origin", "origin": "https://ledger.lan:8711"}, 200),
        ("POST", {"sec_fetch_site": "none"}, 200),
        ("POST", {}, 200),
        # A link from anywhere: it changes nothing, and its answer stays with who followed it.
        ("GET", {"sec_fetch_site": "cross-site"}, 200),
    ],
)
def test_no_page_of_another_site_changes_anything_here(
    method: str, headers: dict[str, str], status: int
) -> None:
    asked = Asked()

    assert asked.ask(method=method, **headers)[0] == status
    assert asked.passed == (status == 200)


def test_a_bucket_forgets_the_longest_silent_and_never_holds_more_than_it_may() -> None:
    now = 0.0
    buckets = Buckets(per_s=1, burst=2, monotonic=lambda: now, known=3)
    for asker in ("a", "a", "b", "c", "d"):
        buckets.take(asker)

    assert len(buckets._left) == 3
    assert buckets.take("a") == 0.0, "forgotten, it begins anew"
    assert buckets.take("d", 3) == 2.0, "one is left of two"
    now = 10.0
    assert buckets.take("d", 2) == 0.0, "never more than the burst"
    assert buckets.take("d", 1) == 1.0


def test_who_hangs_up_in_the_middle_of_a_body_is_no_fault_of_ours() -> None:
    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST", "path": "/intake/batches", "headers": []}
    answer = asyncio.run(body_of(Request(scope, gone), 100))

    assert isinstance(answer, Response)
    assert answer.status_code == 400
