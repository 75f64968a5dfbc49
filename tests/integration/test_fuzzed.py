"""The parsers of outside bytes under a few thousand inputs each that coverage leads on."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
# Pictures and workbooks are slow to read; everything else takes some microseconds.
RUNS = {"uploads": 60, "imports": 500}


@pytest.mark.parametrize("name", TARGETS)
def test_no_parser_is_broken_by_what_strangers_send(name: str) -> None:
    if importlib.util.find_spec("atheris") is None:
        message = "atheris is not there for this system"
        if os.environ.get("SUYUAN_CI"):
            pytest.fail(message)
        pytest.skip(message)

    runs = RUNS.get(name, 5000)
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", name, "--runs", str(runs)],
        capture_output=True, text=True, cwd=ROOT, timeout=300, check=False,
    )  # fmt: skip

    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    counted = re.search(r"number_of_executed_units: (\d+)", done.stdout + done.stderr)
    assert counted
    assert int(counted[1]) >= runs


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_understood_or_refused(name: str) -> None:
    target = TARGETS[name]

    for seed in target.seeds:
        try:
            target.run(seed)
        except target.refuses:
            continue
