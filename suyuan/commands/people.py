"""`user`: who may sign in, with which roles; on the ledger's own machine."""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import psycopg

from ledger.accounts.book import PgAccounts, UserAccount
from ledger.accounts.passwords import new_password
from ledger.errors import Conflict
from ledger.rules.access import Grant, Role
from ledger.settings import read_settings
from ledger.values.ids import is_id, stream_of_case
from suyuan.commands import Failed, name
from suyuan.commands.this_machine import RunningLedger, database_answers

# Everybody is a consumer, and a device signs with its key.
ROLES_OF_PEOPLE = tuple(role for role in get_args(Role) if role not in ("consumer", "device"))
# A password that somebody else made lets its owner in once, to set their own.
GIVEN = timedelta(days=7)
# These roles see nothing of their own accord: over what they are has to be said.
OVER = ("merchant", "headquarters", "market-operator", "inspector", "regulator")
OF_MERCHANTS = ("merchant", "headquarters")
KNOWN = "SELECT originator_id FROM ledger.heads WHERE originator_id = ANY(%s)"


def add_user(verbs: Any) -> None:
    """`user`: accounts of people."""
    verb = verbs.add_parser("user", help="who may sign in: add, list, roles, password, sign-ins")
    words = verb.add_subparsers(dest="word", required=True, metavar="WORD")
    _add_word(words, "add", "add an account; its first password is shown once", _add, grants=True)
    _add_word(words, "roles", "give an account these roles instead of its own", _roles, grants=True)
    _add_word(words, "password", "make a new password, shown once; every sign-in ends", _password)
    _add_word(
        words, "factor", "how an account's second factor stands; --off takes it away", _factor
    )
    linked = words.add_parser("link", help="let a provider's subject sign in as an account")
    linked.add_argument("account", type=name)
    linked.add_argument(
        "subject", help="as the provider calls them; it is said to who is not linked"
    )
    linked.add_argument("--json", action="store_true")
    linked.set_defaults(run=_link)
    _add_word(words, "unlink", "let nobody in as this account by single sign-on", _unlink)
    _add_word(words, "disable", "let an account in no more, and end its sign-ins", _disable)
    _add_word(words, "enable", "let an account in again", _enable)
    _add_word(words, "sign-ins", "the open sign-ins of an account; --end ends one", _sign_ins)
    listed = words.add_parser("list", help="all accounts")
    listed.add_argument("--json", action="store_true")
    listed.set_defaults(run=_list)


def _add_word(
    words: Any, word: str, what: str, run: Callable[[Any], int], *, grants: bool = False
) -> None:
    parser = words.add_parser(word, help=what)
    parser.add_argument("account", type=name)
    if grants:
        parser.add_argument(
            "--role", type=_grant, action="append", default=[], metavar="ROLE[=OVER,…]",
            help=f"one of {', '.join(ROLES_OF_PEOPLE)}; merchants, markets or areas behind =",
        )  # fmt: skip
    if word == "add":
        parser.add_argument("--name", required=True, help="the person's name")
    if word == "factor":
        parser.add_argument("--off", action="store_true", help="lost: codes are asked for no more")
    if word == "sign-ins":
        parser.add_argument("--end", metavar="ID")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run)


def _grant(text: str) -> Grant:
    role, _, over = text.partition("=")
    places = tuple(over.split(",")) if over else ()
    if role not in ROLES_OF_PEOPLE or not all(map(is_id, places)):
        words = f"a role is one of {', '.join(ROLES_OF_PEOPLE)}, with ids behind =, not {text!r}"
        raise argparse.ArgumentTypeError(words)
    if bool(places) != (role in OVER):
        what = "says over what, such as" if role in OVER else "is over everything:"
        raise argparse.ArgumentTypeError(
            f"{role} {what} {role}{'=m-1,m-2' if role in OVER else ''}"
        )
    return Grant(role, places)  # type: ignore[arg-type]  # compared with the roles above


def _add(stated: argparse.Namespace) -> int:
    password = new_password()
    _changed(
        lambda book: book.add(
            stated.account,
            name=stated.name,
            password=password,
            grants=stated.role,
            given_until=datetime.now(UTC) + GIVEN,
        )
    )
    _point_out(stated)
    return _say_password(stated, password)


def _point_out(stated: argparse.Namespace) -> None:
    """Says which merchants are in no register: they may be new, or the name a slip."""
    streams = {
        stream_of_case("merchant", one): one
        for grant in stated.role if grant.role in OF_MERCHANTS for one in grant.over
    }  # fmt: skip
    if not streams:
        return
    with database_answers(), psycopg.connect(RunningLedger().owner) as connection:
        known = {row[0] for row in connection.execute(KNOWN, [list(streams)])}
    for stream, one in streams.items():
        if stream not in known:
            words = f"{one} is in no register yet; is it a slip: suyuan user roles {stated.account} --role …"
            print(words, file=sys.stderr)


