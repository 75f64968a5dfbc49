"""A provider of single sign-on: OpenID Connect's code flow with PKCE, as a confidential client.

OpenID Connect Core 1.0 and Discovery 1.0; RFC 7636 (PKCE, S256), RFC 9700 (best current practice).
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlsplit

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

SCOPE = "openid"
# Asymmetric alone: with a shared secret whoever holds that could vouch for anybody.
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
# RFC 8176, section 2: ways of showing who one is. Two of them are two factors, or the word for that.
METHODS = frozenset({"pwd", "pin", "kba", "otp", "hwk", "swk", "fpt", "face", "iris", "sc", "sms"})
TWO = "mfa"
TIMEOUT_S = 10.0
# A provider changes its keys without telling anybody; asked again at the earliest after this.
KNOWN_S, AGAIN_S = 600.0, 10.0
DOCUMENT_BYTES_MAX = 256 * 1024
LEEWAY_S = 30
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ProviderAway(Exception):
    """The provider does not answer, or not as OpenID Connect says: try again, or ask who runs it."""


class NotVouched(Exception):
    """The provider does not vouch for who came back; the text says why, for the log."""


class Client(NamedTuple):
    """How the provider knows this ledger."""

    issuer: str
    id: str
    secret: str


class Vouched(NamedTuple):
    """Whom the provider vouches for, and whether they showed more than a password."""

    subject: str
    strong: bool


class Provider:
    """Speaks to one provider; remembers its addresses and keys for a while."""

    def __init__(
        self,
        client: Client,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises `ValueError` for an issuer that is not reached over TLS."""
        if not _is_private(client.issuer):
            raise ValueError(f"an issuer is https://…, not {client.issuer!r}")
        self.client = client
        self._now, self._monotonic = now, monotonic
        self._lock = threading.Lock()
        self._found: tuple[float, dict[str, Any], dict[str, Any]] | None = None

    def address(self, *, state: str, nonce: str, verifier: str, redirect: str) -> str:
        """Returns where somebody signs in. Raises `ProviderAway`."""
        endpoint = self._about()["authorization_endpoint"]
        return str(
            prepare_grant_uri(
                endpoint, self.client.id, "code", redirect_uri=redirect, scope=SCOPE, state=state,
                nonce=nonce, code_challenge=create_s256_code_challenge(verifier),
                code_challenge_method="S256",
            )
        )  # fmt: skip

    def vouched(self, code: str, *, verifier: str, nonce: str, redirect: str) -> Vouched:
        """Returns whom a code stands for. Raises `ProviderAway` and `NotVouched`."""
        endpoint = self._about()["token_endpoint"]
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect,
            "code_verifier": verifier,
        }  # fmt: skip
        # RFC 6749, section 2.3.1: both are written as in a form before they are encoded.
        shown = httpx.BasicAuth(quote_plus(self.client.id), quote_plus(self.client.secret))
        try:
            answer = httpx.post(endpoint, data=form, auth=shown, timeout=TIMEOUT_S, trust_env=False)
            token = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderAway(f"{self.client.issuer} does not answer: {error}") from error
        if answer.is_server_error or not isinstance(token, dict):
            raise ProviderAway(f"{self.client.issuer} answers {answer.status_code}")
        if answer.is_error:
            raise NotVouched(f"the code is not taken: {token.get('error')}")
        return self._read(str(token.get("id_token") or ""), nonce)

    def _read(self, id_token: str, nonce: str) -> Vouched:
        """Checks an ID token (OpenID Connect Core, 3.1.3.7)."""
        try:
            try:
                read = jwt.decode(id_token, self._keys(), algorithms=list(ALGORITHMS))
            except (JoseError, ValueError):
                # Perhaps under a key that is newer than what is known.
                read = jwt.decode(id_token, self._keys(again=True), algorithms=list(ALGORITHMS))
            wanted = {
                "iss": {"essential": True, "value": self.client.issuer},
                "aud": {"essential": True, "value": self.client.id},
                "nonce": {"essential": True, "value": nonce},
            }
            claims = CodeIDToken(
                read.claims, read.header, options=wanted,
                params={"client_id": self.client.id, "nonce": nonce},
            )  # fmt: skip
            claims.validate(now=int(self._now()), leeway=LEEWAY_S)
        except (JoseError, AuthlibBaseError, ValueError) as error:
            raise NotVouched(f"the ID token is not good: {error}") from error
        methods = set(claims.get("amr") or ())
        return Vouched(str(claims["sub"]), TWO in methods or len(METHODS & methods) > 1)

    def _about(self) -> Mapping[str, Any]:
        return self._known()[0]

    def _keys(self, *, again: bool = False) -> KeySet:
        return KeySet.import_key_set(self._known(again=again)[1])  # type: ignore[arg-type]  # JSON

    def _known(self, *, again: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
        with self._lock:
            age = KNOWN_S if self._found is None else self._monotonic() - self._found[0]
            if self._found is None or age >= (AGAIN_S if again else KNOWN_S):
                about = self._get(
                    f"{self.client.issuer.rstrip('/')}/.well-known/openid-configuration"
                )
                if about.get("issuer") != self.client.issuer:
                    raise ProviderAway(f"{self.client.issuer} calls itself {about.get('issuer')!r}")
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    if not _is_private(str(about.get(name))):
                        raise ProviderAway(f"its {name} is not https://…: {about.get(name)!r}")
                self._found = self._monotonic(), about, self._get(str(about["jwks_uri"]))
            return self._found[1], self._found[2]

    def _get(self, url: str) -> dict[str, Any]:
        try:
            answer = httpx.get(url, timeout=TIMEOUT_S, trust_env=False)
            answer.raise_for_status()
            if len(answer.content) > DOCUMENT_BYTES_MAX:
                raise ProviderAway(f"{url} is larger than any description")
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderAway(f"{url} does not answer: {error}") from error
        if not isinstance(found, dict):
            raise ProviderAway(f"{url} is no description of a provider")
        return found


def _is_private(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
