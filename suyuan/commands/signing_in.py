"""`sign-in`, `sign-out`, `second-factor`: who types the questions, kept for this user alone."""

import argparse
import contextlib
import getpass
import json
import sys
from collections.abc import Callable
from pathlib import Path
from socket import gethostname
from typing import Any

import httpx

from ledger.settings import read_settings
from scanners.proof_codes import draw_code
from scanners.trust import NotTrusted, refuse_plain
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
from suyuan.coming_back import BACK_S, Return
from suyuan.commands import Failed, name
from suyuan.commands.asking import local
from suyuan.trusted import trust, verify


def add_sign_in(verbs: Any) -> None:
    """`sign-in`: with an account of the ledger's."""
    verb = verbs.add_parser(
        "sign-in", help="sign in with an account; questions are asked as it",
        epilog="On standard input, a line each: the password; the first time a password of your own,"
        " twice; the code of the second factor where there is one.",
    )  # fmt: skip
    verb.add_argument("account", type=name, nargs="?", help="not needed with --single")
    verb.add_argument("--single", action="store_true",
                      help="sign in at your authority's own page instead (OpenID Connect)")  # fmt: skip
    verb.add_argument("--intake", help="intake's address; else the one of the settings")
    verb.add_argument(
        "--fingerprint", help="of the ledger's authority, as its posters say: trust it"
    )
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_sign_in)


def run_sign_in(stated: argparse.Namespace) -> int:
    """Signs in; the password is typed, or comes on standard input."""
    intake = (stated.intake or f"http://127.0.0.1:{read_settings().intake_port}").rstrip("/")
    _refuse_plain(intake)
    if stated.fingerprint:
        trust(intake, stated.fingerprint)
    if stated.single:
        begun = _single(intake, stated.json)
    elif stated.account is None:
        raise Failed("who signs in? suyuan sign-in ACCOUNT, or --single")
    else:
        form = {"account": stated.account, "password": _typed("password: ")}
        begun = _with_more(lambda more: _answer("POST", f"{intake}/intake/sign-ins", form | more))
    account = str(begun["account"])
    about = _answer("GET", f"{intake}/intake/ledger") if intake.startswith("https:") else {}
    keep(HeldSignIn(account, intake, begun["secret"], about.get("query", "")))
    told = {"ok": True, "account": account, "until": begun["until"]}
    words = f"signed in as {account}, until {local(begun['until'])} at the longest"
    print(json.dumps(told) if stated.json else words)
    return 0


def _single(intake: str, as_json: bool) -> Any:
    """Signs in at the provider with a browser on this machine, which comes back here (RFC 8252)."""
    with Return() as back:
        form = {"redirect": back.address}
        there = _answer("POST", f"{intake}/intake/single-sign-ons", form)
        words = json.dumps({"open": there["address"]}) if as_json else there["address"]
        print(f"Open this address and sign in there:\n{words}" if not as_json else words,
              file=sys.stdout if not as_json else sys.stderr, flush=True)  # fmt: skip
        given = back.wait(BACK_S)
    if given is None:
        raise Failed("nobody came back from there in time: begin again")
    if "error" in given:
        raise Failed(f"the provider says: {given.get('error_description') or given['error']}")
    if given.get("state") != there["state"]:
        # Somebody else's sign-in, put under our nose: with it we would work in their name.
        raise Failed("what came back belongs to another sign-in: begin again")
    form = {"state": there["state"], "code": given.get("code", "")}
    return _answer("POST", f"{intake}/intake/single-sign-ons/back", form)


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


def add_password(verbs: Any) -> None:
    """`password`: another one of one's own."""
    verb = verbs.add_parser("password", help="set another password; every sign-in of yours ends")
    verb.add_argument("--as", dest="by", type=name, help="whose; else of who signed in here last")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_password)


def run_password(stated: argparse.Namespace) -> int:
    """Changes the password of who is signed in."""
    if (held := held_by(stated.by)) is None:
        raise Failed("sign in first: suyuan sign-in ACCOUNT")
    form = {"old": _typed(f"the password of {held.account} there is: "), "new": _chosen()}
    _with_code(
        lambda code: _answer("PUT", f"{held.intake}/intake/password", form | code, Badge(held))
    )
    forget(held.account)
    words = f"{held.account} has another password: sign in with it"
    print(json.dumps({"ok": True, "account": held.account}) if stated.json else words)
    return 0


def add_second_factor(verbs: Any) -> None:
    """`second-factor`: codes that an authenticator shows."""
    verb = verbs.add_parser(
        "second-factor", help="ask for codes of an authenticator, too, when you sign in"
    )
    verb.add_argument("--as", dest="by", type=name, help="whose; else of who signed in here last")
    verb.add_argument("--out", type=Path, help="write the authenticator's QR code to this picture")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_second_factor)


def run_second_factor(stated: argparse.Namespace) -> int:
    """Makes a secret for who is signed in, and lets it count once they show a code of it."""
    if (held := held_by(stated.by)) is None:
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


def _refuse_plain(url: str) -> None:
    """Raises `Failed` where a password would be read by others on its way."""
    try:
        refuse_plain(url)
    except NotTrusted as error:
        raise Failed(str(error)) from error


def _typed(question: str) -> str:
    """Returns what is typed unseen, or comes on standard input."""
    text = getpass.getpass(question) if sys.stdin.isatty() else sys.stdin.readline()
    if not text and not sys.stdin.isatty():
        raise Failed(f"standard input ended, and it is asked: {question.strip(' :')}")
    return text.rstrip("\n")


def _with_code(ask: Callable[[dict[str, str]], Any]) -> Any:
    """Asks, and again with a code of the second factor where there is one."""
    try:
        return ask({})
    except _CodeNeeded:
        return ask({"code": _typed("code of the second factor: ")})


def _with_more(ask: Callable[[dict[str, str]], Any]) -> Any:
    """Asks, and again with what the door asks for: a password of one's own, a code."""
    try:
        return _with_code(ask)
    except _PasswordGiven as given:
        print(given, file=sys.stderr)
        new = {"new": _chosen()}
        return _with_code(lambda more: ask(more | new))


def _chosen() -> str:
    """Returns a password that was typed twice alike. Raises `Failed` otherwise."""
    first, again = _typed("a password of your own: "), _typed("once more: ")
    if first != again:
        raise Failed("these are two different passwords: begin again")
    return first


class _PasswordGiven(Failed):
    """The password was made by somebody else: one's own is asked for."""


class _CodeNeeded(Failed):
    """The account has a second factor."""


class _Over(Failed):
    """The sign-in had ended already."""


KINDS: dict[str, type[Failed]] = {
    "code-needed": _CodeNeeded, "no-sign-in": _Over, "password-given": _PasswordGiven,
}  # fmt: skip


def _answer(method: str, url: str, form: Any = None, shown: httpx.Auth | None = None) -> Any:
    """Returns what intake answers. Raises `Failed` with what it says when it refuses."""
    try:
        with httpx.Client(trust_env=False, timeout=ANSWER_S, verify=verify(url)) as http:
            # Who lists their sign-ins sees by what, and on which machine, each was begun.
            agent = {"user-agent": f"suyuan at {gethostname()}"}
            answer = http.request(method, url, json=form, auth=shown, headers=agent)
        if not answer.is_error:
            return answer.json() if answer.content else {}
        found = answer.json()
        raise KINDS.get(found["title"], Failed)(str(found["detail"]))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
        raise Failed(f"no ledger answers at {url}: {error}") from error


VERBS = (add_sign_in, add_sign_out, add_password, add_second_factor)
