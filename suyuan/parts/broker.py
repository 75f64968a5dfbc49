"""A private MQTT broker on loopback: mosquitto where it is found, else amqtt in a process."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from ledger.errors import BadSetting
from suyuan.parts.places import make_folder

START_S = 20

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


class Broker:
    """A broker of our own, which nobody outside this machine can reach.

    It keeps nothing: what counts is on the tapes until the ledger has receipted it.
    """

    def __init__(self, data: Path, port: int) -> None:
        self._data = data
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        self._mosquitto = None if os.environ.get("SUYUAN_BROKER") == "amqtt" else program

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

    def _command(self) -> list[str]:
        if self._mosquitto is None:
            return [sys.executable, "-m", "suyuan.parts.embedded_broker", str(self.port)]
        settings = self._data / "mosquitto.conf"
        text = MOSQUITTO.format(port=self.port)
        if os.geteuid() == 0:
            # Started by root it would change to a user that may not exist everywhere.
            text += "user root\n"
        settings.write_text(text)
        return [self._mosquitto, "-c", str(settings)]
