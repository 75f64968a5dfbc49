"""What the public part of an entry says, as words beside the fields of the record."""

from typing import Any

from kiosk_ui.language import Language

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
}  # fmt: skip


NAMED_MAX = 6
RESULTS = ("passed", "failed")
NUMBERED = ("certificate-filed", "test-report-filed")


def entry_words(
    public: dict[str, Any], language: Language, named: str = ""
) -> list[tuple[str, str]]:
    """Returns the facts that a proof opens, each with its name; `named` is what the goods are called now."""
    word = language.word
    name = str(public.get("type", "")).partition(".")[0]
    told_goods = public.get("goods") or {}
    # A hold or recall names many; the first stands for them here, all stand in the entry below.
    goods: dict[str, Any] = told_goods[0] if isinstance(told_goods, list) else told_goods
    recorded = public.get("recorded", {})
    told = [
        (word("What"), word(TYPES.get(name, "An entry was recorded"))),
        (word("Merchant"), public.get("merchant")),
        (word("Place"), public.get("premises")),
        (word("Called now"), named),
        (
            word("Product"),
            goods.get("gtin")
            or goods.get("item")
            or goods.get("product")
            or public.get("gtin")
            or ", ".join(public.get("gtins", [])[:NAMED_MAX]),
        ),
        (word("Lot"), goods.get("lot") or ", ".join(public.get("lots", [])[:NAMED_MAX])),
        (word("Result"), word(public["result"]) if public.get("result") in RESULTS else None),
        (word("Number"), public.get("number") if name in NUMBERED else None),
        (word("Business day"), language.day(public.get("business_date"))),
        (word("Received by the ledger"), language.instant(recorded.get("received"))),
    ]
    return [(what, str(said)) for what, said in told if said]


def witnesses_of(checkpoint: str) -> list[str]:
    """Returns who signed a checkpoint beside its log, by name (C2SP tlog-checkpoint, signed notes)."""
    origin = checkpoint.partition("\n")[0]
    names = [line.split(" ")[1] for line in checkpoint.split("\n") if line.startswith("— ")]
    return [name for name in dict.fromkeys(names) if name != origin]
