"""The ledger's own authorities: what they vouch for, and what they never do."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from ledger.devices.authority import Authority, fingerprint_of, is_current, read_authority
from ledger.errors import BadSetting
from ledger.values.names import is_host
from scanners.trust import NotTrusted, new_certificate_request, plain_fingerprint

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)


def made(folder: Path, host: str | None = "market.lan", name: str = "authority") -> Authority:
    return read_authority(folder, name, "Suyuan test", NOW, host=host)


def verifies(authority: Authority, certificate: bytes, name: str) -> bool:
    """Whether a verifier that follows the constraints believes a certificate for a name."""
    verifier = (
        PolicyBuilder()
        .store(Store([authority.certificate]))
        .time(NOW + timedelta(days=1))
        .build_server_verifier(x509.DNSName(name))
    )
    try:
        verifier.verify(x509.load_pem_x509_certificate(certificate), [])
    except VerificationError:
        return False
    return True


def test_an_authority_is_made_once_and_its_key_is_its_owners_alone(tmp_path: Path) -> None:
    first, again = made(tmp_path), made(tmp_path)

    assert first.fingerprint == again.fingerprint == fingerprint_of(first.pem)
    assert (tmp_path / "authority.pem").stat().st_mode & 0o077 == 0


def test_it_vouches_for_its_name_and_local_ones_and_for_no_other_in_the_world(
    tmp_path: Path,
) -> None:
    authority = made(tmp_path)
    good = authority.certify_server(["market.lan", "localhost", "127.0.0.1"], NOW).certificate
    stolen = authority.certify_server(["bank.example"], NOW).certificate

    assert verifies(authority, good, "market.lan")
    assert not verifies(authority, good, "other.lan")
    assert not verifies(authority, stolen, "bank.example")
    names = ["market.lan", "10.1.2.3", "printer.local", "::1", "fd00::1"]
    assert all(authority.vouches_for(name) for name in names)
    for name in ("bank.example", "8.8.8.8", "2001:db8::1", "notmarket.lan.example"):
        assert not authority.vouches_for(name)


def test_another_public_name_makes_another_authority_and_keeps_the_old(tmp_path: Path) -> None:
    first = made(tmp_path)
    second = made(tmp_path, "ledger.city.example")

    assert first.fingerprint != second.fingerprint
    assert second.vouches_for("ledger.city.example")
    kept = [path.name for path in tmp_path.iterdir()]
    assert sorted(kept) == ["authority-until-20261129T080000.pem", "authority.pem"]


def test_a_devices_certificate_bears_the_name_it_was_given_whatever_it_asks_for(
    tmp_path: Path,
) -> None:
    authority = made(tmp_path, None, "devices")
    _, request = new_certificate_request("service:intake")

    certificate = x509.load_pem_x509_certificate(authority.certify_device(request, "till-1", NOW))

    assert certificate.subject.rfc4514_string() == "CN=till-1"
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [purpose.dotted_string for purpose in usage] == ["1.3.6.1.5.5.7.3.2"]
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not constraints.ca


def test_what_is_no_request_for_a_p256_key_of_ones_own_is_refused(tmp_path: Path) -> None:
    authority = made(tmp_path, None, "devices")
    _, good = new_certificate_request("till-1")
    another = ed25519.Ed25519PrivateKey.generate()
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    of_another_kind = builder.sign(another, None).public_bytes(serialization.Encoding.DER)
    big = builder.sign(ec.generate_private_key(ec.SECP384R1()), hashes.SHA256())
    forged = bytearray(good)
    forged[-1] ^= 1
    bad = [b"", b"\x30", good[:40], bytes(forged), of_another_kind, good + bytes(5000),
           big.public_bytes(serialization.Encoding.DER)]  # fmt: skip

    for request in bad:
        with pytest.raises(ValueError, match="certificate request"):
            authority.certify_device(request, "till-1", NOW)


def test_a_certificate_is_made_anew_near_its_end_for_other_names_or_by_another(
    tmp_path: Path,
) -> None:
    authority, other = made(tmp_path), made(tmp_path / "other")
    names = ["market.lan", "127.0.0.1"]
    certificate = authority.certify_server(names, NOW).certificate

    assert is_current(certificate, authority, names, NOW)
    assert is_current(certificate, authority, names[::-1], NOW + timedelta(days=330))
    assert not is_current(certificate, authority, names, NOW + timedelta(days=340))
    assert not is_current(certificate, authority, ["market.lan"], NOW)
    assert not is_current(certificate, other, names, NOW)
    assert not is_current(b"nothing", authority, names, NOW)


def test_a_damaged_authority_says_where_it_comes_back_from(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "authority.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----\n")

    with pytest.raises(BadSetting, match="restore it from a backup"):
        made(tmp_path)


def test_python_itself_loads_what_services_show(tmp_path: Path) -> None:
    shown = made(tmp_path).certify_server(["market.lan"], NOW)
    (tmp_path / "c.pem").write_bytes(shown.certificate + shown.key)

    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "c.pem")


@pytest.mark.parametrize(
    ("text", "host"),
    [("market.lan", True), ("10.0.0.1", True), ("::1", True), ("a", True), ("", False),
     ("Market.lan", False), ("a..b", False), ("-a", False), ("a_b", False), ("a/b", False),
     ("x" * 64, False), ("a.lan\n", False)],
)  # fmt: skip
def test_a_hosts_name_is_one_or_none(text: str, host: bool) -> None:
    assert is_host(text) is host


def test_a_fingerprint_is_read_as_people_write_it() -> None:
    plain = "ab" * 32
    groups = " ".join("ABAB" for _ in range(16))

    assert plain_fingerprint(groups) == plain_fingerprint(":".join(["ab"] * 32)) == plain
    for text in ("", "ab", "xy" * 32, "ab" * 33):
        with pytest.raises(NotTrusted, match="64 digits"):
            plain_fingerprint(text)
