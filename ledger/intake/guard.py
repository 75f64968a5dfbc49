"""The guard: a request is taken from who may make it, in nobody else's name."""

import logging
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from ledger.accounts.access_log import Noted, note, shortened
from ledger.events.cases import ProductRegistered
from ledger.intake.requests import Requests
from ledger.journal.cases import Cases
from ledger.limits import Buckets
from ledger.replication import committing
from ledger.rules.access import About, Reach, Resource, Subject, decide_access, reach
from ledger.rules.alert_work import AssignAlerts
from ledger.rules.aliases import ALIASES_SUBJECT, AliasCase, evolve_alias, goes_by
from ledger.rules.areas import AreaCase, chain_above, evolve_area
from ledger.rules.cards import CardCase, evolve_card
from ledger.rules.device import DeviceCase, evolve_device
from ledger.rules.refusal import Refusal
from ledger.rules.register import MerchantCase, ProductCase, evolve_merchant, evolve_product
from ledger.rules.request_access import Needs, author, checker, merchant_of, needs
from ledger.rules.requests import Request
from ledger.telling import TOLD_BURST, TOLD_PER_S

log = logging.getLogger("suyuan.intake")

# What the guard refuses by, as against what the rules of a case do.
TURNED_AWAY = ("role-lacks", "out-of-reach", "not-yourself", "second-not-signed-in")


class SeenAlerts(Protocol):
    """Tells whether a group of alerts, or all of it, is among what somebody may see."""

    def __call__(self, group: str, found: Reach, account: str, *, whole: bool) -> bool:
        """Returns whether there is such a group within this reach, or all of it."""
        ...


# Who an account is; None where there is none, or it is closed.
KnownPeople = Callable[[str], Subject | None]


class Askers(NamedTuple):
    """Who is signed in, and the second officer, where a request names one."""

    first: Subject
    second: Subject | None = None
    sign_in: str = ""


Note = Callable[[Askers, Request], None]


