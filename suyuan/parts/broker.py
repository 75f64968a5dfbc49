"""A private MQTT broker on loopback: mosquitto where it is found, else amqtt in a process."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

from ledger.errors import BadSetting
from suyuan.parts.places import make_folder

START_S = 20
# How soon a device that was let in, or no longer is, is known to the broker.
WATCH_S = 0.2

MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
persistence false
max_queued_messages 0
max_inflight_messages 0
log_dest stderr
log_type error
log_type warning
"""
# Who comes over TLS shows a device's certificate, and is who that says. A message is never larger than
# a batch with its topic.
GUARDED = """\
acl_file {folder}/access
max_packet_size 1100000
listener {port} {host}
max_connections 20000
cafile {folder}/devices.pem
certfile {folder}/server.pem
keyfile {folder}/server.key
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
"""


class Guarded(NamedTuple):
    """Where a broker lets devices in over TLS: its certificates and list of access lie in `folder`."""

    folder: Path
    host: str
    port: int
    owner: pwd.struct_passwd | None

    @property
    def access(self) -> Path:
        """The list of who may do what, which intake keeps."""
        return self.folder / "access"


class Broker:
    """A broker of our own; in plain nobody outside this machine reaches it.

    It keeps nothing: what counts is on the tapes until the ledger has receipted it.
    """

    def __init__(self, data: Path, port: int) -> None:
        self._data = data
        self.port = port
        self.guarded: Guarded | None = None
        self.process: subprocess.Popen[bytes] | None = None
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        self._mosquitto = None if os.environ.get("SUYUAN_BROKER") == "amqtt" else program

    @property
    def can_guard(self) -> bool:
        """Whether it can let devices in over TLS, each to its own topics."""
        return self._mosquitto is not None

    @property
    def source(self) -> str:
        """Which broker this is, as said to the user."""
        return "mosquitto" if self._mosquitto else "amqtt"

    def start(self) -> None:
        """Starts the broker and waits until it listens."""
        make_folder(self._data)
        log = (self._data / "broker.log").open("ab")
        self.process = subprocess.Popen(
            self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        log.close()
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    self._watch_access()
                    return
            time.sleep(0.05)
        tail = (self._data / "broker.log").read_text(errors="replace")[-400:]
        raise BadSetting(f"the broker did not start on port {self.port}:\n{tail}")

    def stop(self) -> None:
        """Ends the broker."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process = None

    def kill(self) -> None:
        """Ends the broker as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def _watch_access(self) -> None:
        if self.guarded is not None and self.process is not None:
            watching = (self.guarded.access, self.process)
            threading.Thread(target=_read_again, args=watching, daemon=True).start()

    def _command(self) -> list[str]:
        if self._mosquitto is None:
            return [sys.executable, "-m", "suyuan.parts.embedded_broker", str(self.port)]
        settings = self._data / "mosquitto.conf"
        text = MOSQUITTO.format(port=self.port)
        user = "root"
        if self.guarded is not None:
            text += GUARDED.format(
                folder=self.guarded.folder, host=self.guarded.host, port=self.guarded.port
            )
            user = self.guarded.owner.pw_name if self.guarded.owner is not None else user
        if os.geteuid() == 0:
            # Started by root it would change to a user that may not exist everywhere.
            text += f"user {user}\n"
        settings.write_text(text)
        return [self._mosquitto, "-c", str(settings)]


def _read_again(access: Path, process: subprocess.Popen[bytes]) -> None:
    """Lets the broker read its list of access again whenever that changed, while it runs."""
    known = access.stat().st_mtime_ns
    while process.poll() is None:
        time.sleep(WATCH_S)
        with contextlib.suppress(OSError):
            if (found := access.stat().st_mtime_ns) != known:
                known = found
                process.send_signal(signal.SIGHUP)
