"""Joining: who may asks a device in, and the device joins once, with a key that it made itself."""

import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import psycopg

from ledger.accounts.invitations import (
    CODE_BYTES,
    LIFE,
    LIFE_MAX,
    Invitation,
    PgInvitations,
    UsedInvitation,
)
from ledger.devices.authority import Authority
from ledger.devices.broker_access import client_name
from ledger.errors import Malformed
from ledger.events import wire
from ledger.intake.guard import Askers, Guard, PgRequestLog
from ledger.intake.requests import Requests
from ledger.replication import committing
from ledger.rules.access import reach
from ledger.rules.device import (
    DeviceCase,
    DeviceRequest,
    EnrollDevice,
    GrantMandate,
    ReplaceDeviceKey,
)
from ledger.rules.refusal import Refusal
from ledger.values.keys import PublicKey

log = logging.getLogger("suyuan.intake")

MERCHANTS_MAX = 64


class InvitationWish(NamedTuple):
    """Which device shall join, for whom from which day, how long the code is good, and why again."""

    device: str
    merchants: Sequence[str]
    since: date
    again: str = ""
    minutes: int | None = None


class Welcome(NamedTuple):
    """What a device is told when it joins: the ledger with its keys and clock, and the broker.

    The broker is an address and the authority (PEM) that it is checked by; the clock is the ledger's,
    which a demonstration may turn.
    """

    ledger: str
    keys: tuple[str, ...]
    log_key: Callable[[], str | None]
    now: Callable[[], datetime]
    broker: str
    broker_authority: str | None


