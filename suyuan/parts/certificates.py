"""This machine's certificates: made by the ledger's own authorities, unless it was given one of its own."""

import os
import pwd
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from ledger.devices.authority import Authority, Certified, is_current, read_authority
from ledger.devices.broker_access import INTAKE
from ledger.durable import write_whole
from ledger.errors import BadSetting
from ledger.settings import Settings
from ledger.values.names import is_host

# Whoever is on this machine reaches the services so.
HERE = ("localhost", "127.0.0.1")


class Certificates(NamedTuple):
    """The files that services show and check others by; `authority` is what people install, if they must.

    Broker and devices check each other by `devices`, whatever the pages show.
    """

    server: Path
    server_key: Path
    authority: Path | None
    fingerprint: str
    devices: Path
    broker: Path
    broker_key: Path
    intake: Path
    intake_key: Path


def prepare(data: Path, ledger: str, given: Settings) -> Certificates:
    """Makes what is missing or near its end. Raises `BadSetting` for a name or file that cannot be."""
    now, keys, folder = datetime.now(UTC), data / "keys", data / "tls"
    name = given.public_name
    if name and (not is_host(name) or ":" in name):
        raise BadSetting(
            f"public_name is a host's name or IPv4 address in lower case, not {name!r}"
        )
    devices = read_authority(keys, "devices", f"Suyuan {ledger}: devices", now)
    write_whole(folder / "devices.pem", devices.pem)
    names = [name, *HERE] if name and name not in HERE else list(HERE)
    broker = _kept(folder / "broker", devices, names, now)
    intake = _kept(folder / "intake", devices, [], now)
    shown = _own(given)
    if shown is None:
        authority = read_authority(keys, "authority", f"Suyuan {ledger}", now, host=names[0])
        write_whole(folder / "authority.pem", authority.pem)
        server = _kept(folder / "server", authority, names, now)
        shown = *server, folder / "authority.pem", authority.fingerprint
    return Certificates(*shown, folder / "devices.pem", *broker, *intake)


def for_the_broker(made: Certificates, folder: Path, owner: pwd.struct_passwd | None) -> None:
    """Lays the broker's own copies into its folder, where nobody else can read its key."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for source, name in (
        (made.broker, "server.pem"), (made.broker_key, "server.key"), (made.devices, "devices.pem")
    ):  # fmt: skip
        write_whole(folder / name, source.read_bytes(), mode=0o600)
        if owner is not None:
            # Never through a link: the folder is the broker's, and what it could put there is anybody's.
            os.chown(folder / name, owner.pw_uid, owner.pw_gid, follow_symlinks=False)


def spaced(fingerprint: str) -> str:
    """Writes a fingerprint as people compare it: in groups of four."""
    groups = (fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))
    return " ".join(groups).upper()


def _own(given: Settings) -> tuple[Path, Path, Path | None, str] | None:
    """Returns the certificate that was given, such as one of ACME's."""
    if not given.tls_certificate and not given.tls_key:
        return None
    paths = Path(given.tls_certificate), Path(given.tls_key)
    for setting, path in zip(("tls_certificate", "tls_key"), paths, strict=True):
        if not path.is_file():
            raise BadSetting(f"{setting} names {str(path)!r}, and there is no such file")
    return *paths, None, ""


def _kept(path: Path, authority: Authority, names: list[str], now: datetime) -> tuple[Path, Path]:
    """Returns a certificate and its key: what is there while it holds, else new ones."""
    certificate, key = path.with_suffix(".pem"), path.with_suffix(".key")
    there = certificate.is_file() and key.is_file()
    if not there or not is_current(certificate.read_bytes(), authority, names, now):
        made = _made(authority, names, now)
        write_whole(key, made.key, mode=0o600)
        # The certificate last: who sees it finds its key.
        write_whole(certificate, made.certificate)
    return certificate, key


def _made(authority: Authority, names: list[str], now: datetime) -> Certified:
    return authority.certify_server(names, now) if names else authority.certify_client(INTAKE, now)
