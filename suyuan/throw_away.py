"""Throw-away accounts: whom demonstrations, benches and tests let in, for as long as these run."""

from collections.abc import Sequence
from typing import NamedTuple

import httpx
import msgspec
import psycopg

from ledger.accounts.book import PgAccounts
from ledger.accounts.passwords import new_password
from ledger.rules.access import Grant
from suyuan.badge import Badge, HeldSignIn

ANSWER_S = 30


class ThrowAway(NamedTuple):
    """Somebody who may sign in for a while."""

    account: str
    name: str
    password: str
    grants: tuple[Grant, ...]


def administrator(owner_dsn: str, intake_url: str) -> Badge:
    """Lets somebody in who may enroll devices; returns what shows it."""
    one = ThrowAway("admin", "admin", new_password(), (Grant("administrator"),))
    open_accounts(owner_dsn, [one])
    return sign_in(intake_url, one)


def open_accounts(owner_dsn: str, accounts: Sequence[ThrowAway]) -> None:
    """Lets these people sign in."""
    with psycopg.connect(owner_dsn) as connection:
        book = PgAccounts(connection)
        for one in accounts:
            book.add(one.account, name=one.name, password=one.password, grants=one.grants)


def sign_in(intake_url: str, one: ThrowAway) -> Badge:
    """Signs somebody in; returns what shows it with every question."""
    form = {"account": one.account, "password": one.password}
    answer = httpx.post(
        f"{intake_url}/intake/sign-ins", json=form, trust_env=False, timeout=ANSWER_S
    )
    answer.raise_for_status()
    secret = msgspec.json.decode(answer.content)["secret"]
    return Badge(HeldSignIn(one.account, intake_url, secret))