class Joining:
    """Asks devices in and lets them join. Each of its doings is a transaction of its own."""

    def __init__(
        self,
        dsn: str,
        requests: Requests,
        *,
        guard: Guard,
        note: PgRequestLog,
        authority: Authority | None,
        welcome: Welcome,
        now: Callable[[], datetime],
        entropy: Callable[[int], bytes],
    ) -> None:
        """`now` is this machine's own clock, by which codes end; without `authority` there are no certificates."""
        self._dsn, self._requests = dsn, requests
        self._guard, self._note = guard, note
        self._authority, self._welcome = authority, welcome
        self._now, self._entropy = now, entropy

    def invite(self, askers: Askers, wish: InvitationWish) -> tuple[bytes, Invitation] | Refusal:
        """Returns the code of a new invitation, which is not kept, or why there is none.

        Raises `JournalUnavailable` while it cannot be put on record who asked.
        """
        case = self._requests.device(wish.device)
        if (refused := self._refuse(askers, wish, case)) is not None:
            log.warning("not theirs to ask in: %s", refused.code, extra={
                "account": askers.first.account, "device": wish.device})  # fmt: skip
            return refused
        code, now = self._entropy(CODE_BYTES), self._now()
        life = timedelta(minutes=wish.minutes) if wish.minutes is not None else LIFE
        invitation = Invitation(
            wish.device, tuple(dict.fromkeys(wish.merchants)), wish.since, wish.again,
            askers.first.account, now + min(life, LIFE_MAX),
        )  # fmt: skip
        own = reach(askers.first, "invitation", "write").merchants
        words = f"invite-device {wish.device} for {', '.join(wish.merchants) or 'nobody'}"
        again = f", again: {wish.again}" if wish.again else ""
        self._note.add(askers, "invitation", words + again, set(wish.merchants) - own)
        with committing(self._dsn) as connection:
            PgInvitations(connection).add(code, invitation, now)
        return code, invitation

    def open_ones(self, askers: Askers) -> list[Invitation]:
        """Returns the open invitations that the asker could have made."""
        return [
            one for one in self._all_open()
            if self._guard.refuse_invitation(askers, one.merchants, None) is None
        ]  # fmt: skip

    def _all_open(self) -> list[Invitation]:
        with psycopg.connect(self._dsn) as connection:
            return PgInvitations(connection).open_ones(self._now())

    def withdraw(self, askers: Askers, device: str) -> bool:
        """Ends the open invitation of a device; False where the asker has none such."""
        if device not in {one.device for one in self.open_ones(askers)}:
            return False
        with committing(self._dsn) as connection:
            return PgInvitations(connection).withdraw(device)

    def join(self, form: wire.Enrolment) -> wire.Enrolled | Refusal:
        """Lets a device join that shows the code of its invitation and that it has its key.

        Asked again with the same code and key it answers the same. Raises `Malformed` for a key or
        request that is none, `Conflict` and `JournalUnavailable`.
        """
        message = wire.enrolment_message(form.code, form.key, form.request)
        if not _key(form.key).signed(form.signature, message):
            return Refusal("bad-signature", "Sign code, key and request with the device's own key.")
        if form.request:
            # Found out before the code is used up.
            self._certify(form.request, "checked")
        with committing(self._dsn) as connection:
            used = PgInvitations(connection).use(form.code, form.key, self._now())
        if used is None:
            return _OVER
        invitation = used.invitation
        if (refused := self._take(used, form)) is not None:
            return refused
        told, named = self._welcome, client_name(invitation.device, form.key)
        return wire.Enrolled(
            ledger=told.ledger, device=invitation.device, merchants=invitation.merchants,
            keys=told.keys, log=told.log_key(), time=told.now(), mqtt=told.broker,
            authority=told.broker_authority,
            certificate=self._certify(form.request, named) if form.request else None,
        )  # fmt: skip

    def _take(self, used: UsedInvitation, form: wire.Enrolment) -> Refusal | None:
        """Puts on record what an invitation stands for, once, as far as its maker still may."""
        invitation = used.invitation
        case = self._requests.device(invitation.device)
        if used.done:
            # An answer was lost. Whatever became of the device since then stays as it is.
            return None if case.key == form.key and not case.revoked else _OVER
        replaced = case if invitation.again else None
        maker = Askers(used.maker)
        if self._guard.refuse_invitation(maker, invitation.merchants, replaced) is not None:
            return _OVER
        for request in _requests_of(invitation, form.key):
            if (refused := self._requests.take(request)) is not None:
                return refused
        with committing(self._dsn) as connection:
            PgInvitations(connection).done(form.code)
        return None

    def certify_again(
        self, form: wire.CertificateRequest, case: DeviceCase
    ) -> str | Refusal | None:
        """Returns a newer certificate for a device that is enrolled; None where there are none.

        Raises `Malformed` for a request that is none.
        """
        message = wire.certificate_request_message(form.device, form.request)
        if case.key is None or case.revoked or not _key(case.key).signed(form.signature, message):
            return Refusal("bad-signature", "Sign the request with the device's own key.")
        return self._certify(form.request, client_name(form.device, case.key))

    def _certify(self, request: bytes, device: str) -> str | None:
        if self._authority is None:
            return None
        try:
            return self._authority.certify_device(request, device, self._now()).decode()
        except ValueError as error:
            raise Malformed(str(error)) from error

    def _refuse(self, askers: Askers, wish: InvitationWish, case: DeviceCase) -> Refusal | None:
        if len(wish.merchants) > MERCHANTS_MAX:
            return Refusal("too-many", f"A device reports for at most {MERCHANTS_MAX} at first.")
        replaced = case if wish.again and case.key is not None else None
        if (refused := self._guard.refuse_invitation(askers, wish.merchants, replaced)) is not None:
            return refused
        if case.revoked:
            return Refusal("device-revoked", f"{wish.device} was revoked: take another name.")
        if wish.again and case.key is None:
            return Refusal(
                "device-unknown", f"{wish.device} was never enrolled: leave out --again."
            )
        if not wish.again and case.key is not None:
            return Refusal(
                "device-taken", f"{wish.device} is enrolled: take another name, or --again REASON."
            )
        for one in self._all_open():
            # A code that somebody else waits for is not ended by whoever likes the name.
            mine = self._guard.refuse_invitation(askers, one.merchants, replaced) is None
            if one.device == wish.device and not mine:
                return Refusal(
                    "device-taken", f"{wish.device} is asked in by others: take another name."
                )
        return None


_OVER = Refusal(
    "invitation-over", "This code is not good, or no longer: ask for another invitation."
)


def _requests_of(invitation: Invitation, key: str) -> list[DeviceRequest]:
    """Returns what an invitation stands for: a device with this key, and its mandates."""
    device = invitation.device
    joins: DeviceRequest = EnrollDevice(device=device, key=key, name=device)
    if invitation.again:
        joins = ReplaceDeviceKey(device=device, key=key, reason=invitation.again)
    mandates = [
        GrantMandate(device=device, merchant=one, valid_from=invitation.since)
        for one in invitation.merchants
    ]
    return [joins, *mandates]


def _key(text: str) -> PublicKey:
    try:
        return PublicKey(text)
    except ValueError as error:
        raise Malformed(str(error)) from error
