"""Verbs and services as processes forked from one that has loaded them: they cost their work, not their imports.

`python -m …` takes up to three seconds of a core to begin, and the tests start some hundreds of processes.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from suyuan.cli import EDGE, SERVER, main
from suyuan.parts.services import MODULES

ROOT = Path(__file__).parents[2]
ASKED_BYTES = 200_000
WAIT_S = 120
POLL_S = 0.02


class Forked:
    """A process of the parent's, with as much of `subprocess.Popen` as services are watched by."""

    def __init__(self, parent: "Parent", pid: int) -> None:
        self._parent, self.pid = parent, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Returns its exit code, None while it runs."""
        if self.returncode is None:
            self.returncode = self._parent.ask(["poll", self.pid])
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Waits until it has ended."""
        deadline = time.monotonic() + (timeout or WAIT_S)
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or WAIT_S)
            time.sleep(POLL_S)
        return code

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Asks it to end."""
        self.send_signal(signal.SIGTERM)


class Parent:
    """The process that has loaded everything, and forks."""

    def __init__(self) -> None:
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._link.settimeout(WAIT_S)
        self._asked = 0
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()
        atexit.register(process.wait, 10)
        atexit.register(self._link.close)

    def ask(self, asked: Sequence[Any], files: Sequence[int] = ()) -> Any:
        """Asks for one thing; returns its answer."""
        self._asked += 1
        socket.send_fds(self._link, [json.dumps([self._asked, *asked]).encode()], files)
        # The answer to a question that was cut off may still come first.
        while (told := json.loads(self._link.recv(ASKED_BYTES)))[0] != self._asked:
            pass
        return told[1]

    def fork(
        self,
        what: str,
        words: Sequence[str],
        folder: Path,
        env: Mapping[str, str],
        files: Sequence[int],
    ) -> Forked:
        """Forks a verb or a service, in a folder, with its input, output and errors in these files."""
        return Forked(self, self.ask([what, list(words), str(folder), dict(env)], files))


@cache
def parent() -> Parent:
    """Returns the parent of this run of the tests."""
    return Parent()


def run_verb(
    words: tuple[str, ...], *, folder: Path, env: Mapping[str, str], typed: str
) -> subprocess.CompletedProcess[str]:
    """Runs a verb in a folder, with what is typed into it, to its end."""
    with ExitStack() as kept:
        keys, said, wrong = (kept.enter_context(TemporaryFile()) for _ in range(3))
        keys.write(typed.encode())
        keys.seek(0)
        files = [keys.fileno(), said.fileno(), wrong.fileno()]
        verb = parent().fork("verb", words, folder, env, files)
        try:
            code = verb.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            verb.send_signal(signal.SIGKILL)
            raise
        return subprocess.CompletedProcess(words, code, _whole(said), _whole(wrong))


def begin_service(module: str, environment: Mapping[str, str], log: IO[bytes]) -> Any:
    """Begins a service as `suyuan.parts.services.begin` does."""
    with Path(os.devnull).open("rb") as nothing:
        files = [nothing.fileno(), log.fileno(), log.fileno()]
        return parent().fork("service", [module], ROOT, {**os.environ, **environment}, files)


def _whole(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _begins(module: str) -> str:
    """Names the module that `python -m` of this one runs."""
    return f"{module}.__main__" if (ROOT / module.replace(".", "/")).is_dir() else module


def _serve(link: socket.socket) -> tuple[str, list[str]] | None:
    """Does what it is asked; returns in a child what that has to run, and None at the end."""
    while True:
        said, files, _, _ = socket.recv_fds(link, ASKED_BYTES, 3)
        if not said:
            return None
        number, what, *asked = json.loads(said)
        if what == "poll":
            pid, status = os.waitpid(asked[0], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        elif (answer := os.fork()) == 0:
            link.close()
            words, folder, env = asked
            _become(folder, env, files)
            if what == "service":
                os.setsid()
            return what, words
        for file in files:
            os.close(file)
        link.send(json.dumps([number, answer]).encode())


def _become(folder: str, env: dict[str, str], files: Sequence[int]) -> None:
    for target, file in enumerate(files):
        os.dup2(file, target)
    os.closerange(3, max(files) + 1)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _run(what: str, words: list[str]) -> int:
    """Runs it as the interpreter would, to its exit code."""
    try:
        if what == "verb":
            code = main(words)
        else:
            (module,) = sys.argv = words
            sys.modules.pop(_begins(module), None)
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except BaseException:  # as the interpreter says it
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    for module in (*EDGE, *SERVER):
        import_module(f"suyuan.commands.{module}")
    for module in MODULES.values():
        import_module(_begins(module))
    # What is loaded belongs to all: a child neither looks it over for garbage nor takes it apart at its end.
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    found = _serve(socket.socket(fileno=int(sys.argv[1])))
    os._exit(_run(*found) if found else 0)
