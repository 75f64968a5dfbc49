"""Joining a ledger by an invitation: a code on paper or a screen, good once."""

import base64
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import msgspec
from cryptography import x509

from ledger.events import wire
from ledger.values.base64url import base64url_bytes
from ledger.values.ids import is_id
from scanners.agent import (
    CERTIFICATE,
    CERTIFICATE_KEY,
    TIMEOUT_S,
    Home,
    kept_for_another_try,
    point,
    unjoined,
)
from scanners.asking import EnrolmentRefused, LedgerAway
from scanners.sending import Sending
from scanners.tape import Tape
from scanners.trust import (
    checking,
    fetch_authority,
    new_certificate_request,
    plain_fingerprint,
    refuse_plain,
)

# Behind this path of intake stands what the code says; the rest never leaves the device that reads it.
PATH = "/intake/join"
REQUEST = "certificate-request"
# A certificate that ends sooner is asked for anew.
RENEW_BEFORE = timedelta(days=90)
# After these answers the same question is asked again later.
LATER = (429, 500, 502, 503, 504)


class InvitationLink(NamedTuple):
    """What an invitation's code says: where to join, as which device, by which code, and whom to trust.

    `fingerprint` is that of the ledger's own authority; empty where every system knows who signed.
    """

    intake_url: str
    device: str
    code: str
    fingerprint: str = ""

    @property
    def text(self) -> str:
        """The link as a QR code bears it; what is secret stands behind #, which no browser sends."""
        told = {"d": self.device, "c": self.code}
        if self.fingerprint:
            told["f"] = self.fingerprint
        return f"{self.intake_url}{PATH}#{urlencode(told)}"


def read_link(text: str) -> InvitationLink:
    """Reads an invitation's link. Raises `ValueError` for another text."""
    parts = urlsplit(text.strip())
    told = {name: values[0] for name, values in parse_qs(parts.fragment).items()}
    device, code = told.get("d", ""), told.get("c", "")
    if not parts.path.endswith(PATH) or not is_id(device) or not code:
        raise ValueError(f"an invitation is https://…{PATH}#d=…&c=…, not {text[:80]!r}")
    fingerprint = told.get("f", "")
    intake = f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix(PATH)}"
    refuse_plain(intake)
    return InvitationLink(
        intake, device, code, plain_fingerprint(fingerprint) if fingerprint else ""
    )


def join(path: Path, link: InvitationLink) -> Tape:
    """Joins the ledger that invites, with a key made here; returns the tape that reports to it.

    The tape with its key is on disk before the ledger is asked: after an answer that was lost, the same
    link joins with the same tape. Raises `EnrolmentRefused`, `NotTrusted`, `LedgerAway`, and
    `FileExistsError` for a tape that has joined already.
    """
    authority = fetch_authority(link.intake_url, link.fingerprint) if link.fingerprint else None
    tape = unjoined(path, link.device)
    with kept_for_another_try(path, tape):
        try:
            enrolled = _enrol(tape, link, authority)
        except LedgerAway as error:
            if link.fingerprint:
                raise
            words = "the link says no fingerprint (&f=…): if its end was cut off, take all of it"
            raise LedgerAway(f"{words} ({error})") from error
    home = _home_of(enrolled, link, authority)
    if enrolled.certificate is not None:
        tape.put(CERTIFICATE, enrolled.certificate)
    _open_at(home, tape)
    point(tape, home)
    return tape


def renew(tape: Tape, home: Home, now: datetime) -> bool:
    """Asks for a newer certificate where this one grows old; returns whether there is one.

    What cannot be had now is asked for next time. Raises `TapeFull`.
    """
    stored = tape.get(CERTIFICATE)
    if stored is None:
        return False
    until = x509.load_pem_x509_certificate(stored.encode()).not_valid_after_utc
    if until - now > RENEW_BEFORE:
        return False
    key, request = new_certificate_request(tape.device)
    message = wire.certificate_request_message(tape.device, request)
    form = wire.CertificateRequest(
        device=tape.device, request=request, key=tape.key.id, signature=tape.key.sign(message)
    )
    try:
        answer = _post(home.intake_url, "/intake/certificates", wire.encode(form), home.authority)
    except LedgerAway:
        return False
    if answer.status_code != httpx.codes.CREATED:
        return False
    tape.put(CERTIFICATE_KEY, key)
    tape.put(CERTIFICATE, answer.text)
    return True


def _enrol(tape: Tape, link: InvitationLink, authority: str | None) -> wire.Enrolled:
    try:
        code = base64url_bytes(link.code)
    except ValueError as error:
        raise EnrolmentRefused(f"the invitation's code is cut off: {error}") from error
    request = _request_of(tape)
    message = wire.enrolment_message(code, tape.key.public, request)
    form = wire.Enrolment(
        code=code, key=tape.key.public, request=request, signature=tape.key.sign(message)
    )
    answer = _post(link.intake_url, "/intake/enrolments", wire.encode(form), authority)
    if answer.status_code in LATER:
        raise LedgerAway(_detail(answer))
    if answer.status_code != httpx.codes.CREATED:
        raise EnrolmentRefused(_detail(answer))
    try:
        return msgspec.json.decode(answer.content, type=wire.Enrolled)
    except msgspec.MsgspecError as error:
        raise LedgerAway(f"{link.intake_url} answers otherwise than a ledger: {error}") from error


def _request_of(tape: Tape) -> bytes:
    """Returns the request for this tape's certificate: the same in every try."""
    stored = tape.get(REQUEST)
    if stored is None:
        key, request = new_certificate_request(tape.device)
        tape.put(CERTIFICATE_KEY, key)
        stored = base64.b64encode(request).decode()
        tape.put(REQUEST, stored)
    return base64.b64decode(stored)


def _home_of(enrolled: wire.Enrolled, link: InvitationLink, authority: str | None) -> Home:
    refuse_plain(enrolled.mqtt)
    parts = urlsplit(enrolled.mqtt)
    return Home(
        ledger=enrolled.ledger, keys=enrolled.keys, intake_url=link.intake_url,
        mqtt_host=parts.hostname or "", mqtt_port=parts.port or 8883, log=enrolled.log,
        authority=authority,
        mqtt_authority=enrolled.authority if parts.scheme == "mqtts" else None,
    )  # fmt: skip


def _open_at(home: Home, tape: Tape) -> None:
    """Hands in the tape's opening over HTTP: the broker lets a device publish on a tape that is known."""
    sending = Sending(tape, list(home.keys))
    for envelope in sending.poll(0.0):
        answer = _post(home.intake_url, "/intake/batches", envelope, home.authority)
        if answer.status_code != httpx.codes.OK:
            raise LedgerAway(_detail(answer))
        sending.answered(answer.content, 0.0)


def _post(url: str, path: str, body: bytes, authority: str | None) -> httpx.Response:
    try:
        return httpx.post(
            f"{url}{path}", content=body, timeout=TIMEOUT_S, trust_env=False,
            verify=checking(url, authority),
        )  # fmt: skip
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise LedgerAway(f"no ledger answers at {url}: {error}") from error


def _detail(answer: httpx.Response) -> str:
    try:
        found: Any = answer.json()
        return str(found["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the ledger answered {answer.status_code}: {answer.text[:200]}"
