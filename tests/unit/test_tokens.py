"""Tokens: taken while they are good, under the ledger's own key, and never otherwise."""

import base64
import json
from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from ledger.rules.access import Grant, Subject
from ledger.rules.refusal import Refusal
from ledger.rules.tokens import LEEWAY, TOKEN_LIFE, SignedIn, read_token, write_token
from ledger.values.keys import SigningKey
from tests.support.make import NOON

KEY, OTHER = SigningKey(bytes([1]) * 32), SigningKey(bytes([2]) * 32)
WHO = SignedIn(Subject("li", (Grant("merchant", ("m-1", "m-2")), Grant("auditor"))), "s-1")


def code_of(text: str, *, at: timedelta = timedelta(0), ledger: str = "local") -> str:
    found = read_token(text, [KEY.public], ledger=ledger, now=NOON + at)
    return found.code if isinstance(found, Refusal) else "taken"


def test_a_token_says_who_it_is_until_it_ends() -> None:
    text = write_token(KEY, "local", WHO, NOON)

    assert read_token(text, [OTHER.public, KEY.public], ledger="local", now=NOON) == WHO
    assert code_of(text, at=TOKEN_LIFE + LEEWAY) == "taken"
    assert code_of(text, at=TOKEN_LIFE + LEEWAY + timedelta(seconds=1)) == "token-expired"
    assert code_of(text, at=-LEEWAY - timedelta(seconds=1)) == "token-early"


def test_a_token_of_another_key_ledger_or_making_is_none() -> None:
    text = write_token(KEY, "local", WHO, NOON)
    head, body, signature = text.split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=="))
    more = json.dumps(said | {"grants": [{"role": "administrator"}]}).encode()
    changed = base64.urlsafe_b64encode(more).rstrip(b"=").decode()
    nothing = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    # The public key is no secret: whoever takes it for one under HS256 takes anybody's word.
    public = base64.b64decode(KEY.public.partition(":")[2])
    as_secret = jwt.encode({"alg": "HS256"}, said, OctKey.import_key(public))

    assert code_of(text, ledger="other") == "no-token"
    assert code_of(write_token(OTHER, "local", WHO, NOON)) == "no-token"
    for forged in (
        f"{head}.{changed}.{signature}", f"{nothing}.{body}.", f"{nothing}.{body}.{signature}",
        as_secret, text[:-2], f"{text}.", "", ".", "..", "a.b.c", "x" * 100_000, "\u00e9.\u00e9.\u00e9",
    ):  # fmt: skip
        assert code_of(forged) == "no-token", forged[:60]


@pytest.mark.parametrize("claims", [{}, {"sub": 7}, {"sub": "li", "aud": "local", "sid": "s"}])
def test_a_signed_token_that_says_too_little_is_none(claims: dict[str, object]) -> None:
    from ledger.rules.tokens import signing_jwk

    text = jwt.encode({"alg": "Ed25519"}, claims, signing_jwk(KEY), algorithms=["Ed25519"])

    assert code_of(text) == "no-token"
