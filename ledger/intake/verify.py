"""Verifying: from a batch's bytes to rows that may be recorded, or the reason why not."""

import hashlib
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, Protocol

import msgspec

from ledger.errors import Malformed
from ledger.events import wire
from ledger.events.base import Event, stored_name
from ledger.events.cases import ReportUnreadable
from ledger.events.catalogue import encode, read_report
from ledger.events.reports import TapeOpened
from ledger.journal.interface import Quarantined, Row, TapeBatch
from ledger.journal.sealing import Place, Sealer
from ledger.rules.device import DeviceCase
from ledger.rules.flags import flags_of
from ledger.values.chain import batch_message, chain_over, chain_start
from ledger.values.ids import stream_of_case, stream_of_tape
from ledger.values.keys import PublicKey

# As many devices as intake remembers the cases of.
KEYS_MAX = 50_000


class Unverified(NamedTuple):
    """A batch that is not taken: a code of docs/protocol.md and words for the log."""

    tape: str
    code: wire.RefusalCode
    message: str


class Knows(Protocol):
    """Gives the case of a device; `ledger.intake.devices.Devices` does."""

    def get(self, device: str) -> DeviceCase:
        """Returns the case, perhaps one a moment old."""
        ...

    def again(self, device: str) -> DeviceCase:
        """Returns the case as the record has it now."""
        ...


class Verifier:
    """Checks signature, chain and reports of batches against the devices' cases."""

    def __init__(self, devices: Knows, sealer: Sealer) -> None:
        self._devices = devices
        self._sealer = sealer

    def verify(self, envelope: bytes, received: datetime) -> TapeBatch | Unverified | None:
        """Returns the batch ready to record, why it is refused, or None for bytes that are none."""
        if len(envelope) > wire.BATCH_BYTES_MAX:
            return None
        try:
            batch = wire.decode_batch(envelope)
            chains = chain_over(batch.previous, batch.first, batch.reports)
            chain_start(batch.tape)
        except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError):
            return None
        device = self._devices.get(batch.device)
        refused = _refusal(batch, device, chains[-1])
        if refused is not None and refused.code == "unknown-key":
            device = self._devices.again(batch.device)
            refused = _refusal(batch, device, chains[-1])
        if refused is not None:
            return refused
        return self._prepare(batch, device, chains, envelope, received)

    def _prepare(
        self,
        batch: wire.Batch,
        device: DeviceCase,
        chains: list[bytes],
        envelope: bytes,
        received: datetime,
    ) -> TapeBatch | Unverified:
        stream = stream_of_tape(batch.tape)
        rows, unreadable = [], []
        erasures, opened = self._sealer.erasures, None
        for number, report in enumerate(batch.reports, batch.first):
            event, reason = _understand(report, number, batch.device)
            if reason is not None:
                kept = Quarantined("unreadable", batch.tape, number, received, reason, report)
                unreadable.append(kept)
            if isinstance(event, TapeOpened):
                opened = event
            state = report if reason is None else encode(event)
            flags = flags_of(event, device, received)
            name = stored_name(event)
            place = Place(stream, number, received, flags)
            seed, leaf = self._sealer.seal(event, name, state, place)
            chain = chains[number - batch.first]
            rows.append(Row(stream, number, name, state, seed, leaf, received, flags, chain))
        if batch.first == 1 and (opened is None or batch.previous != chain_start(batch.tape)):
            # Without it nobody could tell whose tape this is; the device must begin properly.
            message = "a tape begins with chain(0) and a tape-opened that names the device"
            return Unverified(batch.tape, "bad-opening", message)
        return TapeBatch(
            erasures=erasures,
            tape=batch.tape,
            stream=stream,
            device=batch.device,
            device_stream=stream_of_case("device", batch.device),
            device_version=device.version,
            previous=batch.previous,
            rows=rows,
            unreadable=unreadable,
            opened=opened,
            key=batch.key,
            signature=batch.signature,
            envelope=envelope,
        )


@lru_cache(KEYS_MAX)
def _public_key(text: str) -> PublicKey:
    return PublicKey(text)


def _refusal(batch: wire.Batch, device: DeviceCase, head: bytes) -> Unverified | None:
    if device.key is None:
        return Unverified(batch.tape, "unknown-device", f"{batch.device} is not enrolled here")
    if device.revoked:
        return Unverified(batch.tape, "revoked-device", f"{batch.device} was revoked")
    key = _public_key(device.key)
    if key.id != batch.key:
        return Unverified(batch.tape, "unknown-key", f"{batch.device} has the key {key.id}")
    last = batch.first + len(batch.reports) - 1
    message = batch_message(batch.tape, batch.first, last, batch.previous, head)
    if not key.signed(batch.signature, message):
        return Unverified(batch.tape, "bad-signature", "the signature does not fit the reports")
    return None


def printable(text: str) -> str:
    """Returns a text that any database and screen takes: it may quote what a stranger sent."""
    plain = text.encode("utf-8", "replace").decode()
    return "".join(char if char.isprintable() or char == " " else "?" for char in plain)


def _understand(report: bytes, number: int, device: str) -> tuple[Event, str | None]:
    """Reads a report; what cannot be read becomes an event that keeps its number."""
    try:
        event = read_report(report)
        if isinstance(event, TapeOpened) and (number != 1 or event.device != device):
            raise Malformed("a tape-opened stands at number 1 and names the device that signs")
    except Malformed as error:
        reason = printable(str(error))[:400]
        digest = hashlib.sha256(report).hexdigest()
        return ReportUnreadable(digest=digest, length=len(report), reason=reason), reason
    return event, None
