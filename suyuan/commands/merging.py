"""`merge`: a merchant or a card that turns out to be a registered merchant, and back."""

import argparse
import json
import uuid
from typing import Any

from ledger.rules.aliases import MergeMerchant, PartMerchant
from ledger.rules.cards import LinkCard, UnlinkCard
from suyuan.commands import Failed
from suyuan.commands.requesting import add_who, send


def add_merge(verbs: Any) -> None:
    """`merge`: whom somebody is found to be."""
    verb = verbs.add_parser(
        "merge",
        help="a merchant registered twice, or a counterparty's card, is found to be another",
    )
    verb.add_argument("who", help="a merchant's id, or the reference of a card")
    verb.add_argument("into", nargs="?", help="the merchant it is; its books go by this name")
    verb.add_argument("--undo", action="store_true", help="it was not: apart again")
    add_who(verb)
    verb.add_argument("--note", required=True, help="how it is known, such as the same licence")
    verb.add_argument("--intake", help="intake's address; else the one of the settings")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_merge)


def run_merge(stated: argparse.Namespace) -> int:
    """Asks the ledger to put on record who is who; what was entered stays as it was entered."""
    if stated.undo == (stated.into is not None):
        raise Failed("say whom it is merged into, or --undo")
    send(stated, [_request(stated)])
    said = f"{stated.who} stands for itself" if stated.undo else f"{stated.who} is {stated.into}"
    words = {"ok": True, "who": stated.who, "into": stated.into}
    print(json.dumps(words) if stated.json else said)
    return 0


def _request(stated: argparse.Namespace) -> Any:
    said = {"by": stated.by, "note": stated.note}
    card = _card(stated.who)
    if stated.undo:
        return UnlinkCard(card=card, **said) if card else PartMerchant(merchant=stated.who, **said)
    if card:
        return LinkCard(card=card, merchant=stated.into, **said)
    return MergeMerchant(merchant=stated.who, into=stated.into, **said)


def _card(who: str) -> str | None:
    """Returns a card's reference in its plain form; None for what names a merchant."""
    try:
        return str(uuid.UUID(who))
    except ValueError:
        return None


VERBS = (add_merge,)
