"""`erase`: a person who is known to the ledger is forgotten; the record stays as it is."""

import argparse
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row

from ledger.journal.erasing import Erasure, erase, erased_in
from query_api import retention
from query_api.schemas import PersonRetention
from query_api.views import today
from suyuan.commands import Failed, name
from suyuan.commands.this_machine import RunningLedger, database_answers

WARNING = (
    "Deleted from the ledger. What backups hold of the key goes with them: see docs/operating.md,"
    " Backup. A device that made the card may still have it."
)


def add_erase(verbs: Any) -> None:
    """`erase`: on the ledger's own machine."""
    verb = verbs.add_parser(
        "erase",
        help="delete a person's key, salt and card for good; the record and its proofs stay",
    )
    verb.add_argument("person", type=_reference, nargs="?", help="the reference of their card")
    verb.add_argument("--as", dest="by", type=name, help="who decides it")
    verb.add_argument("--note", help="why, such as the request it answers")
    verb.add_argument("--list", action="store_true", help="say who was erased, when and why")
    verb.add_argument("--although-kept", action="store_true",
                      help="also while records that name the person must be kept by law")  # fmt: skip
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_erase)


def run_erase(stated: argparse.Namespace) -> int:
    """Erases, unless a duty to keep records runs; or lists who was erased."""
    if stated.list:
        return _list(stated)
    if None in (stated.person, stated.by, stated.note):
        raise Failed("name the person's reference, who decides it with --as, and why with --note")
    if not stated.although_kept:
        found = _duty(stated.person)
        if not found.may_be_erased:
            raise Failed(f"{found.advice} (Food Safety Law, articles 50 to 53). Erase afterwards, or"
                         " decide with --although-kept")  # fmt: skip
    wanted = Erasure(stated.person, stated.by, stated.note, datetime.now(UTC))
    with database_answers():
        events = erase(RunningLedger().owner, wanted)
    told = {"ok": True, "person": stated.person, "events": events}
    words = f"{stated.person} is erased; {events} events name them and say nothing of them."
    print(json.dumps(told) if stated.json else f"{words}\n{WARNING}")
    return 0


def _duty(person: str) -> PersonRetention:
    """Returns until when records that name a person must be kept, as the views know it."""
    with (
        database_answers(),
        psycopg.connect(RunningLedger().follower, row_factory=dict_row) as views,
    ):
        return retention.person(views, person, today(views))


def _list(stated: argparse.Namespace) -> int:
    with database_answers(), psycopg.connect(RunningLedger().owner) as connection:
        erased = erased_in(connection)
    if stated.json:
        print(msgspec.json.encode({"ok": True, "erased": [e._asdict() for e in erased]}).decode())
        return 0
    for one in erased:
        print(f"{one.at:%Y-%m-%d %H:%M} UTC  {one.ref}  by {one.by}: {one.why}")
    if not erased:
        print("nobody was erased")
    return 0


def _reference(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"a card's reference is a UUID, not {text!r}") from None


VERBS = (add_erase,)
