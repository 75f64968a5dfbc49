"""Trust: whom a device or a terminal believes to be its ledger, over TLS."""

import hashlib
import ssl
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TIMEOUT_S = 15.0
AUTHORITY_BYTES_MAX = 16 * 1024
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class NotTrusted(Exception):
    """What answers is not, or may not be, the ledger; the text says what to do."""


class Shown(NamedTuple):
    """A private key and its certificate, both PEM, as a device shows them to the broker."""

    key: str
    certificate: str


def context_for(authority: str | None, shown: Shown | None = None) -> ssl.SSLContext:
    """Returns how to check whom one speaks to: by this authority (PEM) alone, else by the system's.

    With `shown` it also says who asks. Raises `NotTrusted` for what is no certificate.
    """
    try:
        context = ssl.create_default_context(cadata=authority or None)
        if shown is not None:
            _load(context, shown)
    except (ssl.SSLError, OSError) as error:
        raise NotTrusted(f"this is no certificate: {error}") from error
    return context


@lru_cache(16)
def _remembered(authority: str | None) -> ssl.SSLContext:
    return context_for(authority)


def checking(url: str, authority: str | None = None) -> ssl.SSLContext | bool:
    """Returns what httpx takes as `verify` for an address; nothing is loaded for one in plain."""
    return _remembered(authority or None) if url.startswith("https:") else False


def fingerprint_of(authority: str) -> str:
    """Returns the SHA-256 of a certificate (PEM) over its DER, in hex. Raises `NotTrusted`."""
    try:
        der = ssl.PEM_cert_to_DER_cert(authority.strip() + "\n")
    except ValueError as error:
        raise NotTrusted(f"this is no certificate: {error}") from error
    return hashlib.sha256(der).hexdigest()


def fetch_authority(intake_url: str, fingerprint: str) -> str:
    """Returns the authority (PEM) of a ledger whose fingerprint is known from elsewhere.

    What comes over a connection that nothing vouches for is compared with the fingerprint before it
    is believed. Raises `NotTrusted`.
    """
    wanted = plain_fingerprint(fingerprint)
    unchecked = ssl.create_default_context()
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    try:
        with (
            httpx.Client(verify=unchecked, trust_env=False, timeout=TIMEOUT_S) as http,
            http.stream("GET", f"{intake_url}/intake/authority") as answer,
        ):
            answer.raise_for_status()
            found = _bounded(answer).decode("ascii")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise NotTrusted(f"no ledger with an authority answers at {intake_url}: {error}") from error
    if fingerprint_of(found) != wanted:
        raise NotTrusted(
            f"what answers at {intake_url} is not the ledger that you were told of: its fingerprint"
            f" is {fingerprint_of(found)}, not {wanted}. Do not go on; tell who runs the ledger"
        )
    return found


def plain_fingerprint(text: str) -> str:
    """Returns a fingerprint as people write it, in groups or with colons, in hex. Raises `NotTrusted`."""
    plain = "".join(text.replace(":", " ").split()).lower()
    if len(plain) != 64 or set(plain) - set("0123456789abcdef"):
        raise NotTrusted(f"a fingerprint has 64 digits 0-9 and a-f, not {text[:80]!r}")
    return plain


def refuse_plain(url: str) -> None:
    """Raises `NotTrusted` for an address in plain beyond this machine: what is sent there is read by others."""
    parts = urlsplit(url)
    if parts.scheme in ("https", "mqtts") or (parts.hostname or "") in LOOPBACK:
        return
    raise NotTrusted(f"{url} is not private: another machine is asked over https:// alone")


def new_certificate_request(device: str) -> tuple[str, bytes]:
    """Returns a new P-256 key (PEM) and a request (PKCS #10, DER) for its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
    request = (
        x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode(), request.public_bytes(serialization.Encoding.DER)


def _bounded(answer: httpx.Response) -> bytes:
    content = b""
    for chunk in answer.iter_bytes():
        content += chunk
        if len(content) > AUTHORITY_BYTES_MAX:
            raise ValueError("it is larger than any certificate")
    return content


def _load(context: ssl.SSLContext, shown: Shown) -> None:
    """Loads a key and certificate: OpenSSL takes them from files alone, which nobody else may read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shown.pem"
        path.touch(mode=0o600)
        path.write_text(f"{shown.certificate}\n{shown.key}")
        context.load_cert_chain(path)
