"""The stop list on the wire: what may not be sold, signed, compressed, in numbered parts."""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from ledger.events.base import Id
from ledger.events.holds import StoppedGoods
from ledger.events.wire import encode
from ledger.values.clock import Instant
from ledger.values.keys import PublicKey, SigningKey

# Some hundred kilobytes a part: what a broker of default settings passes on at once.
LINES_A_PART = 2000
# A part that unpacks to more is none of ours.
PART_BYTES_MAX = 8 * 1024 * 1024
# Of a part's lines: a product may go by hundreds of GTINs.
LINES_BYTES_A_PART = 1024 * 1024

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class StopLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Goods that a hold or recall stops, as a scanner needs them: under all GTINs, with a name."""

    stop: Id
    kind: Literal["hold", "recall"]
    goods: StoppedGoods
    gtins: tuple[str, ...] = ()
    name: str = ""
    grade: str = ""


class StopListBody(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="stop-list.v1"):
    """A part of the list as it stood at `version`, signed at `time`; parts count from 1."""

    ledger: Id
    version: Count
    time: Instant
    part: Count
    parts: Count
    lines: tuple[StopLine, ...]


class StopListPart(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="stop-part.v1"):
    """A part's exact bytes, the body as JSON compressed by zlib, under the ledger's signature."""

    body: bytes
    key: str
    signature: bytes


def stops_topic(ledger: str, part: int | str) -> str:
    """Where a part is retained; `+` for the part subscribes to all."""
    return f"suyuan/v1/{ledger}/stops/{part}"


def stops_message(body: bytes) -> bytes:
    """Returns what the ledger signs over a part's compressed bytes."""
    return b"suyuan/stops/v1\n" + body


def sign_stops(
    key: SigningKey, ledger: str, version: int, time: datetime, lines: Sequence[StopLine]
) -> list[bytes]:
    """Returns the parts of a list, signed; a list of nothing is one part that says so."""
    cut = _cut(lines)
    parts = []
    for number, some in enumerate(cut, 1):
        body = StopListBody(
            ledger=ledger, version=version, time=time, part=number, parts=len(cut),
            lines=tuple(some),
        )  # fmt: skip
        packed = zlib.compress(encode(body), 6)
        signature = key.sign(stops_message(packed))
        parts.append(encode(StopListPart(body=packed, key=key.id, signature=signature)))
    return parts


def _cut(lines: Sequence[StopLine]) -> list[list[StopLine]]:
    """Cuts a list into parts of so many lines and bytes that whoever reads them takes them."""
    parts: list[list[StopLine]] = [[]]
    size = 0
    for line in lines:
        weight = len(encode(line)) + 1
        if parts[-1] and (len(parts[-1]) == LINES_A_PART or size + weight > LINES_BYTES_A_PART):
            parts.append([])
            size = 0
        parts[-1].append(line)
        size += weight
    return parts


def read_stops(payload: bytes, keys: Sequence[PublicKey]) -> StopListBody:
    """Reads a part that one of these keys signed. Raises `ValueError` saying why it is none."""
    try:
        part = _part.decode(payload)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no part of a stop list: {error}") from error
    known = [key for key in keys if key.id == part.key]
    if not known or not known[0].signed(part.signature, stops_message(part.body)):
        raise ValueError("the ledger did not sign this part of a stop list")
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(part.body, PART_BYTES_MAX)
        if unpacker.unconsumed_tail:
            raise ValueError(f"a part of a stop list unpacks to at most {PART_BYTES_MAX} bytes")
        return _body.decode(body)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise ValueError(f"a part of a stop list cannot be read: {error}") from error


_part = msgspec.json.Decoder(StopListPart)
_body = msgspec.json.Decoder(StopListBody)
