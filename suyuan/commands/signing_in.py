"""`sign-in` and `sign-out`: who types the questions, kept for this user of the machine alone."""

import argparse
import getpass
import json
import sys
from typing import Any

import httpx

from ledger.settings import read_settings
from suyuan.badge import ANSWER_S, HeldSignIn, SignInOver, forget, held_by, keep, latest
from suyuan.commands import Failed, name


def add_sign_in(verbs: Any) -> None:
    """`sign-in`: with an account of the ledger's."""
    verb = verbs.add_parser("sign-in", help="sign in with an account; questions are asked as it")
    verb.add_argument("account", type=name)
    verb.add_argument("--intake", help="intake's address; else the one of the settings")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_sign_in)


def run_sign_in(stated: argparse.Namespace) -> int:
    """Signs in; the password is typed, or comes on standard input."""
    password = getpass.getpass("password: ") if sys.stdin.isatty() else sys.stdin.readline()
    intake = stated.intake or f"http://127.0.0.1:{read_settings().intake_port}"
    form = {"account": stated.account, "password": password.rstrip("\n")}
    begun = _ask(httpx.Request("POST", f"{intake}/intake/sign-ins", json=form))
    keep(HeldSignIn(stated.account, intake, begun["secret"]))
    told = {"ok": True, "account": stated.account, "until": begun["until"]}
    words = f"signed in as {stated.account}, at the longest until {begun['until']}"
    print(json.dumps(told) if stated.json else words)
    return 0


def add_sign_out(verbs: Any) -> None:
    """`sign-out`: ends a sign-in that this user of the machine has."""
    verb = verbs.add_parser("sign-out", help="end the sign-in, here and at the ledger")
    verb.add_argument("account", type=name, nargs="?", help="else the one that signed in last")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_sign_out)


def run_sign_out(stated: argparse.Namespace) -> int:
    """Ends the sign-in at the ledger, and forgets it here in any case."""
    try:
        held = held_by(stated.account)
    except SignInOver:
        held = None
    if (account := held.account if held else stated.account or latest()) is not None:
        forget(account)
    if held is not None:
        shown = {"authorization": f"Bearer {held.secret}"}
        _ask(httpx.Request("DELETE", f"{held.intake}/intake/sign-ins/this", headers=shown))
    words = f"{held.account} is signed out" if held else "nobody was signed in"
    print(json.dumps({"ok": True, "was": held.account if held else None}) if stated.json else words)
    return 0


def _ask(request: httpx.Request) -> Any:
    try:
        with httpx.Client(trust_env=False, timeout=ANSWER_S) as http:
            answer = http.send(request)
        if answer.is_error:
            raise Failed(str(answer.json()["detail"]))
        return answer.json() if answer.content else {}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
        raise Failed(f"no ledger answers at {request.url}: {error}") from error


VERBS = (add_sign_in, add_sign_out)
