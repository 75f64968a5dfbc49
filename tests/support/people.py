"""People of the tests: accounts of a running ledger, and what shows that they are signed in."""

from pathlib import Path

import httpx
import msgspec
import psycopg

from ledger.accounts.book import PgAccounts
from ledger.rules.access import Grant
from suyuan.badge import HeldSignIn
from tests.support.asked import ALL

PASSWORD = "crate scale lotus ferry"


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


def token_for(intake_url: str, account: str) -> dict[str, str]:
    """The header of somebody with an account there."""
    return {"authorization": f"Bearer {begin(intake_url, account)['token']}"}


def keep_sign_in(place: Path, owner_dsn: str, intake_url: str, *grants: Grant) -> str:
    """Makes somebody who may see everything, or what is granted, and keeps them signed in."""
    add_account(owner_dsn, "officer-9", *(grants or ALL))
    held = HeldSignIn("officer-9", intake_url, begin(intake_url, "officer-9")["secret"])
    place.write_bytes(msgspec.json.encode(held))
    return str(place)
