"""The ledger goes on with another key while scanners scan and people sign in."""

import json
import time
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pyotp
import pytest

from ledger.rules.access import Grant
from scanners.agent import Agent, home_of
from scanners.identity import Clocks
from scanners.joining import InvitationLink, join
from scanners.tape import Tape
from suyuan.cli import main
from suyuan.parts.machine import Machine
from tests.journeys.test_joining import Office, until
from tests.support.databases import running_machine
from tests.support.make import received
from tests.support.people import PASSWORD, add_account, begin, keep_signed_in


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with running_machine("keys-") as running:
        yield running


@pytest.fixture
def terminal(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The ledger's own machine, with its administrator signed in."""
    for name, value in machine.environment().items():
        monkeypatch.setenv(name, value)
    account = f"admin-{uuid.uuid4().hex[:6]}"
    people = {account: [Grant("administrator")]}
    folder = keep_signed_in(tmp_path / "signed-in", machine, people)
    monkeypatch.setenv("SUYUAN_SIGN_INS", folder)
    return machine


def said(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main([*words, "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return found


def joined(office: Office, folder: Path, device: str) -> Tape:
    link: InvitationLink = office.link("stall-1", device, "m-1", since=str(date(2026, 1, 1)))
    return join(folder / f"{device}.tape", link)


def test_scanners_follow_the_ledgers_new_key_online_and_after_weeks_offline(
    terminal: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    office = Office(terminal)
    online, offline = (joined(office, tmp_path, name) for name in ("till-1", "till-2"))
    agent = Agent(online, Clocks())
    agent.link.start()
    before = home_of(online).keys

    assert (
        main(["keys", "rotate", "ledger", "--note", "every year", "--intake", terminal.intake_url])
        == 0
    )
    terminal.keep_running()
    assert terminal.services is not None
    terminal.services.wait("intake", f"{terminal.intake_url}/intake/ledger")
    agent.keep(received(merchant="m-1", premises="m-1-a"))

    assert agent.link.wait_drained(30)
    after = home_of(online).keys
    assert after[1:] == before
    assert after[0] != before[0]
    agent.link.stop()
    # Again, while the other one was away all the time.
    assert (
        main(["keys", "rotate", "ledger", "--note", "again", "--intake", terminal.intake_url]) == 0
    )
    terminal.keep_running()
    terminal.services.wait("intake", f"{terminal.intake_url}/intake/ledger")
    late = Agent(offline, Clocks())
    late.keep(received(merchant="m-1", premises="m-1-a"))
    late.link.start()
    assert late.link.wait_drained(30)
    assert home_of(offline).keys[1] == after[0]
    late.link.stop()
    listed = said(capsys, "keys", "list")
    assert [row["key"] for row in listed["keys"]] == [  # type: ignore[attr-defined, index]  # JSON
        "ledger.key", "log.key", "accounts.key", "authority.pem", "devices.pem"
    ]  # fmt: skip
    for tape in (online, offline):
        tape.close()


def test_codes_of_second_factors_are_right_under_another_key(terminal: Machine) -> None:
    add_account(terminal.dsn("suyuan_owner"), "li", Grant("auditor"))
    secret = begin(terminal.intake_url, "li")
    bearer = {"authorization": f"Bearer {secret['token']}"}
    url = f"{terminal.intake_url}/intake/second-factor"
    made = httpx.post(url, json={"password": PASSWORD}, headers=bearer, trust_env=False).json()
    codes = pyotp.TOTP(made["secret"])
    put = httpx.put(url, json={"code": codes.now()}, headers=bearer, trust_env=False)
    assert put.status_code == 204

    assert main(["keys", "rotate", "accounts"]) == 0
    terminal.keep_running()
    assert terminal.services is not None
    terminal.services.wait("intake", f"{terminal.intake_url}/intake/ledger")

    def let_in() -> bool:
        form = {"account": "li", "password": PASSWORD, "code": codes.at(int(time.time()) + 30)}
        answer = httpx.post(
            f"{terminal.intake_url}/intake/sign-ins", json=form, trust_env=False, timeout=30
        )
        return answer.status_code == 201

    assert until(let_in)
