"""Tokens: who somebody is for the next minutes, signed by intake and checked without asking anybody.

A JWT (RFC 7519) under Ed25519 (RFC 8037, named as RFC 9864 does): `sub` is the account, `sid` the sign-in it came from, `aud` the
ledger, `grants` the roles.
"""

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from ledger.rules.access import Grant, Subject
from ledger.rules.refusal import Refusal
from ledger.values.base64url import base64url
from ledger.values.keys import SigningKey

# Long enough for a page, short enough that an ended sign-in is over soon.
TOKEN_LIFE = timedelta(minutes=5)
# The clocks of an authority's machines differ by less.
LEEWAY = timedelta(seconds=30)
ALGORITHM = "Ed25519"
TOKEN_CHARACTERS_MAX = 8192
# A ledger has a few: its own, and those before it.
KEYS_MAX = 64
BEARER = "Bearer "


class Claims(msgspec.Struct, frozen=True):
    """What a token says."""

    sub: str
    aud: str
    sid: str
    iat: int
    exp: int
    grants: tuple[Grant, ...]
    # The SHA-256 of the one question it may go with; empty for any.
    digest: str = ""


class SignedIn(NamedTuple):
    """Who a token says it is, and the sign-in that it came from."""

    subject: Subject
    sign_in: str


def write_token(
    key: SigningKey, ledger: str, who: SignedIn, now: datetime, *, for_digest: str = ""
) -> str:
    """Returns a token that is good for `TOKEN_LIFE`, for any question or the one of a digest."""
    claims = Claims(
        sub=who.subject.account, aud=ledger, sid=who.sign_in, iat=int(now.timestamp()),
        exp=int((now + TOKEN_LIFE).timestamp()), grants=who.subject.grants,
        digest=for_digest,
    )  # fmt: skip
    header = {"alg": ALGORITHM, "kid": key.id}
    return jwt.encode(header, msgspec.to_builtins(claims), signing_jwk(key), algorithms=[ALGORITHM])


def bearer(authorization: str) -> str:
    """Returns what an Authorization header shows (RFC 6750, section 2.1); nothing where it shows nothing."""
    return authorization.removeprefix(BEARER) if authorization.startswith(BEARER) else ""


def read_token(
    text: str, keys: Sequence[str], *, ledger: str, now: datetime, digest: str = ""
) -> SignedIn | Refusal:
    """Returns whom a token names, under one of the ledger's public keys; else why it is not taken."""
    if len(text) > TOKEN_CHARACTERS_MAX:
        return _NO_TOKEN
    claims = next((found for key in keys if (found := _claims(text, key)) is not None), None)
    if claims is None or claims.aud != ledger or claims.digest != digest:
        return _NO_TOKEN
    if now.timestamp() > claims.exp + LEEWAY.total_seconds():
        return Refusal("token-expired", "Ask for a new token with the sign-in's secret.")
    if now.timestamp() < claims.iat - LEEWAY.total_seconds():
        return Refusal("token-early", "This token is of a later time: set this machine's clock.")
    return SignedIn(Subject(claims.sub, claims.grants), claims.sid)


def signing_jwk(key: SigningKey) -> OKPKey:
    """Returns a signing key as JOSE has it (RFC 8037, section 2)."""
    public = _raw(key.public)
    return OKPKey.import_key(
        {"kty": "OKP", "crv": "Ed25519", "x": base64url(public), "d": base64url(key.seed)}
    )


_NO_TOKEN = Refusal("no-token", "This is no token of this ledger: sign in.")


def _claims(text: str, key: str) -> Claims | None:
    try:
        found = jwt.decode(text, _public(key), algorithms=[ALGORITHM])
        return msgspec.convert(found.claims, Claims)
    except (JoseError, msgspec.ValidationError, ValueError):
        return None


@lru_cache(KEYS_MAX)
def _public(key: str) -> OKPKey:
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": base64url(_raw(key))})


def _raw(key: str) -> bytes:
    return base64.b64decode(key.partition(":")[2])
