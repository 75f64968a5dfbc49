"""`sign-in` and `sign-out`: who types the questions, kept for this user of the machine alone."""

import argparse
import getpass
import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx
import msgspec

from ledger.settings import read_settings
from suyuan.badge import Badge, HeldSignIn
from suyuan.commands import Failed, name

ANSWER_S = 30


def badge() -> Badge:
    """Returns what shows who asks; nobody in particular where nobody has signed in."""
    try:
        held = msgspec.json.decode(_place().read_bytes(), type=HeldSignIn)
    except FileNotFoundError:
        held = None
    except (OSError, ValueError) as error:
        raise Failed(f"{_place()} is no sign-in: suyuan sign-in ACCOUNT ({error})") from error
    return Badge(held)


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
    place = _place()
    place.parent.mkdir(parents=True, exist_ok=True)
    held = msgspec.json.encode(HeldSignIn(stated.account, intake, begun["secret"]))
    partial = place.with_name(f"{place.name}.new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(held)
    partial.replace(place)
    told = {"ok": True, "account": stated.account, "until": begun["until"]}
    words = f"signed in as {stated.account}, at the longest until {begun['until']}"
    print(json.dumps(told) if stated.json else words)
    return 0


def add_sign_out(verbs: Any) -> None:
    """`sign-out`: ends the sign-in that this user of the machine has."""
    verb = verbs.add_parser("sign-out", help="end the sign-in, here and at the ledger")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_sign_out)


def run_sign_out(stated: argparse.Namespace) -> int:
    """Ends the sign-in at the ledger, and forgets it here in any case."""
    try:
        held = msgspec.json.decode(_place().read_bytes(), type=HeldSignIn)
    except (OSError, ValueError):
        held = None
    _place().unlink(missing_ok=True)
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


def _place() -> Path:
    """Returns where the sign-in is kept: `SUYUAN_SIGN_IN`, else with the user's own state."""
    if stated := os.environ.get("SUYUAN_SIGN_IN"):
        return Path(stated)
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "suyuan" / "sign-in.json"


VERBS = (add_sign_in, add_sign_out)
