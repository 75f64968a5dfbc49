"""A ledger's own authorities: one signs what its services show, the other what its devices show.

They are two, so that what people install in their browsers can vouch for no device, and what lets a
device speak to the broker can vouch for no page. X.509 as RFC 5280 profiles it.
"""

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ledger.durable import write_secret_once
from ledger.errors import BadSetting

AUTHORITY_LIFE = timedelta(days=3650)
# Browsers take no certificate of a longer life (CA/Browser Forum, ballot SC-22).
LIFE = timedelta(days=397)
# What is nearer to its end is made anew.
RENEW_BEFORE = timedelta(days=60)
# Clocks differ; a certificate of this minute must hold on a machine that is behind.
EARLIER = timedelta(hours=1)
# Names and addresses of nobody's but a network's own: what else an authority may vouch for is the
# one name that it was made for, so that its key is of no use against the rest of the world.
OWN_DOMAINS = ("localhost", "local", "lan", "internal", "home.arpa")
OWN_NETWORKS = (
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1/128",
    "fc00::/7", "fe80::/10",
)  # fmt: skip
REQUEST_BYTES_MAX = 4096


class Certified(NamedTuple):
    """A private key with its certificate, both PEM."""

    key: bytes
    certificate: bytes


class Authority:
    """Signs certificates under a key that stays in the ledger's folder of keys."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self.certificate = certificate

    @property
    def pem(self) -> bytes:
        """The authority's own certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its certificate (DER), in hex: what people and devices compare."""
        return fingerprint_of(self.pem)

    def vouches_for(self, name: str) -> bool:
        """Tells whether its constraints let it vouch for a host's name or address."""
        extension = self.certificate.extensions.get_extension_for_class(x509.NameConstraints)
        return any(_lies_in(name, one) for one in extension.value.permitted_subtrees or ())

    def certify_server(self, names: Sequence[str], now: datetime) -> Certified:
        """Makes a key and its certificate for a service that is reached under these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        signed = self._sign(key.public_key(), _named(names[0][:64]), now, alternatives)
        return Certified(_private(key), signed.public_bytes(serialization.Encoding.PEM))

    def certify_client(self, name: str, now: datetime) -> Certified:
        """Makes a key and its certificate for one of the ledger's own services."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = self._sign(key.public_key(), _named(name), now, None)
        return Certified(_private(key), signed.public_bytes(serialization.Encoding.PEM))

    def certify_device(self, request: bytes, name: str, now: datetime) -> bytes:
        """Returns a device's certificate (PEM), in a name, for the key that its request (DER) shows it has.

        Raises `ValueError` for what is no such request; whatever else it asks for is not granted.
        """
        key = _requested(request)
        return self._sign(key, _named(name), now, None).public_bytes(serialization.Encoding.PEM)

    def _sign(
        self,
        key: ec.EllipticCurvePublicKey,
        subject: x509.Name,
        now: datetime,
        alternatives: x509.SubjectAlternativeName | None,
    ) -> x509.Certificate:
        purpose = (
            ExtendedKeyUsageOID.SERVER_AUTH if alternatives else ExtendedKeyUsageOID.CLIENT_AUTH
        )
        building = (
            _building(subject, self.certificate.subject, key, now, LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(_issuer(self.certificate), critical=False)
        )
        if alternatives is not None:
            building = building.add_extension(alternatives, critical=False)
        return building.sign(self._key, hashes.SHA256())


def read_authority(
    folder: Path, name: str, title: str, now: datetime, *, host: str | None = None
) -> Authority:
    """Reads an authority from the folder of keys, making it where there is none yet.

    With `host` it vouches for services: for that name and for a network's own, for nothing else. One
    whose constraints do not hold `host` is kept beside, and another made: who trusted it must take the
    new one's fingerprint. Raises `BadSetting` for files that are none.
    """
    path = folder / f"{name}.pem"
    try:
        found = _read(path)
    except FileNotFoundError:
        found = _make(path, title, now, host)
    if host is not None and not found.vouches_for(host):
        path.rename(path.with_name(f"{name}-until-{now:%Y%m%dT%H%M%S}.pem"))
        found = _make(path, title, now, host)
    return found


def fingerprint_of(certificate: bytes) -> str:
    """Returns the SHA-256 of a certificate (PEM) over its DER, in hex."""
    return x509.load_pem_x509_certificate(certificate).fingerprint(hashes.SHA256()).hex()


def is_current(
    certificate: bytes, authority: Authority, names: Sequence[str], now: datetime
) -> bool:
    """Tells whether a certificate (PEM) is of this authority, for these names, and not near its end."""
    try:
        found = x509.load_pem_x509_certificate(certificate)
        found.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    wanted = {_general_name(name) for name in names}
    with contextlib.suppress(x509.ExtensionNotFound):
        stated = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return set(stated) == wanted and found.not_valid_after_utc - now > RENEW_BEFORE
    return not wanted and found.not_valid_after_utc - now > RENEW_BEFORE


def _read(path: Path) -> Authority:
    content = path.read_bytes()
    try:
        key = serialization.load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
    except ValueError as error:
        raise BadSetting(
            f"{path} holds no authority: restore it from a backup ({error})"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadSetting(f"{path} holds a key of another kind than P-256: restore it")
    return Authority(key, certificate)


def _make(path: Path, title: str, now: datetime, host: str | None) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _named(title)
    building = (
        _building(subject, subject, key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if host is not None:
        building = building.add_extension(_constraints(host), critical=True)
    certificate = building.sign(key, hashes.SHA256())
    write_secret_once(path, _private(key) + certificate.public_bytes(serialization.Encoding.PEM))
    return _read(path)


def _constraints(host: str) -> x509.NameConstraints:
    """RFC 5280, section 4.2.1.10: an authority that is installed on telephones is good for this alone."""
    networks = [ip_network(one) for one in OWN_NETWORKS]
    domains = list(OWN_DOMAINS)
    with contextlib.suppress(ValueError):
        address = ip_address(host)
        networks.append(ip_network(address))
        host = ""
    if host:
        domains.append(host)
    permitted = [*map(x509.DNSName, domains), *map(x509.IPAddress, networks)]
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None)


def _lies_in(name: str, subtree: x509.GeneralName) -> bool:
    try:
        address = ip_address(name)
    except ValueError:
        if not isinstance(subtree, x509.DNSName):
            return False
        return name == subtree.value or name.endswith(f".{subtree.value}")
    network = subtree.value if isinstance(subtree, x509.IPAddress) else None
    return isinstance(network, IPv4Network | IPv6Network) and address in network


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _requested(request: bytes) -> ec.EllipticCurvePublicKey:
    if len(request) > REQUEST_BYTES_MAX:
        raise ValueError(f"a certificate request has at most {REQUEST_BYTES_MAX} bytes")
    try:
        found = x509.load_der_x509_csr(request)
        fits = found.is_signature_valid
        key = found.public_key()
    except Exception as error:  # whatever the parser finds wrong, it is no request
        raise ValueError("this is no certificate request (PKCS #10, DER)") from error
    if not fits or not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise ValueError("a certificate request is signed with its own P-256 key")
    return key


def _building(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now - EARLIER + life)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=signs_certificates,
        crl_sign=signs_certificates, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _issuer(certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier.value)


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
