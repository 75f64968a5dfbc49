"""What is fuzzed: for each parser of outside bytes how it is called, what it may raise, and seeds."""

import base64
import contextlib
import json
import tempfile
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ledger.devices.authority import Authority, read_authority
from ledger.errors import Malformed
from ledger.events import wire
from ledger.events.catalogue import encode, read_report
from ledger.events.stop_list import (
    StopListBody,
    StopListPart,
    read_stops,
    sign_stops,
    stops_message,
)
from ledger.log.checkpoints import read_checkpoint, verify_checkpoint
from ledger.log.notes import NoteKey, NoteWrong, read_note, signed_by
from ledger.log.proofs import ProofWrong, check_proof, read_proof, unpack_opening
from ledger.log.publishing import LogSigner
from ledger.log.tiles import Tile, hashes_of, pack_entries, unpack_entries
from ledger.papers.copies import Unfit
from ledger.papers.reading import read_paper
from ledger.rules.requests import decode_requests
from ledger.values.keys import PublicKey, SigningKey
from scanners.gs1 import NotUnderstood, understand
from scanners.importing.columns import find_headings
from scanners.importing.tables import BadFile, json_rows, read_rows
from scanners.joining import InvitationLink, read_link
from scanners.trust import NotTrusted, new_certificate_request
from tests.support import paper_files
from tests.support.make import FakeTape, received, sold

AIMS = ("]C1", "]d2", "]Q3", "]E0", "]E4", "]I1", "]e0", "]Q1", "]C0", "")
ENDINGS = (".csv", ".xlsx", ".json", ".ndjson", ".txt")


class Target(NamedTuple):
    """A parser: what is done with the bytes, which exceptions say that they are none, and seeds.

    `seconds` is how long the long form goes on; 0 where it goes by `runs`. The short form reads `few` inputs.
    """

    run: Callable[[bytes], object]
    refuses: tuple[type[Exception], ...]
    seeds: Sequence[bytes]
    runs: int = 1_000_000
    seconds: int = 0
    few: int = 5000


def _label(content: bytes) -> object:
    aim = AIMS[content[0] % len(AIMS)] if content else ""
    return understand(aim, content[1:])


def _batch(content: bytes) -> object:
    batch = wire.decode_batch(content)
    return [_report(one) for one in batch.reports]


def _report(content: bytes) -> object:
    try:
        return encode(read_report(content))
    except Malformed:
        return None


def _message(content: bytes) -> object:
    """What comes to intake and devices beside batches, each read by its own definition."""
    for kind in (
        wire.Answer, wire.SignedState, wire.DeviceState, wire.Enrolment, wire.CertificateRequest,
        wire.LedgerKeys, wire.SignedDocument, wire.SignedCard, wire.SignedKioskLook, wire.KioskLook,
    ):  # fmt: skip
        try:
            msgspec.json.decode(content, type=kind)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue
    return None


KEY = LogSigner("fuzz.example/1", SigningKey(bytes(32)))
NOTE_KEY = NoteKey(KEY.public)


def _note(content: bytes) -> object:
    signed_by(read_note(content), [NOTE_KEY])
    read_checkpoint(content)
    return verify_checkpoint(content, NOTE_KEY)


def _proof(content: bytes) -> object:
    with contextlib.suppress(ProofWrong):
        unpack_opening(content)
    proof = read_proof(content)
    return check_proof(proof, NOTE_KEY)


SIGNER = SigningKey(bytes(32))
PUBLIC = PublicKey(SIGNER.public)
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def _authority() -> Authority:
    with tempfile.TemporaryDirectory() as folder:
        return read_authority(Path(folder), "fuzz", "Fuzz", NOW)


AUTHORITY = _authority()


def _stops(content: bytes) -> object:
    """A part as it comes, and one that holds this under the ledger's own signature."""
    with contextlib.suppress(ValueError):
        read_stops(content, [PUBLIC])
    body = zlib.compress(content, 1)
    signed = StopListPart(body=body, key=SIGNER.id, signature=SIGNER.sign(stops_message(body)))
    return read_stops(wire.encode(signed), [PUBLIC])


def _invitation(content: bytes) -> object:
    with contextlib.suppress(ValueError):
        AUTHORITY.certify_device(content, "fuzz", NOW)
    return read_link(content.decode())


def _tile(content: bytes) -> object:
    width = (content[0] if content else 0) + 1
    tile = Tile(0, 0, width)
    with contextlib.suppress(ProofWrong):
        hashes_of(tile, content[1:])
    return unpack_entries(tile, content[1:])


