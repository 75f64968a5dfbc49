"""Under fire: everything is killed at random moments while reports stream in."""

import os
import shutil
import threading
import time
from typing import Any

import pytest

from tests.support.databases import scratch
from tests.support.fire import SCANNERS, Fire, check_all


def under_fire(count: int, *, seed: int, pause_s: float, every_s: float) -> dict[str, Any]:
    folder = scratch("test-fire-", on_disk=True)
    fire = Fire(folder, seed)
    try:
        killer = threading.Thread(target=fire.pull_plugs, args=[every_s])
        killer.start()
        fire.scan(count, pause_s)
        time.sleep(2 * every_s)
        fire.over.set()
        killer.join()
        fire.machine.services.keep_running()  # type: ignore[union-attr]
        assert fire.drain(120), f"not everything on the tapes was receipted: {fire.waiting()}"
        assert fire.wait_followed(60), "the followers never caught up"
        assert fire.fallen == [], "a service ended by itself"
        check_all(fire)
        return {"reports": count + SCANNERS, "killed": fire.killed}
    finally:
        fire.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_a_long_fire_of_20000_reports_loses_nothing_and_stores_nothing_twice() -> None:
    seed = int(os.environ.get("SEED", "1"))
    begun = time.monotonic()

    result = under_fire(20_000, seed=seed, pause_s=0.008, every_s=3.0)

    print(result | {"seed": seed, "seconds": round(time.monotonic() - begun)})
    assert min(result["killed"].values()) >= 5
