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
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
from suyuan.cli import main
main(["--help"])
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


def test_a_device_needs_nothing_that_a_server_needs() -> None:
    servers = packages_of("server") - packages_of("scanner")
    assert {"fastapi", "eventsourcing", "psycopg"} <= servers

    done = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(packages=servers)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    for verb in ("join", "scan", "devices", "sign-in"):
        assert verb in done.stdout
    assert " up " not in done.stdout
