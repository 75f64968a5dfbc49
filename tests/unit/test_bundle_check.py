"""Checking somebody else's bundle: nothing of it is believed, and nothing of it ends in a traceback."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ledger.bundles.checking import UNREADABLE, check, main
from tests.support.published import OneLog


def bundle(path: Path, told: dict[str, Any], **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bundle.json", json.dumps(told))
        for name, content in files.items():
            file.writestr(name, content)
    return path


def genuine(log: OneLog) -> dict[str, Any]:
    said = log.publish()
    proved = {"key": log.signer.public, "checkpoint": said.note.decode(), "paths": {}}
    return {"ledger": "t", "records": [], "documents": [], "log": proved}


def test_a_bundle_without_records_shows_nothing(tmp_path: Path) -> None:
    log = OneLog([bytes(32)])

    found = check(bundle(tmp_path / "b.zip", genuine(log)), log.signer.public)

    assert found.problems == ["it holds no record: it shows nothing"]


def test_a_paper_that_no_record_names_is_a_problem(tmp_path: Path) -> None:
    log = OneLog([bytes(32)])
    digest = hashlib.sha256(b"forged paper").hexdigest()
    told = genuine(log) | {"documents": [{"file": "x", "digest": digest, "of": [1]}]}

    found = check(bundle(tmp_path / "b.zip", told, x=b"forged paper"), log.signer.public)

    assert f"no record names the paper {digest}" in found.problems


@pytest.mark.parametrize(
    "change",
    [
        {"log": 5}, {"log": {"key": 5, "checkpoint": "a\n1\nAAAA", "paths": {}}}, {"records": 7},
        {"records": [5]}, {"log": {"key": "a+b", "checkpoint": 5, "paths": []}},
        {"documents": [{"file": "nowhere", "digest": "00"}]},
        {"records": [{"position": 1, "opening": {"public": 5}}]},
    ],
)  # fmt: skip
def test_a_bundle_that_is_none_is_said_so(
    tmp_path: Path, change: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    path = bundle(tmp_path / "b.zip", genuine(OneLog([bytes(32)])) | change)

    assert main([str(path)]) == 2
    assert "is no bundle" in capsys.readouterr().out


def test_a_bundle_that_unfolds_to_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file,
        file.open("bundle.json", "w") as out,
    ):
        for _ in range(300):
            out.write(b" " * 2**20)

    with pytest.raises(ValueError, match="more than"):
        check(path)


def test_a_damaged_zip_and_a_deep_one_are_said_so(tmp_path: Path) -> None:
    path = bundle(tmp_path / "b.zip", genuine(OneLog([bytes(32)])))
    content = bytearray(path.read_bytes())
    content[60:90] = bytes(30)
    path.write_bytes(bytes(content))
    with pytest.raises(UNREADABLE):
        check(path)
    with zipfile.ZipFile(tmp_path / "deep.zip", "w") as file:
        file.writestr("bundle.json", "[" * 200_000)
    with pytest.raises(UNREADABLE):
        check(tmp_path / "deep.zip")
