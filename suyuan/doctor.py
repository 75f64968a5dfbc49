"""The doctor: what this machine has, what it lacks, and how to get it."""

import shutil
import subprocess
from typing import Literal, NamedTuple

from ledger.errors import BadSetting
from ledger.settings import read_settings
from scanners.zbar import ZBAR_MISSING
from suyuan.parts.cluster import find_binaries
from suyuan.parts.places import FREE_BYTES_MIN, data_root, known_database_user, port_taken


class Finding(NamedTuple):
    """One part: whether it is good, missing but replaceable, or bad; and what to do."""

    part: str
    state: Literal["good", "optional", "taken", "bad"]
    words: str


def examine() -> list[Finding]:
    """Looks at every part."""
    return [_database(), _broker(), _zbar(), _browser(), _fonts(), _disk(), *_ports()]


def _database() -> Finding:
    try:
        found = find_binaries(None, known_database_user())
    except BadSetting as error:
        return Finding("database", "bad", str(error))
    return Finding("database", "good", f"PostgreSQL {found.version} ({found.source})")


def _broker() -> Finding:
    if shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin"):
        return Finding("broker", "good", "mosquitto")
    words = "amqtt serves instead, slower; apt-get install mosquitto"
    return Finding("broker", "optional", words)


def _zbar() -> Finding:
    if ZBAR_MISSING:
        return Finding("zbar", "optional", f"one reader instead of two; {ZBAR_MISSING}")
    return Finding("zbar", "good", "the second reader of labels")


def _browser() -> Finding:
    if shutil.which("chromium-headless-shell") or shutil.which("chromium"):
        return Finding("chromium", "good", "for the tests of the pages")
    return Finding(
        "chromium", "optional", "only tests need it; apt-get install chromium-headless-shell"
    )


def _fonts() -> Finding:
    if shutil.which("fc-match") is None:
        return Finding("fonts", "optional", "unknown; a kiosk wants apt-get install fonts-noto-cjk")
    found = subprocess.run(
        ["fc-match", "-f", "%{family}", "sans-serif:lang=zh-cn"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    if "CJK" in found or "Han" in found:
        return Finding("fonts", "good", f"Chinese is shown in {found.partition(',')[0]}")
    return Finding("fonts", "optional", "none for Chinese; apt-get install fonts-noto-cjk")


def _ports() -> list[Finding]:
    """The ports `suyuan up` wants; a running ledger of ours holds them too."""
    settings, found = read_settings(), []
    ports = {"kiosk_port": settings.kiosk_port, "intake_port": settings.intake_port}
    ports |= {"query_port": settings.query_port, "mqtt_port": settings.mqtt_port}
    ports["log_port"] = settings.log_port
    for name, number in ports.items():
        if port_taken(number):
            words = f"{number} is taken: by a ledger of ours, or set SUYUAN_{name.upper()}"
            found.append(Finding(name, "taken", words))
        else:
            found.append(Finding(name, "good", f"{number} is free"))
    return found


def _disk() -> Finding:
    folder = data_root()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    state: Literal["good", "bad"] = "good" if free > FREE_BYTES_MIN else "bad"
    return Finding("disk", state, f"{free // 2**20} MiB free under {folder}")
