"""Requests, decided on the state of their case and recorded."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledger.journal.cases import Cases
from ledger.rules.device import (
    DeviceCase,
    EnrollDevice,
    GrantMandate,
    RevokeDevice,
    WithdrawMandate,
    decide_device,
    evolve_device,
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
    RegisterMerchant,
    RegisterProduct,
    Request,
    decide_day,
    evolve_market,
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
    ) -> None:
        self._now = now
        self._cases = cases
        self._ledger_keys = ledger_keys
        self._changed = changed

    def take(self, request: Request) -> Refusal | None:
        """Decides and records a request. Returns None when granted, else why not.

        Raises `Conflict` when others kept changing the case.
        """
        match request:
            case RegisterMerchant(entry=entry) | AddPremises(entry=entry):
                subject = entry.merchant
                return self._handle("merchant", subject, MerchantCase(subject), evolve_merchant,
                                    lambda case: decide_merchant(case, entry))  # fmt: skip
            case RegisterProduct(entry=product):
                return self._handle("product", product.gtin, ProductCase(product.gtin), evolve_product,
                                    lambda case: decide_product(case, product))  # fmt: skip
            case BeginDay():
                return self._begin_day(request)
            case EnrollDevice() | GrantMandate() | WithdrawMandate() | RevokeDevice():
                refusal = self._handle(
                    "device", request.device, DeviceCase(request.device), evolve_device,
                    lambda case: decide_device(case, request, ledger_keys=self._ledger_keys),
                )  # fmt: skip
                self._changed(request.device)
                return refusal

    def _begin_day(self, request: BeginDay) -> Refusal | None:
        try:
            today = day_at(self._now(), ZoneInfo(request.zone))
        except (ZoneInfoNotFoundError, ValueError):
            return Refusal("zone-unknown", f"Name a zone such as Asia/Shanghai, not {request.zone}")
        if request.day > today:
            return Refusal("day-to-come", f"Begin {request.day} when it has come: it is {today}.")
        return self._handle("market-day", request.market, MarketCase(request.market), evolve_market,
                            lambda case: decide_day(case, request))  # fmt: skip

    def _handle(
        self, kind: str, subject: str, empty: Any, evolve: Any, decide: Callable[[Any], Any]
    ) -> Refusal | None:
        return self._cases.handle(kind, subject, empty, evolve, decide=decide)
