"""The verb by which a device joins a ledger: enroll."""

import argparse
import json
from pathlib import Path
from typing import Any

from ledger.settings import read_settings
from suyuan.badge import badge
from suyuan.commands import Failed, day, host_and_port, name, today

TAPE_DEFAULT = Path("scanner.tape")


def add_enroll(verbs: Any) -> None:
    """`enroll`: join a ledger."""
    verb = verbs.add_parser("enroll", help="make a tape with a key of its own and join a ledger")
    verb.add_argument("device", type=name, help="the device's name: a-z, 0-9 and -")
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
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_enroll)


def run_enroll(stated: argparse.Namespace) -> int:
    """Enrolls a device; asked again after a lost answer, it goes on with the same tape."""
    from scanners.agent import EnrolmentRefused, enroll, learn_home
    from scanners.tape import NoTape

    settings = read_settings()
    intake = stated.intake or f"http://127.0.0.1:{settings.intake_port}"
    mqtt = stated.mqtt or (settings.mqtt_host or "127.0.0.1", settings.mqtt_port)
    try:
        home = learn_home(intake, *mqtt)
        tape = enroll(
            stated.tape,
            stated.device,
            home,
            stated.merchant,
            since=stated.since or today(),
            again=stated.again,
            auth=badge(),
        )
    except (EnrolmentRefused, NoTape, OSError) as error:
        raise Failed(str(error)) from error
    words = {
        "device": tape.device,
        "tape": tape.id,
        "file": str(stated.tape),
        "ledger": home.ledger,
    }
    tape.close()
    if stated.json:
        print(json.dumps(words))
        return 0
    print(f"{words['device']} is enrolled at {home.ledger}; its tape is {stated.tape}")
    if not stated.merchant and not stated.again:
        print("no merchant lets it report yet: its reports will be noted as without a mandate")
    return 0


VERBS = [add_enroll]
