"""The register: a merchant's owner, stated with the merchant or later."""

from ledger.events.cases import MerchantOwnerStated, MerchantRegistered
from ledger.rules.refusal import Refusal
from ledger.rules.register import MerchantCase, decide_merchant, evolve_merchant
from tests.support.line import Line

CARD = "5e4d3c2b-1a09-4f8e-9d7c-6b5a49382716"
MERCHANT = MerchantRegistered(merchant="m-1", name="张记", kind="retailer", district="d")
OWNER = MerchantOwnerStated(merchant="m-1", owner_card=CARD, by="officer-1")


def test_an_owners_card_is_stated_after_registration_once() -> None:
    unknown = MerchantCase("m-1")
    case = evolve_merchant(unknown, MERCHANT)

    assert isinstance(decide_merchant(unknown, OWNER), Refusal)
    assert decide_merchant(case, OWNER) == [OWNER]
    assert decide_merchant(evolve_merchant(case, OWNER), OWNER) == []


def test_the_ledgers_find_a_merchants_address_by_the_card_stated_last() -> None:
    line = Line()
    line.case("merchant", "m-1", MERCHANT, OWNER)

    (row,) = line.rows("merchants")

    assert row.owner_card == CARD
