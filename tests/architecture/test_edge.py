"""The edge: the command of a device works with what its extra brings, and nothing of a server's."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {packages}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Blocked())
from suyuan.cli import main
main({words})
"""


def packages_of(extra: str) -> set[str]:
    """The names by which what an extra asks for is imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    stated = project["optional-dependencies"][extra]
    wanted = {
        found[0].lower() for one in stated if (found := re.match(r"[A-Za-z0-9_.-]+", one))
    } - {"suyuan"}  # fmt: skip
    installed = packages_distributions().items()
    return {name for name, wholes in installed if wanted & {one.lower() for one in wholes}}


def on_a_device(*words: str) -> subprocess.CompletedProcess[str]:
    servers = packages_of("server") - packages_of("scanner")
    assert {"fastapi", "eventsourcing", "psycopg"} <= servers
    program = BLOCKED.format(packages=servers, words=list(words))
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_device_needs_nothing_that_a_server_needs() -> None:
    done = on_a_device("--help")

    assert done.returncode == 0, done.stderr
    for verb in ("enroll", "scan", "devices", "sign-in"):
        assert verb in done.stdout
    assert " up " not in done.stdout


def test_a_device_that_is_asked_for_a_servers_verb_says_what_it_lacks() -> None:
    done = on_a_device("verify")

    assert done.returncode == 2
    assert "install suyuan[server]" in done.stderr
