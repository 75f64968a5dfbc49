"""A scanner as a whole: tape, clocks and link, joined to a ledger by enrolment."""

import base64
import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import httpx
import msgspec

from ledger.events import wire
from ledger.events.base import Event
from ledger.events.reports import TapeOpened
from ledger.events.stop_list import stops_topic
from ledger.rules.device import EnrollDevice, GrantMandate, ReplaceDeviceKey
from ledger.rules.ledger_keys import trusted_after
from scanners.asking import EnrolmentRefused, LedgerAway, ask
from scanners.covering import Covering
from scanners.handing_in import hand_in
from scanners.identity import Clocks
from scanners.link import BrokerAddress, Link, Publish, Retained
from scanners.sending import Sending
from scanners.stoplist import StopList
from scanners.tape import Kept, Picture, Tape
from scanners.trust import Shown, checking, context_for

TIMEOUT_S = 15.0
SEED_BYTES = 32
# Under which words a tape keeps what its device shows to the broker.
CERTIFICATE, CERTIFICATE_KEY = "certificate", "certificate-key"


# What became of a picture: the ledger has it, will never take it, or must be asked again.
Sent = Literal["kept", "refused", "again"]


# Titles of the problems by which a ledger says that it will never take a picture.
FINAL = ("document-refused", "too-large", "no-signature", "bad-signature")


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger a device belongs to and how it is reached; `log` is the key of its published log.

    `authority` (PEM) is what intake's certificate is checked by, where it is not one that everybody
    knows; `mqtt_authority` the broker's, which is spoken to over TLS where there is one.
    """

    ledger: str
    keys: tuple[str, ...]
    intake_url: str
    mqtt_host: str
    mqtt_port: int
    log: str | None = None
    authority: str | None = None
    mqtt_authority: str | None = None


class Former(NamedTuple):
    """The tape before this one, as far as the device still knows it."""

    tape: str
    last: int | None


def learn_home(intake_url: str, mqtt_host: str, mqtt_port: int) -> Home:
    """Asks a ledger for its name and keys. Raises `EnrolmentRefused` when it is not there."""
    try:
        answer = httpx.get(
            f"{intake_url}/intake/ledger", timeout=TIMEOUT_S, trust_env=False,
            verify=checking(intake_url),
        )  # fmt: skip
        answer.raise_for_status()
        found = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise LedgerAway(f"no ledger answers at {intake_url}: {error}") from error
    return Home(
        ledger=found["ledger"],
        keys=tuple(found["keys"]),
        intake_url=intake_url,
        mqtt_host=mqtt_host,
        mqtt_port=mqtt_port,
        log=found.get("log"),
    )


def open_tape(
    path: Path,
    device: str,
    home: Home,
    *,
    clocks: Clocks,
    key_seed: bytes | None = None,
    former: Former | None = None,
) -> Tape:
    """Makes a new tape for a device, which remembers the ledger it belongs to."""

    def opening() -> Event:
        return TapeOpened(
            device=device,
            clock=clocks.read(),
            previous_tape=former.tape if former else None,
            previous_last=former.last if former else None,
        )

    seed = key_seed or os.urandom(SEED_BYTES)
    tape = Tape.create(path, str(uuid.uuid4()), device, seed, opening=opening)
    point(tape, home)
    return tape


def enroll(
    path: Path,
    device: str,
    home: Home,
    merchants: list[str],
    *,
    since: Any,
    again: str = "",
    auth: httpx.Auth | None = None,
) -> Tape:
    """Enrolls a device with a key it makes itself, for the merchants that let it report.

    The tape with the key is on disk before the ledger is asked, so an answer that was lost is
    asked for again with the same key. `again` is the reason why a device known there comes with a
    new key; the ledger closes its old tape. `auth` shows who lets it join. Raises `EnrolmentRefused`, and `FileExistsError` for a
    tape that has joined already.
    """
    tape = unjoined(path, device)
    joins: Any = EnrollDevice(device=device, key=tape.key.public, name=device)
    if again:
        joins = ReplaceDeviceKey(device=device, key=tape.key.public, reason=again)
    with kept_for_another_try(path, tape):
        ask(home.intake_url, [joins], auth=auth)
    mandates = [GrantMandate(device=device, merchant=m, valid_from=since) for m in merchants]
    try:
        # Only now: another device of this name must not come by a mandate because of a slip.
        ask(home.intake_url, mandates, auth=auth)
    except EnrolmentRefused:
        tape.close()
        raise
    point(tape, home)
    return tape


@contextmanager
def kept_for_another_try(path: Path, tape: Tape) -> Iterator[None]:
    """Closes a tape whose ledger could not be asked to let it join; one that was refused goes."""
    try:
        yield
    except LedgerAway:
        tape.close()
        raise
    except EnrolmentRefused:
        # Nothing was recorded with this tape; another name needs a tape of its own.
        tape.close()
        path.unlink()
        raise


def unjoined(path: Path, device: str) -> Tape:
    """Returns a device's tape that has not joined yet: a new one, or that of an earlier try.

    Raises `FileExistsError` for any other.
    """
    if not path.exists():
        opened = TapeOpened(device=device, clock=Clocks().read())
        return Tape.create(
            path, str(uuid.uuid4()), device, os.urandom(SEED_BYTES), opening=lambda: opened
        )
    tape = Tape.open(path)
    if tape.get("home") is None and tape.device == device:
        return tape
    joined = " which has joined: scan with it" if tape.get("home") is not None else ""
    tape.close()
    raise FileExistsError(f"{path} holds the tape of {tape.device}{joined}; or name another file")


def point(tape: Tape, home: Home) -> None:
    """Lets a tape remember the ledger it belongs to and where that is reached."""
    tape.put("home", msgspec.json.encode(home).decode())


def home_of(tape: Tape) -> Home:
    """Returns the ledger a tape belongs to."""
    stored = tape.get("home")
    if stored is None:
        raise EnrolmentRefused(
            f"{tape.device} has not joined a ledger yet: suyuan enroll {tape.device} again"
        )
    return msgspec.json.decode(stored, type=Home)


def broker_of(tape: Tape, home: Home) -> BrokerAddress:
    """Returns where a tape's broker is, and how the device and it know each other."""
    if home.mqtt_authority is None:
        return BrokerAddress(home.mqtt_host, home.mqtt_port)
    certificate, key = tape.get(CERTIFICATE), tape.get(CERTIFICATE_KEY)
    shown = Shown(key, certificate) if certificate and key else None
    tls = context_for(home.mqtt_authority, shown)
    return BrokerAddress(home.mqtt_host, home.mqtt_port, tls)


