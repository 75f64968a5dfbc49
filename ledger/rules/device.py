"""Devices: enrolment, mandates and revocation."""

from datetime import date

import msgspec

from ledger.events.base import Event, Id, LongText, ShortText
from ledger.events.cases import (
    DeviceEnrolled,
    DeviceKeyReplaced,
    DeviceRevoked,
    MandateGranted,
    MandateWithdrawn,
)
from ledger.rules.refusal import Refusal
from ledger.values.keys import PublicKey


class Mandate(msgspec.Struct, frozen=True):
    """A merchant's leave to report for it, from a day on and perhaps until one (inclusive)."""

    merchant: str
    valid_from: date
    valid_until: date | None


class DeviceCase(msgspec.Struct, frozen=True):
    """What is known of a device; `version` counts the events of its case."""

    device: str
    version: int = 0
    key: str | None = None
    mandates: tuple[Mandate, ...] = ()
    revoked: bool = False
    # Who let it report first: whose device it is, whoever trusts it later or no more.
    owner: str | None = None

    def may_report_for(self, merchant: str, day: date) -> bool:
        """Tells whether a mandate of the merchant covers the day."""
        return any(
            mandate.merchant == merchant
            and mandate.valid_from <= day
            and (mandate.valid_until is None or day <= mandate.valid_until)
            for mandate in self.mandates
        )


class EnrollDevice(msgspec.Struct, frozen=True, kw_only=True, tag="enroll-device"):
    """Asks that a device with its own key may report."""

    device: Id
    key: str
    name: ShortText


class GrantMandate(msgspec.Struct, frozen=True, kw_only=True, tag="grant-mandate"):
    """Asks that a device may report for a merchant."""

    device: Id
    merchant: Id
    valid_from: date
    valid_until: date | None = None


class WithdrawMandate(msgspec.Struct, frozen=True, kw_only=True, tag="withdraw-mandate"):
    """Asks that a device no longer reports for a merchant from a day on."""

    device: Id
    merchant: Id
    from_day: date


class RevokeDevice(msgspec.Struct, frozen=True, kw_only=True, tag="revoke-device"):
    """Asks that a device's key is no longer trusted."""

    device: Id
    reason: LongText


class ReplaceDeviceKey(msgspec.Struct, frozen=True, kw_only=True, tag="replace-device-key"):
    """Asks that an enrolled device which lost its key goes on with another, and its mandates."""

    device: Id
    key: str
    reason: LongText


DeviceRequest = EnrollDevice | ReplaceDeviceKey | GrantMandate | WithdrawMandate | RevokeDevice


def decide_device(
    case: DeviceCase, request: DeviceRequest, *, ledger_keys: tuple[str, ...]
) -> list[Event] | Refusal:
    """Decides a request about a device; the same request twice changes nothing."""
    if isinstance(request, EnrollDevice):
        return _decide_enrolment(case, request, ledger_keys)
    if case.key is None:
        return Refusal("device-unknown", f"Enroll {case.device} first: suyuan enroll.")
    match request:
        case ReplaceDeviceKey():
            return _decide_new_key(case, request, ledger_keys)
        case GrantMandate():
            return _decide_grant(case, request)
        case WithdrawMandate():
            held = any(m.merchant == request.merchant for m in case.mandates)
            fields = {name: getattr(request, name) for name in request.__struct_fields__}
            return [MandateWithdrawn(**fields)] if held else []
        case RevokeDevice():
            if case.revoked:
                return []
            return [DeviceRevoked(device=case.device, reason=request.reason)]


def evolve_device(case: DeviceCase, event: Event) -> DeviceCase:
    """Returns the case after one of its events."""
    case = msgspec.structs.replace(case, version=case.version + 1)
    match event:
        case DeviceEnrolled() | DeviceKeyReplaced():
            return msgspec.structs.replace(case, key=event.key)
        case MandateGranted():
            mandate = Mandate(event.merchant, event.valid_from, event.valid_until)
            owner = case.owner or event.merchant
            return msgspec.structs.replace(case, mandates=(*case.mandates, mandate), owner=owner)
        case MandateWithdrawn():
            return msgspec.structs.replace(case, mandates=_ended(case.mandates, event))
        case DeviceRevoked():
            return msgspec.structs.replace(case, revoked=True)
    raise TypeError(f"{type(event).__name__} is no event of a device")


def _decide_enrolment(
    case: DeviceCase, request: EnrollDevice, ledger_keys: tuple[str, ...]
) -> list[Event] | Refusal:
    if (refusal := _unfit_key(case, request.key)) is not None:
        return refusal
    if case.key is not None:
        if case.key == request.key:
            return []
        return Refusal(
            "device-taken",
            f"Another key is enrolled as {case.device}: take another name, or --again.",
        )
    enrolled = DeviceEnrolled(
        device=request.device, key=request.key, ledger_keys=ledger_keys, name=request.name
    )
    return [enrolled]


def _decide_new_key(
    case: DeviceCase, request: ReplaceDeviceKey, ledger_keys: tuple[str, ...]
) -> list[Event] | Refusal:
    if (refusal := _unfit_key(case, request.key)) is not None:
        return refusal
    if case.key == request.key:
        return []
    return [DeviceKeyReplaced(
        device=request.device, key=request.key, ledger_keys=ledger_keys, reason=request.reason
    )]  # fmt: skip


def _unfit_key(case: DeviceCase, key: str) -> Refusal | None:
    try:
        PublicKey(key)
    except ValueError as error:
        return Refusal("key-invalid", str(error))
    if case.revoked:
        return Refusal("device-revoked", f"Enroll under another name than {case.device}.")
    return None


def _decide_grant(case: DeviceCase, request: GrantMandate) -> list[Event] | Refusal:
    if case.revoked:
        return Refusal("device-revoked", "A revoked device gets no mandate: enroll another.")
    wanted = Mandate(request.merchant, request.valid_from, request.valid_until)
    if wanted in case.mandates:
        return []
    return [
        MandateGranted(
            device=case.device,
            merchant=request.merchant,
            valid_from=request.valid_from,
            valid_until=request.valid_until,
        )
    ]


def _ended(mandates: tuple[Mandate, ...], event: MandateWithdrawn) -> tuple[Mandate, ...]:
    # A mandate ends the day before; one that would end before it began is gone.
    last = date.fromordinal(max(1, event.from_day.toordinal() - 1))
    ended = []
    for mandate in mandates:
        if mandate.merchant != event.merchant:
            ended.append(mandate)
        elif mandate.valid_from <= last:
            until = min(last, mandate.valid_until or last)
            ended.append(Mandate(mandate.merchant, mandate.valid_from, until))
    return tuple(ended)
