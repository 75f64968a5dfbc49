"""Requests, decided on the state of their case and recorded."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledger.events.cases import AreaStated, MarketRegistered, ProductRegistered, ProductRegisteredV1
from ledger.events.catalogue import upcast
from ledger.intake.recalls import RecallDesk
from ledger.journal.cases import Cases
from ledger.rules.alert_work import (
    AcknowledgeAlerts,
    AlertCase,
    AssignAlerts,
    CommentAlerts,
    SilenceAlerts,
    decide_alert,
    evolve_alert,
)
from ledger.rules.aliases import (
    ALIASES_SUBJECT,
    AliasCase,
    MergeMerchant,
    PartMerchant,
    decide_alias,
    evolve_alias,
)
from ledger.rules.areas import AreaCase, StateArea, chain_above, decide_area, evolve_area
from ledger.rules.cards import CardCase, LinkCard, UnlinkCard, decide_card, evolve_card
from ledger.rules.device import (
    DeviceCase,
    EnrollDevice,
    GrantMandate,
    ReplaceDeviceKey,
    RevokeDevice,
    WithdrawMandate,
    decide_device,
    evolve_device,
)
from ledger.rules.ledger_keys import (
    LEDGER_KEYS_SUBJECT,
    AnnounceLedgerKey,
    LedgerKeysCase,
    decide_ledger_key,
    evolve_ledger_keys,
)
from ledger.rules.officer import (
    CorrectEntry,
    OfficerCase,
    decide_officer,
    evolve_officer,
    subject_of_entry,
)
from ledger.rules.quarantine import (
    Held,
    QuarantineCase,
    ReadmitReport,
    decide_readmission,
    evolve_quarantine,
)
from ledger.rules.refusal import Refusal
from ledger.rules.register import (
    MerchantCase,
    ProductCase,
    decide_merchant,
    decide_product,
    evolve_merchant,
    evolve_product,
)
from ledger.rules.requests import (
    AddPremises,
    BeginDay,
    MarketCase,
    MarketDayCase,
    NearExpiryCase,
    RecallWork,
    RegisterMarket,
    RegisterMerchant,
    RegisterProduct,
    Request,
    StateNearExpiry,
    StateOwner,
    StateSalesMode,
    decide_day,
    decide_market,
    decide_near_expiry,
    evolve_day,
    evolve_market,
    evolve_near_expiry,
)
from ledger.values.day import day_at


class Requests:
    """Takes requests one at a time; the same request twice changes nothing."""

    def __init__(
        self,
        cases: Cases,
        ledger_keys: tuple[str, ...],
        changed: Callable[[str], None],
        now: Callable[[], datetime],
        held: Callable[[str, int], Held | None],
        *,
        ledger: str,
    ) -> None:
        self._now = now
        self._held = held
        self._cases = cases
        self._ledger, self._ledger_keys = ledger, ledger_keys
        self._changed = changed
        self.recalls = RecallDesk(cases, now)

    def take(self, request: Request) -> Refusal | None:
        """Decides and records a request. Returns None when granted, else why not.

        Raises `Conflict` when others kept changing the case.
        """
        if isinstance(request, RecallWork):
            return self.recalls.take(request)
        match request:
            case (
                RegisterMerchant(entry=entry) | StateOwner(entry=entry)
                | AddPremises(entry=entry) | StateSalesMode(entry=entry)
            ):  # fmt: skip
                subject = entry.merchant
                return self._record("merchant", subject, MerchantCase(subject), evolve_merchant,
                                    lambda case: decide_merchant(case, entry))  # fmt: skip
            case RegisterProduct(entry=stated):
                product = _newest(stated)
                gtin = product.gtin
                return self._record("product", gtin, ProductCase(gtin), evolve_product,
                                    lambda case: decide_product(case, product))  # fmt: skip
            case RegisterMarket() | StateNearExpiry() | BeginDay():
                return self._of_market(request)
            case StateArea(entry=area):
                return self._state_area(area)
            case AnnounceLedgerKey():
                return self._record(
                    "ledger", LEDGER_KEYS_SUBJECT, LedgerKeysCase(), evolve_ledger_keys,
                    lambda case: decide_ledger_key(
                        case, request, ledger=self._ledger, first=self._ledger_keys[0]
                    ),
                )  # fmt: skip
            case LinkCard() | UnlinkCard():
                registered = isinstance(request, LinkCard) and self._knows(request.merchant)
                return self._record(
                    "card", request.card, CardCase(request.card), evolve_card,
                    lambda case: decide_card(case, request, registered=registered),
                )  # fmt: skip
            case CorrectEntry(entry=correction):
                return self._record("officer", about := subject_of_entry(correction),
                                    OfficerCase(about), evolve_officer,
                                    lambda case: decide_officer(case, correction))  # fmt: skip
            case MergeMerchant() | PartMerchant():
                return self._merge(request)
            case ReadmitReport():
                return self._readmit(request)
            case AcknowledgeAlerts() | AssignAlerts() | CommentAlerts() | SilenceAlerts():
                group = request.group
                return self._record("alert", group, AlertCase(group), evolve_alert,
                                    lambda case: decide_alert(case, request, now=self._now()))  # fmt: skip
            case (
                EnrollDevice() | ReplaceDeviceKey() | GrantMandate()
                | WithdrawMandate() | RevokeDevice()
            ):  # fmt: skip
                refusal = self._record(
                    "device", request.device, DeviceCase(request.device), evolve_device,
                    lambda case: decide_device(case, request, ledger_keys=self._ledger_keys),
                )  # fmt: skip
                self._changed(request.device)
                return refusal

    def device(self, device: str) -> DeviceCase:
        """Returns what is on record of a device."""
        return self._cases.load("device", device, DeviceCase(device), evolve_device)

    def _knows(self, merchant: str) -> bool:
        empty = MerchantCase(merchant)
        return self._cases.load("merchant", merchant, empty, evolve_merchant).registered is not None

    def _merge(self, request: MergeMerchant | PartMerchant) -> Refusal | None:
        named = (request.merchant, request.into) if isinstance(request, MergeMerchant) else ()
        unknown = next((name for name in named if not self._knows(name)), None)
        return self._record("aliases", ALIASES_SUBJECT, AliasCase(), evolve_alias,
                            lambda case: decide_alias(case, request, unregistered=unknown))  # fmt: skip

    def _of_market(self, request: RegisterMarket | StateNearExpiry | BeginDay) -> Refusal | None:
        match request:
            case RegisterMarket(entry=market):
                return self._register_market(market)
            case StateNearExpiry(entry=table):
                return self._record("near-expiry", table.market, NearExpiryCase(table.market),
                                    evolve_near_expiry,
                                    lambda case: decide_near_expiry(case, table))  # fmt: skip
            case BeginDay():
                return self._begin_day(request)

    def _register_market(self, entry: MarketRegistered) -> Refusal | None:
        if isinstance(zone := _zone(entry.zone), Refusal):
            return zone
        return self._record("market", entry.market, MarketCase(entry.market), evolve_market,
                            lambda case: decide_market(case, entry))  # fmt: skip

    def _state_area(self, entry: AreaStated) -> Refusal | None:
        above = chain_above(
            entry.within,
            lambda area: self._cases.load("area", area, AreaCase(area), evolve_area).within,
        )
        return self._record("area", entry.area, AreaCase(entry.area), evolve_area,
                            lambda case: decide_area(case, entry, above))  # fmt: skip

    def _readmit(self, request: ReadmitReport) -> Refusal | None:
        held = self._held(request.stream, request.number)
        name = held.device if held else ""
        device = self.device(name)
        subject = f"{request.stream}/{request.number}"
        return self._record("quarantine", subject, QuarantineCase(subject), evolve_quarantine,
                            lambda case: decide_readmission(case, request, held, device))  # fmt: skip

    def _begin_day(self, request: BeginDay) -> Refusal | None:
        market = self._cases.load(
            "market", request.market, MarketCase(request.market), evolve_market
        )
        if market.registered is not None:
            # The market's own zone decides, whatever the asker thinks.
            request = BeginDay(request.market, request.day, market.registered.zone)
        zone = _zone(request.zone)
        if isinstance(zone, Refusal):
            return zone
        today = day_at(self._now(), zone)
        if request.day > today:
            return Refusal("day-to-come", f"Begin {request.day} when it has come: it is {today}.")
        return self._record("market-day", request.market, MarketDayCase(request.market),
                            evolve_day, lambda case: decide_day(case, request))  # fmt: skip

    def _record(
        self, kind: str, subject: str, empty: Any, evolve: Any, decide: Callable[[Any], Any]
    ) -> Refusal | None:
        return self._cases.handle(kind, subject, empty, evolve, decide=decide)


def _newest(old: ProductRegistered | ProductRegisteredV1) -> ProductRegistered:
    newest = upcast(old)
    assert isinstance(newest, ProductRegistered)
    return newest


def _zone(name: str) -> ZoneInfo | Refusal:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return Refusal("zone-unknown", f"Name a zone such as Asia/Shanghai, not {name}")
