"""Throw-away accounts of the demonstration: one for every role, each over something to look at."""

from collections.abc import Sequence
from typing import NamedTuple

import httpx
import msgspec
import psycopg

from ledger.accounts.book import PgAccounts
from ledger.accounts.passwords import new_password
from ledger.rules.access import Grant
from suyuan.badge import Badge, HeldSignIn
from suyuan.participants import CITY, DISTRICT, MARKET, Merchant
from suyuan.parts.machine import Machine


class DemoAccount(NamedTuple):
    """Somebody who may sign in while the demonstration runs."""

    account: str
    name: str
    password: str
    grant: Grant


def accounts_for(merchants: Sequence[Merchant]) -> list[DemoAccount]:
    """Returns an account for every role of people, with passwords nobody had before."""
    stalls = [m.id for m in merchants if m.kind == "retailer"]
    grants = (
        ("stall", "摊主", Grant("merchant", (stalls[0],))),
        ("chain", "总部", Grant("headquarters", tuple(stalls[1:3]))),
        ("market", "市场开办者", Grant("market-operator", (MARKET,))),
        ("inspector", "执法人员", Grant("inspector", (DISTRICT,))),
        ("city", "市级监管", Grant("regulator", (CITY,))),
        ("auditor", "审计人员", Grant("auditor")),
        ("admin", "系统管理员", Grant("administrator")),
    )
    return [DemoAccount(name, zh, new_password(), grant) for name, zh, grant in grants]


def open_accounts(machine: Machine, accounts: Sequence[DemoAccount]) -> None:
    """Lets these people sign in."""
    with psycopg.connect(machine.dsn("suyuan_owner")) as connection:
        book = PgAccounts(connection)
        for one in accounts:
            book.add(one.account, name=one.name, password=one.password, grants=[one.grant])


def badge_of(machine: Machine, one: DemoAccount) -> Badge:
    """Signs somebody in; returns what shows it with every question."""
    form = {"account": one.account, "password": one.password}
    url = f"{machine.intake_url}/intake/sign-ins"
    answer = httpx.post(url, json=form, trust_env=False, timeout=30)
    answer.raise_for_status()
    secret = msgspec.json.decode(answer.content)["secret"]
    return Badge(HeldSignIn(one.account, machine.intake_url, secret))


def words_of(accounts: Sequence[DemoAccount]) -> list[str]:
    """Says who may sign in, a line each."""
    lines = ["Sign in: suyuan sign-in ACCOUNT. Accounts of this demonstration, which end with it:"]
    for one in accounts:
        over = f"={','.join(one.grant.over)}" if one.grant.over else ""
        lines.append(f"  {one.account:<10} {one.password}  {one.name} {one.grant.role}{over}")
    return lines
