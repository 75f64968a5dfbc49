"""The door of the faces: who is let in, what the browser holds, and what no other site's page can do."""

import contextlib
import http.client
import ssl
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser

from ledger.rules.access import Grant
from suyuan.parts.machine import Machine
from tests.support.databases import running_machine
from tests.support.faces import context_of, said_by, sign_in_at, until, violations
from tests.support.people import PASSWORD, add_account

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with running_machine("faces-") as started:
        owner = started.dsn("suyuan_owner")
        add_account(owner, "stall-1", Grant("merchant", ("m-1",)))
        add_account(owner, "chief-1", Grant("regulator", ("city",)))
        add_account(owner, "auditor-1", Grant("auditor"))
        yield started


def url(machine: Machine) -> str:
    return machine.kiosk_url.rstrip("/")


@contextlib.contextmanager
def signed_in(machine: Machine, account: str = "stall-1") -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url(machine), trust_env=False) as client:
        form = {"account": account, "password": PASSWORD}
        assert client.post("/sign-in", data=form).status_code == 303
        yield client


def test_a_wrong_password_is_said_where_it_was_typed_and_the_right_one_lets_in(
    machine: Machine, browser: Browser
) -> None:
    context = context_of(browser)
    page = context.new_page()
    page.goto(f"{url(machine)}/station/scan")
    page.goto(f"{url(machine)}/sign-in?next=/station/scan")
    page.fill("#account", "stall-1")
    page.fill("#password", "not this one at all")
    page.click("main button")
    assert "账号或密码不对" in page.inner_text("[role=alert]")
    assert page.input_value("#account") == "stall-1"

    page.fill("#password", PASSWORD)
    page.click("main button")

    page.wait_for_url("**/station/scan")
    context.close()


def test_scripts_cannot_read_the_cookie_and_no_token_reaches_the_browser(
    machine: Machine, browser: Browser
) -> None:
    context = context_of(browser)
    page = context.new_page()
    said = said_by(page)
    sign_in_at(page, url(machine), "stall-1", there="/station/scan")

    (cookie,) = context.cookies()
    told = page.evaluate("fetch('/v1/me').then((answer) => answer.json())")

    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("suyuan", True, "Strict")
    assert page.evaluate("document.cookie") == ""
    assert told["account"] == "stall-1"
    assert "token" not in page.content()
    assert said == []
    context.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
def test_another_sites_page_does_nothing_in_the_name_of_who_is_signed_in(
    machine: Machine, headers: dict[str, str]
) -> None:
    with signed_in(machine) as client:
        for path in ("/intake/requests", "/intake/invitations", "/sign-out"):
            answer = client.post(path, json=[], headers=headers)
            assert (answer.status_code, answer.json()["title"]) == (403, "cross-site")

        assert client.get("/v1/me").json()["account"] == "stall-1"


def test_signing_out_ends_it_here_and_at_the_ledger(machine: Machine) -> None:
    with signed_in(machine) as client:
        secret = client.cookies["suyuan"]
        assert client.post("/sign-out").status_code == 303
        assert "suyuan" not in client.cookies

    kept = httpx.get(f"{url(machine)}/v1/me", cookies={"suyuan": secret}, trust_env=False)
    bearer = {"authorization": f"Bearer {secret}"}
    token = httpx.post(
        f"{machine.intake_url}/intake/tokens", json={}, headers=bearer, trust_env=False
    )

    assert kept.json()["account"] is None
    assert token.json()["title"] == "sign-in-over"


