"""The demonstration checks itself, and would notice."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_markets_day_ends_as_the_simulator_knows_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "suyuan.cli", "demo", "--once", "--json"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    result = json.loads(done.stdout)
    assert result["reports_sent"] == result["reports_stored"] >= 2000
    assert result["stored_twice"] == result["lost"] == result["labels_wrong"] == 0
    assert result["labels_read"] >= 300
    assert result["merchants"] >= 20
    assert result["stock_equal"] and result["alerts_equal"] and result["books_equal"]
    assert result["pages_ok"]
    assert result["story_told"]
    assert result["problems"] == []
