"""The verb by which a device joins a ledger: enroll."""

import argparse
import contextlib
import json
from pathlib import Path
from typing import Any

from ledger.settings import read_settings
from scanners.agent import enroll, home_of, learn_home
from scanners.asking import EnrolmentRefused
from scanners.joining import InvitationLink, join, read_link
from scanners.proof_codes import text_in
from scanners.tape import NoTape, Tape
from scanners.trust import NotTrusted, refuse_plain
from suyuan.badge import badge
from suyuan.commands import Failed, day, host_and_port, name, today

TAPE_DEFAULT = Path("scanner.tape")


def add_enroll(verbs: Any) -> None:
    """`enroll`: join a ledger."""
    verb = verbs.add_parser("enroll", help="make a tape with a key of its own and join a ledger")
    verb.add_argument("what", metavar="INVITATION", nargs="?", type=_invitation_or_name,
                      help="the link of an invitation (suyuan devices invite); or, at the ledger's own"
                      " machine, the device's name: a-z, 0-9 and -")  # fmt: skip
    verb.add_argument("--code", type=Path, help="a picture of the invitation's code")
    verb.add_argument("--tape", type=Path, default=TAPE_DEFAULT, help="the new tape (%(default)s)")
    verb.add_argument("--intake", help="the ledger's address; else the one of the settings")
    verb.add_argument("--mqtt", type=host_and_port, metavar="HOST:PORT",
                      help="the broker; else the one of the settings")  # fmt: skip
    verb.add_argument("--merchant", type=name, action="append", default=[],
                      help="who lets it report")  # fmt: skip
    verb.add_argument("--since", type=day,
                      help="from which business day on it may report; else today")  # fmt: skip
    verb.add_argument("--again", metavar="REASON", default="",
                      help="it was enrolled and lost its key: why")  # fmt: skip
    verb.add_argument("--as", dest="by", type=name,
                      help="who lets it join, by name; else who signed in last")  # fmt: skip
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_enroll)


def run_enroll(stated: argparse.Namespace) -> int:
    """Enrolls a device; asked again after a lost answer, it goes on with the same tape."""
    link = _link(stated)
    tape = _enroll_here(stated) if link is None else _join(stated, link)
    with contextlib.closing(tape):
        home = home_of(tape)
        words = {
            "device": tape.device,
            "tape": tape.id,
            "file": str(stated.tape),
            "ledger": home.ledger,
        }
    if stated.json:
        print(json.dumps(words))
        return 0
    print(f"{words['device']} is enrolled at {home.ledger}; its tape is {stated.tape}")
    if link is None and not stated.merchant and not stated.again:
        print("no merchant lets it report yet: its reports will be noted as without a mandate")
    return 0


def _invitation_or_name(text: str) -> InvitationLink | str:
    """Reads an invitation's link, or a device's name, for argparse."""
    if "://" not in text:
        return name(text)
    try:
        return read_link(text)
    except (ValueError, NotTrusted) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _link(stated: argparse.Namespace) -> InvitationLink | None:
    """Returns the invitation that is meant; None for a device's name."""
    try:
        if stated.code is not None:
            return read_link(text_in(stated.code, "http"))
        if stated.what is None:
            raise Failed("say the invitation's link, or --code PICTURE of it")
        return stated.what if isinstance(stated.what, InvitationLink) else None
    except (ValueError, OSError, NotTrusted) as error:
        raise Failed(str(error)) from error


def _join(stated: argparse.Namespace, link: InvitationLink) -> Tape:
    try:
        return join(stated.tape, link)
    except (EnrolmentRefused, NotTrusted, NoTape, OSError) as error:
        raise Failed(str(error)) from error


def _enroll_here(stated: argparse.Namespace) -> Tape:
    """Enrolls a device at the ledger's own machine, as who is signed in there."""
    settings = read_settings()
    intake = stated.intake or f"http://127.0.0.1:{settings.intake_port}"
    mqtt = stated.mqtt or (settings.mqtt_host or "127.0.0.1", settings.mqtt_port)
    try:
        refuse_plain(intake)
        return enroll(
            stated.tape,
            stated.what,
            learn_home(intake, *mqtt),
            stated.merchant,
            since=stated.since or today(),
            again=stated.again,
            auth=badge(stated.by),
        )
    except (EnrolmentRefused, NotTrusted, NoTape, OSError) as error:
        raise Failed(str(error)) from error


VERBS = [add_enroll]
