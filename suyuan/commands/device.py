"""A device at work: what scan, file and correct share."""

import argparse
import contextlib
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from ledger.events import wire
from ledger.events.base import Event
from ledger.papers.copies import Unfit
from ledger.papers.kinds import kind_of
from scanners.agent import Agent, home_of, keep_document, point
from scanners.asking import EnrolmentRefused
from scanners.identity import Clocks
from scanners.joining import renew
from scanners.session import Session
from scanners.tape import NoTape, Tape
from scanners.words import Told
from suyuan.commands import Failed, host_and_port, say_line, today
from suyuan.commands.joining import TAPE_DEFAULT

FILL_WARNING_PERCENT = 80
# How long the end waits for receipts before it says that they are still to come.
DRAIN_S = 5
# How long the beginning waits for the stop list; a device without a broker goes by its last one.
STOPS_S = 0.7
# What the ledger takes, said before the paper has left the hand.
PICTURE_BYTES_MAX = 12 * 1024 * 1024
ENDINGS = (".png", ".jpg", ".jpeg", ".pdf", ".heic", ".heif")


def add_device(verb: Any) -> None:
    """Adds the options every verb of a device takes."""
    verb.add_argument("--tape", type=Path, default=TAPE_DEFAULT, help="its tape (%(default)s)")
    verb.add_argument("--for", dest="place", metavar="MERCHANT:PREMISES",
                      help="whose report it is; remembered until another is named")  # fmt: skip
    verb.add_argument("--offline", action="store_true", help="keep on the tape, send later")
    verb.add_argument("--intake", help="the ledger's address, if it moved")
    verb.add_argument("--mqtt", type=host_and_port, metavar="HOST:PORT",
                      help="the broker, if it moved")  # fmt: skip
    verb.add_argument("--json", action="store_true")


class AtWork:
    """An open tape with the session and the agent that stand on it."""

    def __init__(self, stated: argparse.Namespace, tape: Tape) -> None:
        self._stated = stated
        self.tape = tape
        # Why the ledger took a picture not at all; known when the work is finished.
        self.refused: list[str] = []
        if not stated.offline:
            renew(tape, home_of(tape), datetime.now(UTC))
        self.agent = Agent(tape, Clocks(), on_answer=lambda body: _tell_answer(body, stated.json))
        self.session = Session(tape, self.agent.clocks, today=today, stops=self.agent.stops)

    @property
    def merchant(self) -> str:
        """For whom it works. Raises `Failed` when nobody was ever named."""
        if self.session.place.merchant is None:
            raise Failed("for whom? say --for MERCHANT:PREMISES")
        return self.session.place.merchant

    @property
    def premises(self) -> str:
        """Where it works. Raises `Failed` when no place was ever named."""
        if self.session.place.premises is None:
            raise Failed("where? say --for MERCHANT:PREMISES")
        return self.session.place.premises

    def command(self, text: str) -> None:
        """Gives the session a command. Raises `Failed` when it is refused."""
        told = self.session.command(text)
        if told.colour == "red":
            raise Failed(told.words)

    def keep_picture(self, path: Path) -> str:
        """Keeps a paper's picture on the tape; returns its digest. Raises `Failed`."""
        if path.suffix.lower() not in ENDINGS:
            raise Failed(f"a document is a .jpg, .png, .heic or .pdf, not {path.name}")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise Failed(f"{path}: {error.strerror}") from error
        if len(content) > PICTURE_BYTES_MAX:
            most = f"{PICTURE_BYTES_MAX // 2**20} MiB"
            raise Failed(f"{path.name} is larger than the {most} a document may have: shrink it")
        try:
            kind = kind_of(content)
        except Unfit:
            words = f"{path.name} holds no picture and no PDF, whatever its name says"
            raise Failed(f"{words}: photograph the paper again") from None
        return keep_document(self.tape, kind, content)

    def begin_sending(self) -> None:
        """Starts the link unless the hand wants to stay offline."""
        if self.tape.fill_percent() >= FILL_WARNING_PERCENT:
            words = f"the tape is {self.tape.fill_percent()} % full: free some space"
            tell(Told("amber", words), self._stated.json)
        if not self._stated.offline:
            self.agent.link.start()
            # The first scan must not pass because the list was still on its way.
            self.agent.stops.arrived.wait(STOPS_S)

    def finish(self) -> None:
        """Waits a moment for receipts and says what is confirmed."""
        started = self.agent.link.started
        confirmed = started and self.agent.link.wait_drained(DRAIN_S)
        self.refused = self.agent.send_documents() if started else []
        for why in self.refused:
            words = f"the ledger will not take a picture: {why}; file the paper again with another"
            tell(Told("red", words), self._stated.json)
        self.agent.link.stop()
        _say_end(self.agent, confirmed, self.tape.count_waiting(), self._stated.json)


