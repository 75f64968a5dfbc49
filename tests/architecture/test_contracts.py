"""The direction of imports: each contract is broken on purpose once, and caught."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("ledger", "scanners", "query_api", "kiosk_ui", "suyuan")

VIOLATIONS = [
    ("ledger/values/gtin.py", "from ledger.rules import flags", "inside the ledger"),
    ("ledger/projections/stock.py", "from ledger.journal import memory", "inside the ledger"),
    ("ledger/journal/memory.py", "from ledger.projections import table", "inside the ledger"),
    ("ledger/events/base.py", "from ledger.rules import device", "inside the ledger"),
    ("ledger/stray.py", '"""A module in no layer."""', "inside the ledger"),
    ("scanners/tape.py", "from suyuan import progress", "packages point down"),
    ("scanners/gs1.py", "from ledger.journal import memory", "the edge stays thin"),
    ("query_api/views.py", "from ledger.journal import memory", "a reader cannot reach"),
    ("kiosk_ui/page.py", "from ledger.values import gtin", "the faces speak HTTP"),
    ("ledger/follower.py", "from ledger.journal import recorder", "the recorder is reached"),
    ("ledger/rules/flags.py", "import psycopg", "are pure"),
]


def contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(folder / "tools" / "contracts.py")],
        cwd=folder, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for name in (*PACKAGES, "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_contracts_hold(copy: Path) -> None:
    done = contracts(copy)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("path", "line", "contract"), VIOLATIONS)
def test_a_planted_violation_is_caught(copy: Path, path: str, line: str, contract: str) -> None:
    target = copy / path
    before = target.read_text() if target.exists() else None
    target.write_text(f"{before or ''}\n{line}\n")
    try:
        done = contracts(copy)
    finally:
        if before is None:
            target.unlink()
        else:
            target.write_text(before)

    assert done.returncode != 0
    assert any(contract in text and "BROKEN" in text for text in _joined(done.stderr)), done.stderr


def _joined(text: str) -> list[str]:
    """Contract lines are wrapped at the width of a terminal."""
    return text.replace("\n", " ").split("KEPT")