def _import(content: bytes) -> object:
    ending = ENDINGS[content[0] % len(ENDINGS)] if content else ".csv"
    if ending == ".ndjson":
        return list(json_rows(content[1:]))
    with tempfile.NamedTemporaryFile(suffix=ending) as file:
        file.write(content[1:])
        file.flush()
        rows = list(read_rows(Path(file.name)))
    return find_headings(rows[:20], {})


def _batches() -> list[bytes]:
    tape = FakeTape()
    tape.add(received(3), sold(1))
    return [tape.batch(), json.dumps({"type": "batch.v1", "reports": []}).encode()]


def _messages() -> list[bytes]:
    links = (wire.KeyLink(key="ed25519:AA==", by="ed25519:BB==", signature=bytes(64)),)
    state = wire.encode(wire.DeviceState(device="d", online=True))
    return [
        wire.encode(wire.LedgerKeys(ledger="l", links=links)),
        wire.encode(wire.SignedState(body=state, key="k", signature=b"s")), state,
    ]  # fmt: skip


def _stop_lists() -> list[bytes]:
    body = StopListBody(ledger="l", version=1, time=NOW, part=1, parts=1, lines=())
    return [wire.encode(body), *sign_stops(SIGNER, "l", 1, NOW, ())]


def _invitations() -> list[bytes]:
    link = InvitationLink("https://suyuan.example", "till-1", "AAAA", "ab" * 32)
    return [link.text.encode(), new_certificate_request("till-1")[1]]


def _notes() -> list[bytes]:
    signed = "fuzz.example/1\n4\n" + base64.b64encode(bytes(32)).decode() + "\n"
    name = "\n\u2014 fuzz.example/1 "
    return [(signed + name + base64.b64encode(bytes(68)).decode() + "\n").encode(), b"a\n\n"]


def _imports() -> list[bytes]:
    from openpyxl import Workbook

    book = Workbook()
    sheet: Any = book.active
    for row in (["条码", "数量", "批号"], ["6901234567892", 3, "A-1"]):
        sheet.append(row)
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        book.save(file.name)
        workbook = Path(file.name).read_bytes()
    return [
        b"\x00" + "条码,数量,批号\n6901234567892,3,A-1\n".encode(), b"\x01" + workbook,
        b'\x02[{"gtin":"6901234567892","amount":3}]', b'\x03{"gtin":"6901234567892"}\n',
        b"\x04" + "条码\t数量\n6901234567892\t2\n".encode("gb18030"),
    ]  # fmt: skip


LABELS = (
    b"\x000106901234567892" b"17261201" b"10A-24/11", b"\x020106901234567892" b"3103001250",
    b"\x046901234567892", b"\x07https://id.gs1.org/01/06901234567892/10/A1?17=261201",
    b"\x0016901234567899", b"\x052100123012507",
)  # fmt: skip
TARGETS: dict[str, Target] = {
    "labels": Target(_label, (NotUnderstood,), LABELS),
    "batches": Target(_batch, (msgspec.MsgspecError, ValueError, RecursionError), _batches()),
    "messages": Target(_message, (), _messages()),
    "stops": Target(_stops, (ValueError,), _stop_lists()),
    "requests": Target(
        decode_requests, (msgspec.MsgspecError, ValueError, RecursionError),
        [b'[{"type":"grant-mandate","device":"d","merchant":"m","valid_from":"2026-01-01"}]'],
    ),
    "invitations": Target(_invitation, (ValueError, NotTrusted), _invitations()),
    "notes": Target(_note, (NoteWrong,), _notes()),
    "proofs": Target(_proof, (ProofWrong, NoteWrong), [b"c2sp.org/tlog-proof@v1\nindex 0\n\n", *_notes()]),
    "tiles": Target(
        _tile, (ProofWrong,), [b"\x00" + bytes(32), b"\x01" + pack_entries([b"a", b"b"])]
    ),
    "uploads": Target(
        read_paper, (Unfit,),
        [paper_files.picture(size=(16, 12)), paper_files.picture("PNG", (16, 12)),
         paper_files.picture("HEIF", (64, 64)), paper_files.pdf(), paper_files.chinese_pdf("证明")],
        # Pictures and workbooks are slow to read; everything else takes some microseconds.
        runs=0, seconds=20 * 60, few=60,
    ),
    "imports": Target(_import, (BadFile,), _imports(), runs=0, seconds=20 * 60, few=500),
}  # fmt: skip