@contextlib.contextmanager
def at_work(stated: argparse.Namespace, *, quiet: bool = False) -> Iterator[AtWork]:
    """Opens the tape that was named; says at the end what the ledger has confirmed.

    `quiet` is for verbs that only read the tape.
    """
    try:
        tape = Tape.open(stated.tape)
    except (OSError, NoTape, sqlite3.Error) as error:
        raise Failed(str(error)) from error
    with contextlib.closing(tape):
        try:
            _point(tape, stated)
            work = AtWork(stated, tape)
        except (EnrolmentRefused, sqlite3.Error) as error:
            raise Failed(str(error)) from error
        if stated.place:
            work.command(f"merchant:{stated.place}")
        try:
            yield work
        except (ValueError, OSError) as error:
            raise Failed(str(error)) from error
        finally:
            if not quiet and (work.agent.link.started or stated.offline):
                work.finish()


def _point(tape: Tape, stated: argparse.Namespace) -> None:
    """Lets a tape remember that its ledger moved to other addresses."""
    home = home_of(tape)
    if stated.intake:
        home = msgspec.structs.replace(home, intake_url=stated.intake)
    if stated.mqtt:
        home = msgspec.structs.replace(home, mqtt_host=stated.mqtt[0], mqtt_port=stated.mqtt[1])
    if stated.intake or stated.mqtt:
        point(tape, home)


def tell(told: Told, as_json: bool) -> None:
    """Tells the hand, as words or as a JSON line."""
    if as_json:
        say_line(json.dumps(told._asdict(), ensure_ascii=False))
    else:
        # The number is what suyuan correct wants to hear.
        numbers = f" (no. {', '.join(map(str, told.numbers))})" if told.numbers else ""
        say_line(f"[{told.colour:^5}] {told.words}{numbers}")


def common_of(work: AtWork) -> dict[str, Any]:
    """Returns what every report of a device at work says."""
    return {
        "merchant": work.merchant,
        "premises": work.premises,
        "business_date": today(),
        "clock": work.agent.clocks.read(),
        "session": work.session.id,
    }


def keep(work: AtWork, event: Event, as_json: bool, *, about: str = "") -> None:
    """Puts a report on the tape, says under which number and what it is about, and sends it."""
    kept = work.tape.append(event)
    words = {"number": kept.number, "tape": work.tape.id}
    said = f"kept as number {kept.number} of this tape{about and ': '}{about}"
    say_line(json.dumps(words) if as_json else said)
    work.begin_sending()


def _tell_answer(body: Any, as_json: bool) -> None:
    """Says what the hand must know of an answer; that all is well is said at the end."""
    match body:
        case wire.Fork():
            words = f"this tape stopped at {body.number}: a copy of it was used"
            tell(Told("red", words), as_json)
        case wire.Refused():
            tell(Told("red", f"the ledger refused: {body.message}; nothing is lost"), as_json)
        case wire.Receipt():
            unread = [v.number for v in body.verdicts if v.code == "unreadable"]
            flags = sorted({flag for v in body.verdicts for flag in v.flags})
            if unread:
                tell(Told("amber", f"kept, but the ledger could not read {unread}"), as_json)
            if flags:
                tell(Told("amber", f"recorded, with a note: {', '.join(flags)}"), as_json)


def _say_end(agent: Agent, confirmed: bool, waiting: int, as_json: bool) -> None:
    home = agent.home
    if as_json:
        words: dict[str, Any] = {
            "confirmed": confirmed,
            "waiting": waiting,
            "broker": agent.link.reached,
        }
        words |= {"stopped": agent.stopped}
        say_line(json.dumps(words))
    elif confirmed:
        say_line("everything on the tape is confirmed by the ledger")
    elif agent.stopped:
        say_line(f"{waiting} on the tape stay there: {agent.stopped}")
    else:
        if agent.link.started and not agent.link.reached:
            say_line(f"no broker answers at {home.mqtt_host}:{home.mqtt_port}: name it with --mqtt")
        say_line(f"{waiting} on the tape are not yet confirmed; they are kept and sent later")