class Agent:
    """A scanner at work: keeps reports on its tape and carries them to its ledger."""

    def __init__(
        self,
        tape: Tape,
        clocks: Clocks,
        *,
        publish: Publish | None = None,
        on_answer: Callable[[wire.AnswerBody], None] | None = None,
    ) -> None:
        self.tape = tape
        self.clocks = clocks
        self.home = home_of(tape)
        self.sending = Sending(tape, list(self.home.keys[:2]))
        # A list that is kept may be of the key before; a newer one is not.
        self.stops = StopList(tape, self.home.keys[:2], clocks.now)
        self.stops.trust(self.home.keys[:1])
        self.covering = Covering(tape, self.home.log)
        self._told = on_answer
        self.link = Link(
            tape,
            self.sending,
            ledger=self.home.ledger,
            broker=broker_of(tape, self.home),
            on_answer=self._answered,
            # In this order: a list of today is believed only under today's key.
            retained=Retained(
                {
                    wire.keys_topic(self.home.ledger): self._heard_keys,
                    stops_topic(self.home.ledger, "+"): self.stops.take,
                    wire.checkpoint_topic(self.home.ledger): self.covering.heard,
                },
                lambda: self.stops.version,
            ),
            publish=publish,
            hand_in=lambda batch: hand_in(self.home.intake_url, self.home.authority, batch),
        )

    @property
    def stopped(self) -> str:
        """Why the ledger takes nothing more of this tape, and what to do; empty while it does."""
        refused = self.sending.refused
        if self.sending.forked:
            return f"a copy of it was used: it has to be asked in again (devices invite {self.tape.device} --again)"
        if refused is not None and refused.code in ("unknown-key", "tape-of-another"):
            return f"another tape took its place; if wrongly, devices invite {self.tape.device} --again"
        if refused is not None:
            return f"{refused.message}; ask who runs the ledger ({refused.code})"
        return ""

    def keep(self, event: Event) -> Kept:
        """Puts a report on the tape and wakes the link."""
        kept = self.tape.append(event)
        self.link.wake()
        return kept

    def send_documents(self) -> list[str]:
        """Hands waiting pictures of papers to the ledger; returns why it will never take one."""
        refused: list[str] = []
        while waiting := self.tape.documents_waiting():
            for picture in waiting:
                outcome, words = put_document(self.home, self.tape, picture)
                if outcome == "again":
                    return refused
                if outcome == "kept":
                    self.tape.document_sent(picture.digest)
                else:
                    self.tape.document_refused(picture.digest)
                    refused.append(words)
        return refused

    def _heard_keys(self, content: bytes) -> bool:
        """Takes the keys by which the ledger went on; False for what no key it trusts has signed."""
        try:
            said = msgspec.json.decode(content, type=wire.LedgerKeys)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return False
        known = self.home.keys
        if said.ledger != self.home.ledger:
            return False
        keys = trusted_after(known, said.ledger, said.links)
        if keys != known:
            self.home = msgspec.structs.replace(self.home, keys=keys)
            # On disk first: who forgot it would believe a key again that is no longer in force.
            point(self.tape, self.home)
            # What the former key signed is under way until the first answer under the new one.
            self.sending.trust(keys[:2])
            self.stops.trust(keys[:1])
        return any(keys[0] == link.key for link in said.links)

    def _answered(self, body: wire.AnswerBody) -> None:
        self.clocks.hear(body.time)
        if isinstance(body, wire.Receipt) and body.checkpoint is not None:
            self.covering.heard(body.checkpoint.encode())
        if self._told is not None:
            self._told(body)


def keep_document(tape: Tape, media: str, content: bytes) -> str:
    """Keeps a paper's picture on the tape until the ledger has it; returns its digest."""
    digest = hashlib.sha256(content).hexdigest()
    tape.keep_document(Picture(digest, media, content))
    return digest


def put_document(home: Home, tape: Tape, picture: Picture) -> tuple[Sent, str]:
    """Sends a picture under the device's signature; says what became of it, and why."""
    message = wire.document_message(picture.digest, picture.media)
    signed = wire.SignedDocument(
        device=tape.device, digest=picture.digest, media=picture.media, key=tape.key.id,
        signature=tape.key.sign(message),
    )  # fmt: skip
    header = base64.b64encode(wire.encode(signed)).decode()
    try:
        answer = httpx.put(
            f"{home.intake_url}/intake/documents/{picture.digest}", content=picture.content,
            headers={"x-suyuan-signed": header}, timeout=TIMEOUT_S, trust_env=False,
            verify=checking(home.intake_url, home.authority),
        )  # fmt: skip
        found = answer.json()
        if answer.is_success:
            return ("kept", "") if found["digest"] == picture.digest else ("again", "")
        # Only what a ledger says about this very picture is final; others may sit at that address.
        final = found["title"] in FINAL
        return ("refused" if final else "again"), str(found["detail"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return "again", ""
