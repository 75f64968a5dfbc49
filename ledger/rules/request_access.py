"""What a request needs: which cell of the table of access, over whom, and in whose name it is made."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ledger.rules.access import Resource
from ledger.rules.alert_work import AcknowledgeAlerts, AssignAlerts, CommentAlerts, SilenceAlerts
from ledger.rules.aliases import MergeMerchant, PartMerchant
from ledger.rules.areas import StateArea
from ledger.rules.cards import LinkCard, UnlinkCard
from ledger.rules.device import (
    EnrollDevice,
    GrantMandate,
    ReplaceDeviceKey,
    RevokeDevice,
    WithdrawMandate,
)
from ledger.rules.holds import ExtendHold, PlaceHold, ReleaseHold
from ledger.rules.ledger_keys import AnnounceLedgerKey
from ledger.rules.officer import CorrectEntry
from ledger.rules.quarantine import ReadmitReport
from ledger.rules.recall_holders import (
    AcknowledgeRecall,
    AnswerRecall,
    CallHolder,
    CheckHolder,
    DrawChecks,
    HandOverRecall,
    StateWorkingDays,
)
from ledger.rules.recalls import (
    CheckRecall,
    CloseRecall,
    DraftRecall,
    NarrowRecall,
    PublishRecall,
    WidenRecall,
    WithdrawRecall,
)
from ledger.rules.requests import (
    AddPremises,
    BeginDay,
    RegisterMarket,
    RegisterMerchant,
    RegisterProduct,
    Request,
    StateNearExpiry,
    StateOwner,
    StateSalesMode,
)


class Needs(NamedTuple):
    """The resource that a request writes, and what of it, each of which must be in reach.

    `districts` are those of a merchant that is not in the register yet, or areas themselves; `group`
    is one of alerts, of which all have to be the asker's unless it is `whole_group` no longer; `card`
    stands for the merchant it is linked to, `area` for what it lies in now, `product` and the `base` that it
    is a pack of for their makers so far; `unowned` is a device that is about all there is while it is nobody's.
    What names nothing is about all there is.
    """

    resource: Resource
    merchants: tuple[str, ...] = ()
    market: str | None = None
    districts: tuple[str, ...] = ()
    group: str | None = None
    whole_group: bool = True
    card: str | None = None
    area: str | None = None
    product: str | None = None
    base: str | None = None
    unowned: str | None = None


# The resource that each request writes; a test holds it to what may be asked.
WRITES: Mapping[type, Resource] = {
    RegisterMerchant: "register", StateOwner: "register", StateSalesMode: "register",
    AddPremises: "register", RegisterMarket: "market", StateNearExpiry: "market",
    BeginDay: "market", MergeMerchant: "register", PartMerchant: "register", LinkCard: "register",
    UnlinkCard: "register", StateArea: "area", AnnounceLedgerKey: "ledger-key", RegisterProduct: "product",
    CorrectEntry: "correction", ReadmitReport: "quarantine",
    AcknowledgeAlerts: "alert", AssignAlerts: "alert", CommentAlerts: "alert", SilenceAlerts: "alert",
    EnrollDevice: "device", ReplaceDeviceKey: "device", RevokeDevice: "device",
    GrantMandate: "mandate", WithdrawMandate: "mandate",
    PlaceHold: "hold", ExtendHold: "hold", ReleaseHold: "hold",
    DraftRecall: "recall", CheckRecall: "recall", PublishRecall: "recall", WidenRecall: "recall",
    NarrowRecall: "recall", WithdrawRecall: "recall", CloseRecall: "recall",
    StateWorkingDays: "recall", AcknowledgeRecall: "recall-task", AnswerRecall: "recall-task",
    CallHolder: "recall-check", CheckHolder: "recall-check", DrawChecks: "recall-check",
    HandOverRecall: "recall-check",
}  # fmt: skip


def merchant_of(request: Request) -> str | None:
    """Returns the merchant that a request names, whether or not that decides who may make it."""
    return _said(request, "merchant")


def needs(request: Request) -> Needs:
    """Returns what a request needs of the table of access."""
    resource = WRITES[type(request)]
    match request:
        case RegisterMerchant(entry=entry):
            return Needs(resource, districts=(entry.district,))
        case StateArea(entry=entry):
            return Needs(
                resource, area=entry.area, districts=(entry.within,) if entry.within else ()
            )
        case RegisterProduct(entry=entry):
            makers = (entry.maker,) if entry.maker else ()
            return Needs(resource, makers, product=entry.gtin, base=getattr(entry, "base", None))
        case GrantMandate(device=device, merchant=merchant):
            return Needs(resource, (merchant,), unowned=device)
        case MergeMerchant(merchant=merchant, into=into):
            return Needs(resource, (merchant, into))
        case UnlinkCard(card=card):
            return Needs(resource, card=card)
        case AddPremises(entry=entry):
            return Needs(resource, (entry.merchant,))
        case CommentAlerts(group=group):
            return Needs(resource, group=group, whole_group=False)
        case AcknowledgeAlerts() | AssignAlerts() | SilenceAlerts():
            return Needs(resource, group=request.group)
        case CallHolder() | CheckHolder():
            # Whom a recall reaches is called and visited wherever they are.
            return Needs(resource)
    named = _said(request, "merchant")
    return Needs(resource, (named,) if named else (), _said(request, "market"))


def author(request: Request) -> str | None:
    """Returns in whose name a request is made, where it says so."""
    return _said(request, "by")


def checker(request: Request) -> str | None:
    """Returns the second officer that a request names as having checked it."""
    return _said(request, "checked_by")


def _said(request: Any, name: str) -> str | None:
    found: str | None = getattr(request, name, None) or getattr(
        getattr(request, "entry", None), name, None
    )
    return found
