"""A second host: a network namespace of the test's own, joined to this machine by one virtual cable."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE, THERE = "10.213.77.1", "10.213.77.2"


class SecondHost:
    """Runs programs as another machine would that knows this one by name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def run(
        self, *command: str, env: Mapping[str, str], said: str = "", timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ip", "netns", "exec", self._name, *command], env={**os.environ, **env},
            input=said, capture_output=True, text=True, timeout=timeout_s, check=False,
        )  # fmt: skip


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@contextmanager
def second_host(known_as: str) -> Iterator[SecondHost]:
    """Makes one that knows this machine as `known_as`; skips where the machine allows none."""
    name = f"sy{uuid.uuid4().hex[:6]}"
    hosts = Path("/etc/netns") / name
    try:
        _ip("netns", "add", name)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no network namespaces here: {error}")
    try:
        _ip("link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name)
        _ip("addr", "add", f"{HERE}/24", "dev", f"{name}a")
        _ip("link", "set", f"{name}a", "up")
        for words in (
            ("addr", "add", f"{THERE}/24", "dev", f"{name}b"), ("link", "set", f"{name}b", "up"),
            ("link", "set", "lo", "up"),
        ):  # fmt: skip
            _ip("-n", name, *words)
        hosts.mkdir(parents=True)
        (hosts / "hosts").write_text(f"127.0.0.1 localhost\n{HERE} {known_as}\n")
        yield SecondHost(name)
    finally:
        for words in (("link", "del", f"{name}a"), ("netns", "del", name)):
            subprocess.run(["ip", *words], check=False, capture_output=True)
        shutil.rmtree(hosts, ignore_errors=True)