def _password(stated: argparse.Namespace) -> int:
    password = new_password()
    given_until = datetime.now(UTC) + GIVEN
    _changed(lambda book: book.set_password(stated.account, to=password, given_until=given_until))
    return _say_password(stated, password)


def _roles(stated: argparse.Namespace) -> int:
    _changed(lambda book: book.set_grants(stated.account, stated.role))
    _point_out(stated)
    return _say(stated, f"{stated.account}: {_roles_of(stated.role)}")


def _factor(stated: argparse.Namespace) -> int:
    def change(book: PgAccounts) -> bool:
        if stated.off:
            book.set_factor(stated.account, None, 0)
        known = book.locked(stated.account)
        if known is None:
            raise Conflict(f"there is no account {stated.account}")
        return known.factor is not None

    state = "signs in with a code, too" if _changed(change) else "has no second factor"
    return _say(stated, f"{stated.account} {state}")


def _link(stated: argparse.Namespace) -> int:
    issuer = read_settings().oidc_issuer
    if not issuer:
        raise Failed("set oidc_issuer first: whose subject is it?")
    _changed(lambda book: book.link(issuer, stated.subject, stated.account))
    return _say(stated, f"{stated.subject} of {issuer} signs in as {stated.account}")


def _unlink(stated: argparse.Namespace) -> int:
    count = _changed(lambda book: book.unlink(stated.account))
    return _say(
        stated, f"{count} subjects sign in as {stated.account} no more; end sign-ins beside"
    )


def _disable(stated: argparse.Namespace) -> int:
    _changed(lambda book: book.set_disabled(stated.account, disabled=True))
    return _say(
        stated, f"{stated.account} is let in no more; tokens given before end within 5 minutes"
    )


def _enable(stated: argparse.Namespace) -> int:
    _changed(lambda book: book.set_disabled(stated.account, disabled=False))
    return _say(stated, f"{stated.account} is let in again")


def _sign_ins(stated: argparse.Namespace) -> int:
    if stated.end:
        ended = _changed(
            lambda book: book.end(stated.account, sign_in=stated.end, now=datetime.now(UTC))
        )
        if not ended:
            raise Failed(f"{stated.account} has no such open sign-in")
        return _say(stated, "ended; tokens given before end within 5 minutes")
    found = _changed(lambda book: book.sign_ins(stated.account, datetime.now(UTC)))
    if stated.json:
        rows = [one._asdict() for one in found]
        print(json.dumps({"ok": True, "sign_ins": rows}, default=str))
        return 0
    for one in found:
        print(f"{one.id}  since {one.began:%Y-%m-%d %H:%M}, used {one.used:%H:%M} UTC  {one.agent}")
    if not found:
        print(f"{stated.account} is signed in nowhere")
    return 0


def _list(stated: argparse.Namespace) -> int:
    found = _changed(lambda book: book.all())
    if stated.json:
        print(json.dumps({"ok": True, "accounts": [_shown(one) for one in found]}, default=str))
        return 0
    for one in found:
        closed = "  disabled" if one.disabled else ""
        if one.closed_until is not None and one.closed_until > datetime.now(UTC):
            closed += f"  closed until {one.closed_until:%H:%M} UTC after {one.failures} failures"
        print(f"{one.account:<20} {one.name:<20} {_roles_of(one.grants)}{closed}")
    if not found:
        print("no accounts: suyuan user add NAME --name … --role administrator")
    return 0


def _shown(account: UserAccount) -> dict[str, Any]:
    grants = [{"role": one.role, "over": one.over} for one in account.grants]
    return {
        "account": account.account, "name": account.name, "grants": grants,
        "disabled": account.disabled, "closed_until": account.closed_until,
    }  # fmt: skip


def _roles_of(grants: Any) -> str:
    shown = (one.role + (f"={','.join(one.over)}" if one.over else "") for one in grants)
    return " ".join(shown) or "no role"


def _changed(change: Callable[[PgAccounts], Any]) -> Any:
    """Does something in one transaction on the ledger's own database."""
    try:
        with database_answers(), psycopg.connect(RunningLedger().owner) as connection:
            return change(PgAccounts(connection))
    except Conflict as error:
        raise Failed(str(error)) from error
    except psycopg.errors.InvalidTextRepresentation as error:
        raise Failed("a sign-in's id is a UUID: suyuan user sign-ins says it") from error


def _say_password(stated: argparse.Namespace, password: str) -> int:
    if stated.json:
        print(json.dumps({"ok": True, "account": stated.account, "password": password}))
    else:
        print(
            f"{stated.account} signs in with {password}\nIt is not shown again, is good for a week, and is"
            " asked to be replaced at the first sign-in."
        )
    return 0


def _say(stated: argparse.Namespace, words: str) -> int:
    print(json.dumps({"ok": True, "account": stated.account}) if stated.json else words)
    return 0


VERBS = (add_user,)
