"""The ledger's keys: each is announced by the one before it, and devices follow that chain alone."""

from itertools import pairwise

import pytest

from ledger.events import wire
from ledger.rules.ledger_keys import (
    AnnounceLedgerKey,
    LedgerKeysCase,
    decide_ledger_key,
    evolve_ledger_keys,
    trusted_after,
)
from ledger.rules.refusal import Refusal
from ledger.values.keys import SigningKey, succession_message

FIRST, SECOND, THIRD, STRANGER = (SigningKey(bytes([n]) * 32) for n in range(1, 5))


def announced(new: SigningKey, by: SigningKey, ledger: str = "local") -> AnnounceLedgerKey:
    signature = by.sign(succession_message(ledger, new.public))
    return AnnounceLedgerKey(key=new.public, signature=signature, reason="every year")


def decided(case: LedgerKeysCase, request: AnnounceLedgerKey) -> LedgerKeysCase | Refusal:
    found = decide_ledger_key(case, request, ledger="local", first=FIRST.public)
    if isinstance(found, Refusal):
        return found
    for event in found:
        case = evolve_ledger_keys(case, event)
    return case


def chain(*keys: SigningKey) -> tuple[wire.KeyLink, ...]:
    return tuple(
        wire.KeyLink(
            key=new.public, by=old.public,
            signature=old.sign(succession_message("local", new.public)),
        )
        for old, new in pairwise(keys)
    )  # fmt: skip


def test_a_key_counts_that_the_one_in_force_has_signed() -> None:
    once = decided(LedgerKeysCase(), announced(SECOND, FIRST))
    assert isinstance(once, LedgerKeysCase)
    twice = decided(once, announced(THIRD, SECOND))

    assert isinstance(twice, LedgerKeysCase)
    assert [link.key for link in twice.links] == [SECOND.public, THIRD.public]
    assert decided(twice, announced(SECOND, FIRST)) == twice, "said again it changes nothing"


@pytest.mark.parametrize(
    "request_",
    [
        announced(STRANGER, STRANGER), announced(SECOND, STRANGER),
        announced(SECOND, FIRST, ledger="another"),
        AnnounceLedgerKey(key="ed25519:AA", signature=b"", reason="x"),
    ],
)  # fmt: skip
def test_nobody_else_names_the_ledgers_next_key(request_: AnnounceLedgerKey) -> None:
    found = decided(LedgerKeysCase(), request_)

    assert isinstance(found, Refusal)
    assert found.code in ("bad-signature", "key-invalid")


def test_a_key_that_was_replaced_names_no_other() -> None:
    case = decided(LedgerKeysCase(), announced(SECOND, FIRST))
    assert isinstance(case, LedgerKeysCase)

    assert isinstance(decided(case, announced(STRANGER, FIRST)), Refusal)


def test_a_device_follows_the_chain_from_whatever_key_it_knew() -> None:
    links = chain(FIRST, SECOND, THIRD)

    found = trusted_after([FIRST.public], "local", links)
    assert found == (THIRD.public, SECOND.public, FIRST.public)
    assert trusted_after([SECOND.public], "local", links) == (THIRD.public, SECOND.public)
    after = trusted_after([THIRD.public, SECOND.public], "local", links)
    assert after == (THIRD.public, SECOND.public)


def test_a_device_believes_no_link_that_its_own_key_did_not_sign() -> None:
    known = (FIRST.public,)
    forged = wire.KeyLink(
        key=STRANGER.public, by=FIRST.public,
        signature=STRANGER.sign(succession_message("local", STRANGER.public)),
    )  # fmt: skip
    bad_key = wire.KeyLink(key="ed25519:AA", by=FIRST.public, signature=b"")

    assert trusted_after(known, "local", (forged,)) == known
    assert trusted_after(known, "local", (bad_key,)) == known
    assert trusted_after(known, "another", chain(FIRST, SECOND)) == known
    assert trusted_after(known, "local", chain(STRANGER, SECOND)) == known
    # Whoever found the old key cannot turn a device back that has gone on.
    gone_on = trusted_after(known, "local", chain(FIRST, SECOND))
    assert trusted_after(gone_on, "local", chain(FIRST, STRANGER)) == gone_on
