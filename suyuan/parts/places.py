"""Places: where data lives on this machine, and as whom the database runs."""

import hashlib
import os
import pwd
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from ledger.errors import BadSetting

SYSTEM_USER = "suyuan"
# The kernel's limit on a socket's path, less PostgreSQL's file name in it.
SOCKET_FOLDER_MAX = 107 - len("/.s.PGSQL.65535.lock")
# Below what the system gives away, above what services are commonly at.
FREE_PORTS, TRIES = (15_000, 32_000), 200
# Kept until this process ends: what a port was chosen for may start late, or again.
_reserved: dict[int, socket.socket | None] = {}
# The cluster, its log of changes and a day's trade; below this a demonstration cannot finish.
FREE_BYTES_MIN = 400 * 1024 * 1024


def data_root() -> Path:
    """Returns the folder for this user's data: `SUYUAN_DATA`, else the place the system expects."""
    if stated := os.environ.get("SUYUAN_DATA"):
        return Path(stated).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/suyuan")
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "suyuan"


def make_folder(folder: Path, owner: pwd.struct_passwd | None = None) -> Path:
    """Makes a folder, handed to `owner` alone if one is named; never touches an existing parent."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise BadSetting(f"cannot make {folder}: {error.strerror}. Set SUYUAN_DATA.") from error
    if free < FREE_BYTES_MIN:
        raise BadSetting(
            f"the disk under {folder} has {free // 2**20} MiB left and"
            f" {FREE_BYTES_MIN // 2**20} MiB are needed: free some, or set SUYUAN_DATA."
        )
    if owner is not None:
        folder.chmod(0o700)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    return folder


def known_database_user() -> pwd.struct_passwd | None:
    """Returns whom the database runs as if that user is there; changes nothing."""
    try:
        return pwd.getpwnam(SYSTEM_USER) if os.geteuid() == 0 else None
    except KeyError:
        return None


def database_user() -> pwd.struct_passwd | None:
    """Returns whom the database runs as: None for oneself, a system user of ours when root."""
    if os.geteuid() != 0:
        return None
    if (known := known_database_user()) is not None:
        return known
    command = [
        "useradd", "--system", "--user-group", "--no-create-home",
        "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", SYSTEM_USER,
    ]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BadSetting(
            "PostgreSQL does not run as root and no system user could be made"
            f" ({error}): run as an ordinary user"
        ) from error
    return pwd.getpwnam(SYSTEM_USER)


def socket_folder(data: Path, owner: pwd.struct_passwd | None) -> Path:
    """Returns a private folder for the database's socket: in the data, or in /tmp if that is deep."""
    folder = data / "run"
    if len(str(folder)) > SOCKET_FOLDER_MAX:
        digest = hashlib.sha256(str(data).encode()).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"suyuan-{os.geteuid()}-{digest}"
    make_folder(folder, owner)
    # Whoever reaches the socket is trusted, so nobody else may.
    folder.chmod(0o700)
    if owner is None and folder.stat().st_uid != os.geteuid():
        raise BadSetting(f"{folder} belongs to somebody else: set SUYUAN_DATA to a shorter path")
    return folder


def free_port() -> int:
    """Returns a loopback port nobody listens on, nor was given to another process that runs (but Linux: to this one).

    The system gives the ports from 32768 on to whoever connects; one that is chosen for later must not be
    among them.
    """
    for _ in range(TRIES):
        port = random.randrange(*FREE_PORTS)
        if not port_taken(port) and _reserve(port):
            return port
    raise BadSetting(
        "no port is free on this machine: end what listens on so many, or tests that have asked for them"
    )


def _reserve(port: int) -> bool:
    """Keeps a port for this process; False where this or another one has chosen it and may yet listen."""
    if port in _reserved:
        return False
    held = None
    if sys.platform == "linux":
        # A name in the abstract namespace (unix(7)) goes with the process that holds it, and leaves no file.
        held = socket.socket(socket.AF_UNIX)
        try:
            held.bind(f"\0suyuan-port-{port}")
        except OSError:
            held.close()
            return False
    _reserved[port] = held
    return True


def port_taken(port: int) -> bool:
    """Tells whether somebody listens on a loopback port. Raises `BadSetting` for one we may not."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise BadSetting(
                f"port {port} needs rights you do not have: take one above 1023"
            ) from None
        except OSError:
            return True
    return False
