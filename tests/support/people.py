"""People of the tests: accounts of a running ledger, and what shows that they are signed in."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import psycopg

from ledger.accounts.book import PgAccounts
from ledger.errors import Conflict
from ledger.rules.access import Grant
from suyuan.badge import Badge, HeldSignIn, keep
from suyuan.parts.machine import Machine
from tests.support.asked import ALL

PASSWORD = "crate scale lotus ferry"
# All there is to do, over the districts that tests name.
EVERYTHING = (*ALL, Grant("administrator"), Grant("regulator", ("furong", "changsha", "hunan")))
CHIEF = "officer-9"


def add_account(owner_dsn: str, account: str, *grants: Grant) -> None:
    """Adds somebody who may sign in with `PASSWORD`."""
    with psycopg.connect(owner_dsn) as connection:
        PgAccounts(connection).add(account, name=account, password=PASSWORD, grants=grants)


def begin(intake_url: str, account: str) -> dict[str, str]:
    """Signs somebody in; returns what the door says."""
    form = {"account": account, "password": PASSWORD}
    answer = httpx.post(f"{intake_url}/intake/sign-ins", json=form, trust_env=False, timeout=30)
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


def sign_in(intake_url: str, account: str) -> Badge:
    """What somebody with an account there shows with every question."""
    return Badge(HeldSignIn(account, intake_url, begin(intake_url, account)["secret"]))


def chief_of(machine: Machine) -> Badge:
    """What an officer of all districts shows who also administers; the account is made once."""
    with contextlib.suppress(Conflict):
        add_account(machine.dsn("suyuan_owner"), CHIEF, *EVERYTHING)
    return sign_in(machine.intake_url, CHIEF)


def keep_signed_in(folder: Path, machine: Machine, people: Mapping[str, Sequence[Grant]]) -> str:
    """Adds accounts and keeps them all signed in, as a terminal does; the last is the latest."""
    before = os.environ.get("SUYUAN_SIGN_INS")
    os.environ["SUYUAN_SIGN_INS"] = str(folder)
    try:
        for account, grants in people.items():
            add_account(machine.dsn("suyuan_owner"), account, *(grants or EVERYTHING))
            secret = begin(machine.intake_url, account)["secret"]
            keep(HeldSignIn(account, machine.intake_url, secret))
    finally:
        os.environ.pop("SUYUAN_SIGN_INS")
        if before is not None:
            os.environ["SUYUAN_SIGN_INS"] = before
    return str(folder)
