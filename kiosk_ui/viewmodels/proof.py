"""What the public part of an entry says, as words beside the fields of the record."""

from collections.abc import Iterable
from typing import Any

from kiosk_ui.language import Language
from kiosk_ui.viewmodels.recall import NAMELESS, line_words

# The names of reports as people say them.
TYPES = {
    "goods-received": "Goods were taken in", "goods-sold": "Goods were sold",
    "goods-returned": "Goods were returned", "goods-disposed": "Goods were disposed of",
    "goods-used": "Goods were used up", "stock-counted": "Stock was counted",
    "day-sales": "A day's sales were added up", "goods-transformed": "Goods were made of others",
    "certificate-filed": "A certificate was filed", "test-report-filed": "A test report was filed",
    "entry-corrected": "An entry was corrected", "stop-met": "Stopped goods were met at a stall",
    "recall-published": "A recall was published", "product-registered": "A product was registered",
    "merchant-registered": "A merchant was registered",
    "premises-added": "A place of a merchant was registered", "market-registered": "A market was registered",
    "device-enrolled": "A device joined", "device-revoked": "A device was revoked",
    "device-key-replaced": "A device got a new key", "mandate-granted": "A device was let report for a merchant",
    "mandate-withdrawn": "A device may report for a merchant no longer",
    "tape-opened": "A device began a tape", "tape-forked": "Two devices went on under one name",
    "tape-lost": "A device began a new tape before the old one was whole",
    "report-unreadable": "A report could not be read", "report-readmitted": "A report that could not be read counts now",
    "hold-placed": "Sale of goods was stopped", "hold-extended": "A stop of sale was made longer",
    "hold-released": "Goods may be sold again", "hold-became-recall": "A stop of sale became a recall",
    "recall-drafted": "A recall was drafted", "recall-checked": "A draft of a recall was checked",
    "recall-widened": "A recall names more goods", "recall-narrowed": "A recall names fewer goods",
    "recall-closed": "A recall was closed", "recall-withdrawn": "A recall was withdrawn",
    "recall-acknowledged": "A holder read a recall", "recall-answered": "A holder answered a recall",
    "recall-checks-drawn": "Holders to be visited were drawn", "recall-holder-checked": "A holder was visited",
    "recall-holder-called": "A holder was called", "recall-handed-over": "A list was handed to another authority",
    "alert-acknowledged": "An alert was seen", "alert-assigned": "An alert was given to somebody",
    "alert-commented": "An alert was remarked on", "alert-silenced": "An alert was silenced",
    "officer-corrected": "An officer corrected an entry", "deadline-passed": "A deadline passed",
    "day-began": "A market's day began", "ledger-restored": "The ledger was restored",
}  # fmt: skip


# A recall names up to a thousand lines; whoever checks one reads the rest in the entry itself.
NAMED_MAX = 40
RESULTS = ("passed", "failed")
NUMBERED = ("certificate-filed", "test-report-filed")


def entry_words(public: dict[str, Any], language: Language) -> list[tuple[str, str]]:
    """Returns the facts that a proof opens, each with its name."""
    word = language.word
    name = str(public.get("type", "")).partition(".")[0]
    stated = public.get("goods") or {}
    many = stated if isinstance(stated, list) else []
    goods: dict[str, Any] = {} if many else stated or {}
    recorded = public.get("recorded", {})
    told = [
        (word("What"), word(TYPES.get(name, "An entry was recorded"))),
        (word("Merchant"), public.get("merchant")),
        (word("Place"), public.get("premises")),
        (word("Device"), public.get("device")),
        (
            word("Product"),
            goods.get("gtin")
            or goods.get("item")
            or goods.get("product")
            or public.get("gtin")
            or _all(
                (many and (_line(one, language) for one in many)) or public.get("gtins", []),
                language,
            ),
        ),
        (word("Lot"), goods.get("lot") or _all(public.get("lots", []), language)),
        (word("Result"), word(public["result"]) if public.get("result") in RESULTS else None),
        (word("Number"), public.get("number") if name in NUMBERED else None),
        (word("Business day"), language.day(public.get("business_date"))),
        (word("Received by the ledger"), language.instant(recorded.get("received"))),
    ]
    return [(what, str(said)) for what, said in told if said]


def _line(goods: dict[str, Any], language: Language) -> str:
    """Says goods of a hold or recall as their label does; others as the record does, member by member."""
    if "product" in goods:
        return line_words(NAMELESS | goods, language)
    return " ".join(str(value) for name, value in goods.items() if value and name != "type")


def _all(named: Iterable[str], language: Language) -> str:
    """Returns all that is named; of very many the first, and how many more there are."""
    every = list(named)
    more = language.word("and {n} more, in the entry below").format(n=len(every) - NAMED_MAX)
    return ", ".join([*every[:NAMED_MAX], *([more] if len(every) > NAMED_MAX else [])])


def witnesses_of(checkpoint: str) -> list[str]:
    """Returns who signed a checkpoint beside its log, by name (C2SP tlog-checkpoint, signed notes)."""
    origin = checkpoint.partition("\n")[0]
    names = [line.split(" ")[1] for line in checkpoint.split("\n") if line.startswith("— ")]
    return [name for name in dict.fromkeys(names) if name != origin]
