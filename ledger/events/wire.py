"""The messages between a device and the ledger, over any transport. docs/protocol.md is the word.

Bytes travel as base64 in JSON. A device sends a `Batch`; the ledger answers with an `Answer`
whose `body`, signed as it stands, is one of the answers below.
"""

import hashlib
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from ledger.events.base import Digest, Id, Uuid

# A batch is verified and committed whole; five of the largest make a full transaction.
BATCH_REPORTS_MAX = 200
BATCH_BYTES_MAX = 1024 * 1024
HASH_BYTES = 32
STATE_BYTES_MAX = 1024
# As long as any code of the trade; JSON may write a character in six.
LOOK_CHARACTERS_MAX, LOOK_BYTES_MAX = 1024, 8192
# A screen's name: 128 random bits as base64url, so that nobody guesses it.
SCREEN_FORM = "^[A-Za-z0-9_-]{22}$"

Hash = Annotated[bytes, msgspec.Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
Number = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Batch(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="batch.v1"):
    """Consecutive reports of one tape, with the chain before them and one signature."""

    device: Id
    tape: Uuid
    first: Number
    previous: Hash
    reports: Annotated[tuple[bytes, ...], msgspec.Meta(min_length=1, max_length=BATCH_REPORTS_MAX)]
    key: Annotated[str, msgspec.Meta(max_length=60)]
    signature: Annotated[bytes, msgspec.Meta(max_length=80)]


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one report: where it stands for ever, and what was noticed about it."""

    number: Number
    code: Literal["recorded", "unreadable"]
    position: Number
    leaf: Hash
    flags: tuple[str, ...] = ()


class Receipt(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="receipt.v1"):
    """The ledger holds these reports durably; they MUST be found again after any crash."""

    ledger: Id
    tape: Uuid
    chain: Hash
    time: datetime
    verdicts: tuple[Verdict, ...]
    checkpoint: str | None = None


class Resend(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="resend.v1"):
    """The batch does not join what the ledger has of this tape: send again from `number`."""

    ledger: Id
    tape: Uuid
    number: Number
    time: datetime


class Fork(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="fork.v1"):
    """The ledger holds other content under `number`: the tape has stopped, call an officer."""

    ledger: Id
    tape: Uuid
    number: Number
    time: datetime


RefusalCode = Literal[
    "unknown-device",
    "revoked-device",
    "unknown-key",
    "bad-signature",
    "bad-opening",
    "tape-of-another",
]


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="refused.v1"):
    """The batch was not taken, and why; nothing of it is recorded.

    `batch` is the SHA-256 of its envelope: anybody can send one that names a tape.
    """

    ledger: Id
    tape: Uuid
    batch: bytes
    code: RefusalCode
    message: str
    time: datetime


AnswerBody = Receipt | Resend | Fork | Refused


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="answer.v1"):
    """An answer's exact bytes under the ledger's signature."""

    body: bytes
    key: str
    signature: bytes


class DeviceState(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="state.v1"):
    """A device's word about itself; its will says `online: false` when it falls silent.

    `session` names the connection, of which the will is the last word; `stops` is the version of
    the stop list that it goes by, 0 while it has none.
    """

    device: Id
    online: bool
    tape: Uuid | None = None
    waiting: Count = 0
    fill_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    session: Uuid | None = None
    stops: Count = 0


class SignedState(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="state.v2"):
    """A state's exact bytes under the device's signature over `state_message`; retained."""

    body: Annotated[bytes, msgspec.Meta(max_length=STATE_BYTES_MAX)]
    key: Annotated[str, msgspec.Meta(max_length=60)]
    signature: Annotated[bytes, msgspec.Meta(max_length=80)]


class KioskLook(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="look.v1"):
    """A code that somebody holds before a kiosk's scanner to see its page; no report, and never recorded.

    `screen` names the kiosk's own open pages: whoever knows it sees what is held there.
    """

    device: Id
    screen: Annotated[str, msgspec.Meta(pattern=SCREEN_FORM)]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=LOOK_CHARACTERS_MAX)]
    time: Annotated[datetime, msgspec.Meta(tz=True)]


class SignedKioskLook(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="signed-look.v1"
):
    """A look's exact bytes under the device's signature over `look_message`; not retained."""

    body: Annotated[bytes, msgspec.Meta(max_length=LOOK_BYTES_MAX)]
    key: Annotated[str, msgspec.Meta(max_length=60)]
    signature: Annotated[bytes, msgspec.Meta(max_length=80)]


class SignedDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="document.v1"
):
    """What a device signs to hand in a paper's picture: its digest and media type."""

    device: Id
    digest: Digest
    media: str
    key: str
    signature: bytes


class SignedCard(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="card.v1"):
    """A card under a device's signature over the label, the reference and the card's bytes."""

    device: Id
    ref: Uuid
    card: bytes
    key: str
    signature: bytes


class Enrolment(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="enrolment.v1"):
    """What an invited device sends: the invitation's code, its key, and a request for a certificate.

    `request` is PKCS #10 (RFC 2986) in DER; `signature` is over `enrolment_message`, and shows that the
    device has the key.
    """

    code: bytes
    key: str
    request: bytes
    signature: bytes


class Enrolled(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="enrolled.v1"):
    """What a device learns when it has joined: the ledger's keys, its broker, its own certificate.

    `mqtt` is `mqtts://HOST:PORT`, or `mqtt://` on the ledger's own machine; `authority` (PEM) is what the
    broker is checked by, `certificate` (PEM) what the device shows there; both null where it asks for none.
    """

    ledger: Id
    device: Id
    merchants: tuple[Id, ...]
    keys: tuple[str, ...]
    log: str | None
    time: datetime
    mqtt: str
    authority: str | None = None
    certificate: str | None = None


class CertificateRequest(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="certificate-request.v1"
):
    """What a device sends when its certificate grows old, under its own signature."""

    device: Id
    request: bytes
    key: str
    signature: bytes


class KeyLink(msgspec.Struct, frozen=True, kw_only=True):
    """A key by which the ledger goes on; `signature` is that of the key before it (`by`)."""

    key: Annotated[str, msgspec.Meta(max_length=200)]
    by: Annotated[str, msgspec.Meta(max_length=200)]
    signature: Annotated[bytes, msgspec.Meta(max_length=80)]


class LedgerKeys(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="ledger-keys.v1"):
    """Every key by which the ledger has gone on, the earliest first; each link signs for itself."""

    ledger: Id
    links: tuple[KeyLink, ...]


def batches_topic(ledger: str, tape: str) -> str:
    """Where a device publishes its batches; `+` for the tape subscribes to all."""
    return f"suyuan/v1/{ledger}/tapes/{tape}/batches"


def answers_topic(ledger: str, tape: str) -> str:
    """Where the ledger answers; a device subscribes to its own tape's."""
    return f"suyuan/v1/{ledger}/tapes/{tape}/answers"


def state_topic(ledger: str, device: str) -> str:
    """Where a device keeps its retained state."""
    return f"suyuan/v1/{ledger}/devices/{device}/state"


def looks_topic(ledger: str, device: str) -> str:
    """Where a kiosk's scanner says what is held before it; nothing is retained there."""
    return f"suyuan/v1/{ledger}/devices/{device}/looks"


def look_message(body: bytes) -> bytes:
    """Returns what a device signs over a look."""
    return b"suyuan/look/v1\n" + body


def checkpoint_topic(ledger: str) -> str:
    """Where the ledger keeps the last checkpoint of its log, retained, as a signed note."""
    return f"suyuan/v1/{ledger}/checkpoint"


def state_message(body: bytes) -> bytes:
    """Returns what a device signs over its state."""
    return b"suyuan/state/v1\n" + body


def keys_topic(ledger: str) -> str:
    """Where the ledger keeps the chain of its keys, retained."""
    return f"suyuan/v1/{ledger}/keys"


def document_message(digest: str, media: str) -> bytes:
    """Returns what a device signs over a document."""
    return b"suyuan/document/v1\n" + bytes.fromhex(digest) + media.encode()


def enrolment_message(code: bytes, key: str, request: bytes) -> bytes:
    """Returns what a device signs when it joins."""
    digests = hashlib.sha256(code).digest() + hashlib.sha256(request).digest()
    return b"suyuan/enrolment/v1\n" + digests + key.encode()


def certificate_request_message(device: str, request: bytes) -> bytes:
    """Returns what a device signs over a request for a newer certificate."""
    return b"suyuan/certificate-request/v1\n" + device.encode() + b"\n" + request


def card_message(ref: str, card: bytes) -> bytes:
    """Returns what a device signs over a card."""
    return b"suyuan/card/v1\n" + ref.encode() + b"\n" + card


encode = msgspec.json.Encoder(decimal_format="string").encode
_batch = msgspec.json.Decoder(Batch)
_answer = msgspec.json.Decoder(Answer)
_body: msgspec.json.Decoder[AnswerBody] = msgspec.json.Decoder(AnswerBody)


def decode_batch(payload: bytes) -> Batch:
    """Reads a batch; raises `msgspec.MsgspecError` when the bytes are none."""
    return _batch.decode(payload)


def digest_of(envelope: bytes) -> bytes:
    """Returns what a refusal calls a batch by: the SHA-256 of its envelope."""
    return hashlib.sha256(envelope).digest()


def decode_answer(payload: bytes) -> tuple[Answer, AnswerBody]:
    """Reads an answer with its body, whose signature the caller MUST check."""
    answer = _answer.decode(payload)
    return answer, _body.decode(answer.body)