class PgRequestLog:
    """Notes in the access log who asked for what, about whom."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def __call__(self, askers: Askers, request: Request) -> None:
        """Notes a request that is about to be decided. Raises `JournalUnavailable`."""
        needed, tag = needs(request), str(request.__struct_config__.tag)
        own = reach(askers.first, needed.resource, "write").merchants
        words = f"{tag} {msgspec.json.encode(request).decode()}"
        # Whom it is about is noted as well where anybody may be named, such as who is called.
        named = {*needed.merchants, *filter(None, [merchant_of(request)])}
        self.add(askers, needed.resource, words, named - own)

    def add(self, askers: Askers, resource: Resource, words: str, others: Collection[str]) -> None:
        """Notes what somebody asked, with the merchants that are not their own. Raises `JournalUnavailable`."""
        entry = Noted(
            account=askers.first.account, sign_in=askers.sign_in, resource=resource,
            asked=shortened(words), merchants=tuple(sorted(others)),
        )  # fmt: skip
        with committing(self._dsn) as connection:
            note(connection, entry)


class Guard:
    """Holds requests to the table of access, by what the cases know of whom they are about."""

    def __init__(self, cases: Cases, alerts: SeenAlerts, people: KnownPeople) -> None:
        self._cases = cases
        self._alerts, self._people = alerts, people

    def refuse(self, askers: Askers, request: Request) -> Refusal | None:
        """Returns why this is not theirs to ask; None where it is."""
        if (refused := _named(askers, request)) is not None:
            return refused
        subject, needed = askers.first, needs(request)
        found = reach(subject, needed.resource, "write")
        if needed.group is not None and found.anything():
            whole = needed.whole_group
            if self._alerts(needed.group, found, subject.account, whole=whole):
                return self._refuse_assignee(found, request)
            some = (
                "some of these alerts are of others: comment on them"
                if whole
                else "it is of others"
            )
            return Refusal("out-of-reach", f"{needed.group}: {some}")
        for about in self._abouts(needed, found):
            refused = decide_access(subject, needed.resource, "write", about)
            if refused is not None:
                return refused
        return None

    def _refuse_assignee(self, asker: Reach, request: Request) -> Refusal | None:
        """Returns why alerts cannot be given to somebody: whom nobody knows, or who may not work on them.

        A merchant gives its alerts to its own people: it is not told which other accounts there are.
        """
        if not isinstance(request, AssignAlerts):
            return None
        person = self._people(request.to)
        found = reach(person, "alert", "write") if person else Reach()
        officer = asker.everything or asker.markets or asker.areas
        # A stall would see its own of several stalls' alerts, and nobody those of the others.
        whole = not (found.everything or found.markets or found.areas)
        known = officer or asker.merchants & found.merchants
        if (
            known
            and found.anything()
            and self._alerts(request.group, found, request.to, whole=whole)
        ):
            return None
        words = f"{request.to} is no account that may work on these alerts: name a colleague's"
        return Refusal("assignee-unfit", words)

    def refuse_invitation(
        self, askers: Askers, merchants: Sequence[str], replaced: DeviceCase | None
    ) -> Refusal | None:
        """Returns why somebody may not ask a device in for these merchants; None where they may.

        `replaced` is a device that shall go on with another key: who let it report first must be among
        theirs, too, or anybody could take it over; of one that nobody lets report, it takes all there is.
        Who let it report later cannot: that is their trust in it, not their device.
        """
        subject = askers.first
        found = reach(subject, "invitation", "write")
        if replaced is not None and replaced.owner is None:
            return decide_access(subject, "invitation", "write", About())
        named = {*merchants, replaced.owner} if replaced and replaced.owner else {*merchants}
        abouts = [self._about(one, found) for one in sorted(named)] or [About()]
        refusals = (decide_access(subject, "invitation", "write", about) for about in abouts)
        return next(filter(None, refusals), None)

    def _abouts(self, needed: Needs, found: Reach) -> list[About]:
        """Returns whom a request is about, each of whom must be in reach; of nobody, all there is."""
        districts = needed.districts
        if needed.area is not None:
            # Whoever has what it lies in may move it; what lies in nothing, nobody but for all.
            now = self._load("area", needed.area, AreaCase(needed.area), evolve_area).within
            return [self._within(one) for one in (now, *(districts or (None,)))]
        if districts:
            return [self._within(one) for one in districts]
        if needed.unowned is not None and self._device(needed.unowned).owner is None:
            # Whose device it is, is said by whom all of them concern, or by the invitation that it joins by.
            return [About()]
        merchants = needed.merchants
        if needed.product is not None:
            makers = self._makers(needed.product, needed.base)
            if makers is None:
                return [About()]
            merchants = tuple({*merchants, *makers})
        if needed.card is not None:
            linked = self._load("card", needed.card, CardCase(needed.card), evolve_card).merchant
            merchants = (linked,) if linked is not None else ()
        if merchants:
            return [self._about(one, found) for one in merchants]
        return [About(markets=frozenset({needed.market} if needed.market else ()))]

    def _makers(self, gtin: str, base: str | None) -> set[str] | None:
        """Returns whose word about a product's registration this is; None where it takes all there is.

        What a pack holds makes its goods those of another registration: that one must be its maker's, too, and once said
        it stays, or whoever is stopped could take its goods out of what was stopped.
        """
        makers = set()
        registered = self._registered(gtin)
        if registered is not None:
            if registered.maker is None or registered.base != base:
                return None
            makers.add(registered.maker)
        if base is not None:
            single = self._registered(base)
            if single is None or single.maker is None:
                return None
            makers.add(single.maker)
        return makers

    def _registered(self, gtin: str) -> ProductRegistered | None:
        case: ProductCase = self._load("product", gtin, ProductCase(gtin), evolve_product)
        return case.registered

    def _device(self, device: str) -> DeviceCase:
        case: DeviceCase = self._load("device", device, DeviceCase(device), evolve_device)
        return case

    def _about(self, merchant: str, found: Reach) -> About:
        """Returns a merchant as the register knows it, by whichever of its names it was granted."""
        aliases = self._load("aliases", ALIASES_SUBJECT, AliasCase(), evolve_alias)
        known = goes_by(aliases, merchant)
        names = {known, *(alias for alias in aliases.into if goes_by(aliases, alias) == known)}
        case = self._load("merchant", known, MerchantCase(known), evolve_merchant)
        if case.registered is None:
            # Who is in no register is every authority's to speak of.
            return About(frozenset({merchant}), areas=found.areas)
        own = found.merchants.intersection(names) or frozenset({known})
        return About(own, areas=frozenset(self._above(case.registered.district)))

    def _within(self, area: str | None) -> About:
        """Returns what lies in an area, for who has that or what is above it; in none, for no one's."""
        return About(areas=frozenset(self._above(area) if area is not None else ()))

    def _above(self, district: str) -> list[str]:
        """Returns a district and every area that it lies in."""
        return chain_above(
            district,
            lambda area: self._load("area", area, AreaCase(area), evolve_area).within,
        )

    def _load(self, kind: str, subject: str, empty: Any, evolve: Callable[..., Any]) -> Any:
        return self._cases.load(kind, subject, empty, evolve)


class GuardedRequests:
    """Requests as they come from outside: guarded, and on record before they are decided."""

    def __init__(self, guard: Guard, note: Note, requests: Requests) -> None:
        self._guard, self._note, self._requests = guard, note, requests
        self._told = Buckets(per_s=TOLD_PER_S, burst=TOLD_BURST, monotonic=time.monotonic)

    def take(self, askers: Askers, request: Request) -> Refusal | None:
        """Decides and records a request. Returns None when granted, else why not.

        Raises `Conflict` and `JournalUnavailable`.
        """
        if (refused := self._guard.refuse(askers, request)) is not None:
            about = {"account": askers.first.account, "code": refused.code}
            if not self._told.take(askers.first.account):
                log.warning("not theirs to ask: %s", request.__struct_config__.tag, extra=about)
            return refused
        self._note(askers, request)
        return self._requests.take(request)


def _named(askers: Askers, request: Request) -> Refusal | None:
    """Returns why a request speaks in the name of somebody who is not signed in."""
    by, second = author(request), checker(request)
    account = askers.first.account
    if by is not None and by != account:
        return Refusal("not-yourself", f"this is said by {by}, and {account} is signed in")
    if second is None:
        return None
    if askers.second is None or askers.second.account != second:
        return Refusal("second-not-signed-in", f"{second} has to sign in too, having checked it")
    return decide_access(askers.second, needs(request).resource, "write")
