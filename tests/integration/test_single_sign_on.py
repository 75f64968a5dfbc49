"""Single sign-on with a real provider: who is let in, and everything that must not let anybody in."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from playwright.sync_api import sync_playwright

from ledger.accounts.book import PgAccounts
from ledger.accounts.provider import Client, NotVouched, Provider, ProviderAway, Vouched
from ledger.rules.access import Grant
from ledger.settings import Settings
from suyuan.parts.machine import Machine
from tests.support.databases import scratch
from tests.support.faces import FLAGS
from tests.support.people import add_account
from tests.support.provider import CLIENT, SECRET, RunningProvider, given_in, running_provider, walk
from tests.support.served import Answer, served

BACK = "http://127.0.0.1/back"


class House:
    """A ledger whose people sign in at a provider."""

    def __init__(self, machine: Machine, provider: RunningProvider) -> None:
        self.machine, self.provider = machine, provider
        owner = machine.dsn("suyuan_owner")
        add_account(owner, "li", Grant("regulator", ("yuelu",)), Grant("auditor"))
        self.link("li-at-the-office", "li")
        self.link("li-strong", "li")

    def link(self, subject: str, account: str) -> None:
        with psycopg.connect(self.machine.dsn("suyuan_owner")) as connection:
            PgAccounts(connection).link(self.provider.issuer, subject, account)

    def post(self, path: str, **form: str) -> httpx.Response:
        return httpx.post(
            f"{self.machine.intake_url}/intake/single-sign-ons{path}", json=form, trust_env=False,
            timeout=30,
        )  # fmt: skip

    def begin(self) -> dict[str, str]:
        answer = self.post("", redirect=BACK)
        assert answer.status_code == 201, answer.text
        found: dict[str, str] = answer.json()
        return found

    def sign_in(self, person: str) -> httpx.Response:
        given = given_in(walk(self.begin()["address"], person))
        return self.post("/back", state=given["state"], code=given["code"])

    def roles(self, token: str) -> set[str]:
        shown = {"authorization": f"Bearer {token}"}
        answer = httpx.get(f"{self.machine.query_url}/v1/me", headers=shown, trust_env=False)
        return {role["role"] for role in answer.json()["roles"]}


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with running_provider() as provider:
        given = Settings(
            oidc_issuer=provider.issuer, oidc_client_id=CLIENT, oidc_client_secret=SECRET,
            second_factor_roles="auditor",
        )  # fmt: skip
        folder = scratch("sso-")
        machine = Machine(folder, given=given)
        try:
            machine.start(say=lambda _: None)
            yield House(machine, provider)
        finally:
            machine.stop()
            shutil.rmtree(folder, ignore_errors=True)


def test_who_signs_in_at_the_provider_is_let_in_as_the_linked_account(house: House) -> None:
    begun = house.sign_in("li-at-the-office")

    assert begun.status_code == 201, begun.text
    assert begun.json()["account"] == "li"
    # A role that asks for a second factor counts where the provider has seen one.
    assert house.roles(begun.json()["token"]) == {"regulator"}
    strong = house.sign_in("li-strong").json()
    assert house.roles(strong["token"]) == {"regulator", "auditor"}
    shown = {"authorization": f"Bearer {strong['secret']}"}
    again = httpx.post(
        f"{house.machine.intake_url}/intake/tokens", json={}, headers=shown, trust_env=False
    )
    assert house.roles(again.json()["token"]) == {"regulator", "auditor"}


def test_who_is_not_linked_learns_what_to_tell_the_administrator(house: House) -> None:
    answer = house.sign_in("somebody-new")

    assert (answer.status_code, answer.json()["title"]) == (401, "not-linked")
    assert "somebody-new" in answer.json()["detail"]


def test_a_state_and_a_code_count_once_and_belong_together(house: House) -> None:
    first, second = house.begin(), house.begin()
    given = given_in(walk(first["address"], "li-strong"))

    # Whoever slips somebody their own code is stopped by the verifier (PKCE), which is the other's.
    wrong_state = house.post("/back", state=second["state"], code=given["code"])
    forged = house.post("/back", state="A" * 43, code=given["code"])
    fresh = given_in(walk(house.begin()["address"], "li-strong"))
    right = house.post("/back", state=fresh["state"], code=fresh["code"])
    again = house.post("/back", state=fresh["state"], code=fresh["code"])

    assert wrong_state.status_code == 401
    assert right.status_code == 201
    assert {again.status_code, forged.status_code} == {401}


def test_a_sign_in_that_takes_too_long_is_over(house: House) -> None:
    given = given_in(walk(house.begin()["address"], "li-strong"))
    with psycopg.connect(house.machine.dsn("suyuan_owner")) as owner:
        owner.execute("UPDATE accounts.sent_away SET until = now() - interval '1 second'")

    assert house.post("/back", state=given["state"], code=given["code"]).status_code == 401


def test_who_is_disabled_is_not_let_in_whoever_vouches(house: House) -> None:
    add_account(house.machine.dsn("suyuan_owner"), "gone", Grant("auditor"))
    house.link("gone-strong", "gone")
    with psycopg.connect(house.machine.dsn("suyuan_owner")) as owner:
        owner.execute("UPDATE accounts.accounts SET disabled = true WHERE account = 'gone'")

    assert house.sign_in("gone-strong").status_code == 401


@pytest.mark.parametrize(
    "redirect",
    ["https://evil.example/back", "http://evil.example/back", "http://127.0.0.1@evil.example/back",
     "http://127.0.0.1.evil.example/", "http://[", "javascript:alert(1)", "", "http://127.0.0.1/back#x"],
)  # fmt: skip
def test_nobody_is_sent_back_to_somewhere_else(house: House, redirect: str) -> None:
    answer = house.post("", redirect=redirect)

    assert (answer.status_code, answer.json()["title"]) == (422, "redirect-unknown")


def test_a_terminal_signs_in_with_a_browser_beside_it(house: House, tmp_path: Path) -> None:
    words = ["sign-in", "--single", "--intake", house.machine.intake_url]
    terminal = subprocess.Popen(
        [sys.executable, "-m", "suyuan.cli", *words], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "SUYUAN_SIGN_INS": str(tmp_path)},
    )  # fmt: skip
    assert terminal.stdout is not None
    asked = terminal.stdout.readline()
    address = terminal.stdout.readline().strip()

    page = httpx.get(walk(address, "li-strong"), trust_env=False)
    said, _ = terminal.communicate(timeout=20)

    assert "Open this address" in asked
    assert "可以关闭" in page.text
    assert "signed in as li" in said
    assert terminal.returncode == 0
    assert json.loads((tmp_path / "li").read_bytes())["account"] == "li"


@pytest.mark.browser
def test_a_browser_that_comes_back_from_the_providers_site_is_signed_in(
    house: House, chromium: str
) -> None:
    kiosk = house.machine.kiosk_url.rstrip("/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context()
        sent = context.request.get(f"{kiosk}/sign-in/single", max_redirects=0)
        back = walk(sent.headers["location"], "li-strong")
        page = context.new_page()
        # The provider is another site than the ledger, as localhost is than 127.0.0.1.
        page.goto(kiosk.replace("127.0.0.1", "localhost"))

        page.evaluate("address => { location.href = address; }", back)

        page.wait_for_url(f"{kiosk}/desk")
        assert "li" in page.inner_text(".account")
        browser.close()


def test_a_token_of_another_nonce_client_issuer_or_time_vouches_for_nobody(
    house: House,
) -> None:
    client = Client(house.provider.issuer, CLIENT, SECRET)
    begun = house.begin()
    given = given_in(walk(begun["address"], "li-strong"))
    with psycopg.connect(house.machine.dsn("suyuan_owner")) as owner:
        row = owner.execute(
            "SELECT verifier, nonce FROM accounts.sent_away ORDER BY until DESC"
        ).fetchone()
    assert row is not None
    verifier, nonce = row

    def vouched(provider: Provider, with_nonce: str) -> None:
        provider.vouched(given["code"], verifier=verifier, nonce=with_nonce, redirect=BACK)

    with pytest.raises(NotVouched, match="nonce"):
        vouched(Provider(client), "another")
    for provider in (
        Provider(client, now=lambda: time.time() + 7200),
        Provider(client._replace(secret="wrong")),
    ):
        begun = house.begin()
        given = given_in(walk(begun["address"], "li-strong"))
        with psycopg.connect(house.machine.dsn("suyuan_owner")) as owner:
            row = owner.execute(
                "SELECT verifier, nonce FROM accounts.sent_away ORDER BY until DESC LIMIT 1"
            ).fetchone()
        assert row is not None
        verifier, nonce = row
        with pytest.raises(NotVouched):
            vouched(provider, nonce)


@pytest.mark.parametrize(
    ("change", "ok"),
    [({}, True), ({"iss": "https://evil.example"}, False), ({"aud": "another"}, False),
     ({"aud": ["suyuan", "another"], "azp": "another"}, False), ({"exp": 1}, False),
     ({"nonce": "x"}, False), ({"nonce": None}, False), ({"sub": None}, False)],
)  # fmt: skip
def test_an_id_token_counts_that_is_the_providers_for_this_client_now(
    change: dict[str, Any], ok: bool
) -> None:
    own, other = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
    with served_provider(own) as issuer:
        provider = Provider(Client(issuer, CLIENT, SECRET))
        now = int(time.time())
        claims = {
            "iss": issuer,
            "aud": CLIENT,
            "sub": "li",
            "nonce": "n",
            "iat": now,
            "exp": now + 60,
        }
        claims = {name: value for name, value in (claims | change).items() if value is not None}
        token = jwt.encode({"alg": "ES256"}, claims, own)

        if ok:
            assert provider._read(token, "n") == Vouched("li", False)
            for forged in (
                jwt.encode({"alg": "ES256"}, claims, other), token[:-4] + "AAAA", "", "a.b.c",
                jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET * 2)),
            ):  # fmt: skip
                with pytest.raises(NotVouched):
                    provider._read(forged, "n")
        else:
            with pytest.raises(NotVouched):
                provider._read(token, "n")


@pytest.mark.parametrize(
    ("methods", "strong"),
    [(["pwd"], False), (["face"], False), (["otp"], False), (["pwd", "otp"], True), (["mfa"], True),
     (["hwk", "pin"], True), (["pwd", "nonsense"], False), ([], False)],
)  # fmt: skip
def test_two_factors_are_two_ways_and_not_one_that_sounds_strong(
    methods: list[str], strong: bool
) -> None:
    own = ECKey.generate_key("P-256")
    with served_provider(own) as issuer:
        now = int(time.time())
        claims = {"iss": issuer, "aud": CLIENT, "sub": "li", "nonce": "n", "iat": now,
                  "exp": now + 60, "amr": methods}  # fmt: skip
        token = jwt.encode({"alg": "ES256"}, claims, own)

        assert Provider(Client(issuer, CLIENT, SECRET))._read(token, "n") == Vouched("li", strong)


@contextlib.contextmanager
def served_provider(key: ECKey) -> Iterator[str]:
    """A provider's description and keys, on a port of the test's own."""
    answers: dict[str, Answer | bytes] = {}
    with served(answers) as issuer:
        about = {"issuer": issuer, "authorization_endpoint": f"{issuer}/a",
                 "token_endpoint": f"{issuer}/t", "jwks_uri": f"{issuer}/k"}  # fmt: skip
        keys = {"keys": [key.as_dict(private=False)]}
        answers["/.well-known/openid-configuration"] = Answer(
            200, "application/json", json.dumps(about).encode()
        )
        answers["/k"] = Answer(200, "application/json", json.dumps(keys).encode())
        yield issuer


def test_a_provider_that_is_not_what_it_says_or_away_is_said_so() -> None:
    with pytest.raises(ValueError, match="https"):
        Provider(Client("http://office.example", "a", "b"))
    with pytest.raises(ProviderAway, match="does not answer"):
        Provider(Client("http://127.0.0.1:1", "a", "b")).address(
            state="s", nonce="n", verifier="v" * 43, redirect=BACK
        )
    about = {
        "issuer": "https://evil.example", "authorization_endpoint": "https://a", "token_endpoint":
        "https://a", "jwks_uri": "https://a",
    }  # fmt: skip
    found = {
        "/.well-known/openid-configuration": Answer(
            200, "application/json", json.dumps(about).encode()
        )
    }
    with served(found) as address, pytest.raises(ProviderAway, match="calls itself"):
        Provider(Client(address, "a", "b")).address(
            state="s", nonce="n", verifier="v" * 43, redirect=BACK
        )
