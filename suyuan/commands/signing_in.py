"""`sign-in`, `sign-out`, `second-factor`: who types the questions, kept for this user alone."""

import argparse
import contextlib
import getpass
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from ledger.settings import read_settings
from scanners.proof_codes import draw_code
from suyuan.badge import (
    ANSWER_S,
    Badge,
    HeldSignIn,
    Secret,
    SignInOver,
    forget,
    held_by,
    keep,
    latest,
)  # fmt: skip
from suyuan.commands import Failed, name
from suyuan.commands.asking import local


def add_sign_in(verbs: Any) -> None:
    """`sign-in`: with an account of the ledger's."""
    verb = verbs.add_parser("sign-in", help="sign in with an account; questions are asked as it")
    verb.add_argument("account", type=name)
    verb.add_argument("--intake", help="intake's address; else the one of the settings")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_sign_in)


def run_sign_in(stated: argparse.Namespace) -> int:
    """Signs in; the password is typed, or comes on standard input."""
    intake = stated.intake or f"http://127.0.0.1:{read_settings().intake_port}"
    form = {"account": stated.account, "password": _typed("password: ")}
    begun = _with_code(lambda code: _answer("POST", f"{intake}/intake/sign-ins", form | code))
    keep(HeldSignIn(stated.account, intake, begun["secret"]))
    told = {"ok": True, "account": stated.account, "until": begun["until"]}
    words = f"signed in as {stated.account}, until {local(begun['until'])} at the longest"
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
        with contextlib.suppress(_Over):
            _answer("DELETE", f"{held.intake}/intake/sign-ins/this", shown=Secret(held))
    words = f"{held.account} is signed out" if held else "nobody was signed in"
    print(json.dumps({"ok": True, "was": held.account if held else None}) if stated.json else words)
    return 0


def add_second_factor(verbs: Any) -> None:
    """`second-factor`: codes that an authenticator shows."""
    verb = verbs.add_parser(
        "second-factor", help="ask for codes of an authenticator, too, when you sign in"
    )
    verb.add_argument("--out", type=Path, help="write the authenticator's QR code to this picture")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_second_factor)


def run_second_factor(stated: argparse.Namespace) -> int:
    """Makes a secret for who is signed in, and lets it count once they show a code of it."""
    if (held := held_by()) is None:
        raise Failed("sign in first: suyuan sign-in ACCOUNT")
    url, shown = f"{held.intake}/intake/second-factor", Badge(held)
    form = {"password": _typed("password: ")}
    made = _with_code(lambda code: _answer("POST", url, form | code, shown))
    if stated.out is not None:
        stated.out.write_bytes(draw_code(made["address"], stated.out.suffix))
    told = f"scan {stated.out} with" if stated.out else "type this secret into"
    print(f"{told} your authenticator: {made['secret']}\n{made['address']}", file=sys.stderr)
    _answer("PUT", url, {"code": _typed("the code it shows: ")}, shown)
    words = f"{held.account} signs in with a code, too, from now on"
    print(json.dumps({"ok": True, "account": held.account}) if stated.json else words)
    return 0


def _typed(question: str) -> str:
    """Returns what is typed unseen, or comes on standard input."""
    text = getpass.getpass(question) if sys.stdin.isatty() else sys.stdin.readline()
    return text.rstrip("\n")


def _with_code(ask: Callable[[dict[str, str]], Any]) -> Any:
    """Asks, and again with a code of the second factor where there is one."""
    try:
        return ask({})
    except _CodeNeeded:
        return ask({"code": _typed("code of the second factor: ")})


class _CodeNeeded(Failed):
    """The account has a second factor."""


class _Over(Failed):
    """The sign-in had ended already."""


KINDS: dict[str, type[Failed]] = {"code-needed": _CodeNeeded, "no-sign-in": _Over}


def _answer(method: str, url: str, form: Any = None, shown: httpx.Auth | None = None) -> Any:
    """Returns what intake answers. Raises `Failed` with what it says when it refuses."""
    try:
        with httpx.Client(trust_env=False, timeout=ANSWER_S) as http:
            answer = http.request(method, url, json=form, auth=shown)
        if not answer.is_error:
            return answer.json() if answer.content else {}
        found = answer.json()
        raise KINDS.get(found["title"], Failed)(str(found["detail"]))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
        raise Failed(f"no ledger answers at {url}: {error}") from error


VERBS = (add_sign_in, add_sign_out, add_second_factor)
