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


def test_no_parser_is_broken_by_what_strangers_send() -> None:
    if importlib.util.find_spec("atheris") is None:
        message = "atheris is not there for this system"
        if os.environ.get("SUYUAN_CI"):
            pytest.fail(message)
        pytest.skip(message)

    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--few"],
        capture_output=True, text=True, cwd=ROOT, timeout=600, check=False,
    )  # fmt: skip
    told = done.stdout + done.stderr

    assert done.returncode == 0, told[-3000:]
    assert re.findall(r"^== (\w+)$", done.stdout, re.MULTILINE) == list(TARGETS)
    counted = [int(n) for n in re.findall(r"number_of_executed_units: (\d+)", told)]
    assert len(counted) == len(TARGETS)
    assert all(n >= target.few for n, target in zip(counted, TARGETS.values(), strict=True)), told


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_understood_or_refused(name: str) -> None:
    target = TARGETS[name]

    for seed in target.seeds:
        try:
            target.run(seed)
        except target.refuses:
            continue