def is_ready(machine: Machine) -> bool:
    try:
        return httpx.get(f"{machine.intake_url}/intake/ready", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def test_signing_out_takes_the_cookie_also_while_the_ledger_is_away(machine: Machine) -> None:
    assert machine.services is not None
    intake = machine.services.all["intake"]
    with signed_in(machine) as client:
        intake.kill()
        try:
            answer = client.post("/sign-out")
        finally:
            intake.start()

        assert answer.status_code == 303
        assert "suyuan" not in client.cookies
        assert until(lambda: is_ready(machine))


def test_what_was_refused_is_not_shown_as_done_when_it_is_sent_twice(machine: Machine) -> None:
    with signed_in(machine, "chief-1") as client:
        form = {"hold": "h-taken", "product": "06901234567892", "authority": "Office", "reason": "test", "anyway": "true",
                "days": "1", "key": "00000000-0000-4000-8000-00000000abc1"}  # fmt: skip
        assert client.post("/desk/holds/new", data=form).status_code == 303
        other = form | {"product": "06901234567908", "key": "00000000-0000-4000-8000-00000000abc2"}
        answers = [client.post("/desk/holds/new", data=other) for _ in range(2)]

    assert [one.status_code for one in answers] == [422, 422]


def test_a_password_is_not_typed_in_plain_beyond_this_machine(machine: Machine) -> None:
    elsewhere = {"x-forwarded-for": "192.0.2.7"}
    shown = httpx.get(f"{url(machine)}/sign-in", headers=elsewhere, trust_env=False)
    form = {"account": "stall-1", "password": PASSWORD}
    typed = httpx.post(f"{url(machine)}/sign-in", data=form, headers=elsewhere, trust_env=False)

    for answer in (shown, typed):
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("https://")
        assert "set-cookie" not in answer.headers


def test_over_tls_the_cookie_is_for_this_host_alone(machine: Machine) -> None:
    form = {"account": "stall-1", "password": PASSWORD}
    at = f"https://localhost:{machine.tls_ports['kiosk']}/sign-in"
    assert machine.certificates is not None
    assert machine.certificates.authority is not None
    trusting = ssl.create_default_context(cafile=str(machine.certificates.authority))
    answer = httpx.post(at, data=form, verify=trusting, trust_env=False)

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-suyuan=")
    assert {"Secure", "HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    "there", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_no_link_leads_a_sign_in_to_another_site(machine: Machine, there: str) -> None:
    form = {"account": "stall-1", "password": PASSWORD, "next": there}

    answer = httpx.post(f"{url(machine)}/sign-in", data=form, trust_env=False)

    assert answer.headers["location"] == "/station"


@pytest.mark.parametrize("path", ["/intake/tokens", "/intake/sign-ins", "/intake/metrics", "/docs"])
def test_what_no_page_asks_for_is_not_passed_on(machine: Machine, path: str) -> None:
    with signed_in(machine) as client:
        assert client.get(path).status_code == 404
        assert client.post(path, json={}).status_code in (404, 405)


def test_what_was_asked_in_somebodys_name_no_browser_keeps(machine: Machine) -> None:
    with signed_in(machine) as client:
        assert client.get("/v1/me").headers["cache-control"] == "no-store"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_door_is_accessible(machine: Machine, browser: Browser, language: str) -> None:
    context = context_of(browser)
    page = context.new_page()
    said = said_by(page)

    page.goto(f"{url(machine)}/sign-in?lang={language}")

    assert violations(page) == []
    assert said == []
    context.close()


def raw(machine: Machine, path: str, **more: str) -> int:
    """Asks for a path exactly as it is written; returns the status."""
    connection = http.client.HTTPConnection("127.0.0.1", machine.ports["kiosk"], timeout=30)
    connection.putrequest("GET", path, skip_accept_encoding=True)
    for name, value in more.items():
        connection.putheader(name.replace("_", "-"), value.encode())
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize(
    "path",
    [
        "/v1/./live/record", "/v1/x/../live/record", "/v1/%2e/live/record", "/v1/../openapi.json",
        "/log/../log/health", "/v1/%2e%2e/v1/me", "/01/%2e%2e/10/me",
    ],
)  # fmt: skip
def test_no_path_leads_upwards_or_to_a_stream_that_never_ends(machine: Machine, path: str) -> None:
    assert raw(machine, path) == 404


@pytest.mark.parametrize(
    "path",
    [
        "/01/06901234567892?17=99991200", "/proof/" + "9" * 5000, "/proof/0", "/proof/-1",
        "/v1/me?x=\x7f", "/sign-in?next=//[", "/01/06901234567892/10/" + "%22" * 20_000,
        "/station/ledgers?until=0001-01-01", "/station/ledgers?since=9999-12-31", "/station?m=x",
        "/desk/trace?product=%00&lot=%ff", "/search?q=%ed%a0%80", "//evil.example/x",
    ],
    ids=lambda path: path[:40],
)  # fmt: skip
def test_nothing_that_is_asked_breaks_a_page(machine: Machine, path: str) -> None:
    with signed_in(machine) as client:
        cookie = f"suyuan={client.cookies['suyuan']}"
        for shown in ({}, {"cookie": cookie}):
            assert raw(machine, path.replace("\x7f", "%7f"), **shown) < 500, path
    for odd in ({"cookie": "suyuan=\xe9"}, {"suyuan_why": "\xe9"}, {"accept_language": "\xe9"}):
        assert raw(machine, "/v1/me", **odd) < 500


@pytest.mark.parametrize(
    "filled",
    [
        {"product-0": "06901234567892", "product-9": "06901234567892", "found-1": "3"},
        {"act": "answer", "product-0": "x", "found-0": "NaN"}, {"key": "\u00e9"}, {"key": "a\r\n"},
        {"note": "\x00" * 500, "act": "answer"}, {f"x{n}": "1" for n in range(900)}, {"m": "m-2"},
    ],
    ids=lambda filled: str(filled)[:40],
)  # fmt: skip
def test_nothing_that_is_filled_in_breaks_a_page(machine: Machine, filled: dict[str, str]) -> None:
    with signed_in(machine) as client:
        assert client.post("/station/recalls/r-1", data=filled).status_code in (400, 422)


def test_a_form_that_was_sent_twice_was_done_once_and_says_so(machine: Machine) -> None:
    with signed_in(machine, "chief-1") as client:
        form = {"hold": "h-twice", "product": "06901234567892", "authority": "Office", "reason": "test", "anyway": "true",
                "days": "1", "key": "00000000-0000-4000-8000-00000000abcd"}  # fmt: skip
        answers = [client.post("/desk/holds/new", data=form) for _ in range(2)]

    assert [one.status_code for one in answers] == [303, 303]
    assert {one.headers["location"] for one in answers} == {"/desk/holds/h-twice"}


def test_the_door_says_no_words_that_stand_in_an_address(machine: Machine) -> None:
    said = "Your password expired: call 12345"

    page = httpx.get(f"{url(machine)}/sign-in/back", params={"error": said}, trust_env=False).text

    assert "12345" not in page.partition("<main")[2]


def test_in_plain_from_elsewhere_nobody_is_signed_in_whatever_is_sent(machine: Machine) -> None:
    with signed_in(machine) as client:
        elsewhere = {"x-forwarded-for": "192.0.2.7"}

        assert client.get("/v1/me", headers=elsewhere).json()["account"] is None
        assert (
            client.get("/sign-in/single", headers=elsewhere)
            .headers["location"]
            .startswith("https://")
        )


def test_an_address_that_is_no_page_claims_nothing_about_recalls(machine: Machine) -> None:
    page = httpx.get(f"{url(machine)}/nonsense?lang=en", trust_env=False).text

    assert "No recall is under way" not in page
    assert "There is no page at this address" in page


def test_an_address_at_the_desk_that_is_no_page_says_so_instead_of_showing_the_shoppers(
    machine: Machine,
) -> None:
    with signed_in(machine) as client:
        answer = client.get("/desk/nonsense?lang=en")

    assert answer.status_code == 404
    assert "There is no page at this address" in answer.text
    assert 'href="/home"' in answer.text


def test_an_address_with_two_slashes_leads_to_no_other_site(machine: Machine) -> None:
    page = httpx.get(f"{url(machine)}//evil.example/x", trust_env=False).text

    assert 'href="//' not in page
