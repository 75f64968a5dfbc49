"""Services: the ledger's processes, started with their settings and started again when they fall."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import httpx

from ledger.errors import EXIT_DAMAGED, BadSetting

START_S = 40

MODULES = {
    "intake": "ledger.intake",
    "follow": "ledger.follower",
    "log": "ledger.publisher",
    "query": "query_api",
    "kiosk": "kiosk_ui",
}


def begin(module: str, environment: Mapping[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Begins a module as a process of its own, whose words go into the log."""
    return subprocess.Popen(
        [sys.executable, "-m", module], env={**os.environ, **environment},
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip


class Service:
    """One service as a child process with its own log file."""

    def __init__(self, name: str, module: str, environment: dict[str, str], data: Path) -> None:
        self.name = name
        self._module = module
        self._environment = environment
        self._log = data / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process."""
        with self._log.open("ab") as log:
            self.process = begin(self._module, self._environment, log)

    def alive(self) -> bool:
        """Tells whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """Ends the process as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        """Asks the process to end and waits until it has."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()

    def tail(self) -> str:
        """Returns the last lines of the log."""
        return self._log.read_text(errors="replace")[-800:] if self._log.exists() else ""


class Services:
    """All services of one machine, in the order in which they start."""

    def __init__(self, environment: dict[str, str], data: Path, spares: Sequence[int] = ()) -> None:
        """`spares` are ports of further intakes; each comes with a further follower."""
        self._environment = environment
        self.all = {
            name: Service(name, module, environment, data) for name, module in MODULES.items()
        }
        self._ports = {
            "intake": (environment["SUYUAN_INTAKE_PORT"], "/intake/ledger"),
            "query": (environment["SUYUAN_QUERY_PORT"], "/v1/health"),
            "log": (environment["SUYUAN_LOG_PORT"], "/log/health"),
            "kiosk": (environment["SUYUAN_KIOSK_PORT"], "/"),
        }
        for number, port in enumerate(spares, 2):
            # Who comes over TLS comes to the first; the others share what the broker has.
            own = environment | {"SUYUAN_INTAKE_PORT": str(port), "SUYUAN_TLS_CERTIFICATE": ""}
            for name in ("intake", "follow"):
                self.all[f"{name}-{number}"] = Service(f"{name}-{number}", MODULES[name], own, data)
            self._ports[f"intake-{number}"] = (str(port), "/intake/ledger")

    def start(self, started: Callable[[], None] = lambda: None) -> None:
        """Starts every service, says so, and waits until each answers."""
        for service in self.all.values():
            service.start()
        started()
        for name, (port, path) in self._ports.items():
            self.wait(name, f"http://127.0.0.1:{port}{path}")

    def wait(self, name: str, url: str) -> None:
        """Waits until a service answers. Raises `BadSetting` with its last words."""
        deadline = time.monotonic() + START_S
        # One client for all tries: to make one takes as long as a service takes to begin.
        with httpx.Client(timeout=2, trust_env=False) as http:
            while time.monotonic() < deadline and self.all[name].alive():
                try:
                    if http.get(url).status_code == httpx.codes.OK:
                        return
                except httpx.HTTPError:
                    pass
                time.sleep(0.05)
        raise BadSetting(f"{name} did not start:\n{self.all[name].tail()}")

    def keep_running(self) -> None:
        """Starts again what fell; raises `BadSetting` when the record is damaged."""
        for service in self.all.values():
            if service.process is None or service.alive():
                continue
            if service.process is not None and service.process.returncode == EXIT_DAMAGED:
                raise BadSetting(f"{service.name} found the record damaged:\n{service.tail()}")
            service.start()

    def stop(self) -> None:
        """Stops every service, the last first."""
        for service in reversed(self.all.values()):
            service.stop()
