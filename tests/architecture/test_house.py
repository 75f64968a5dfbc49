"""The house rules: sizes, first lines, docs that cover what there is."""

import ast
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from ledger.events.base import stored_name
from ledger.events.catalogue import BY_NAME, TAPE_REPORTS
from ledger.settings import Settings
from query_api.app import build
from suyuan.cli import EDGE, SERVER, build_parser

ROOT = Path(__file__).parents[2]
PACKAGES = ("ledger", "scanners", "query_api", "kiosk_ui", "suyuan")
SOURCES = sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*.py"))
TRACKED = subprocess.run(
    ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
).stdout.split("\0")


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_tells_its_purpose_and_keeps_to_its_size(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)

    assert ast.get_docstring(tree), "say in the first line what the module is for"
    assert len(text.splitlines()) <= 400, "split the module by purpose"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno
            limit = 60
            assert length <= limit, f"{node.name} has {length} lines: one task a function"


def test_no_module_does_anything_when_it_is_imported() -> None:
    """Module level holds definitions, constants and pure calls: no connection, client or file."""
    forbidden = re.compile(
        r"^(\w+\s*=\s*)?(psycopg\.connect|mqtt\.Client|httpx\.(get|post|Client)|open)\("
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if forbidden.match(line)
    ]

    assert found == []


def test_no_two_classes_share_a_name() -> None:
    places: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))

    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert twice == {}, "one name, one meaning: rename one of them"


def test_no_name_is_a_utility() -> None:
    words = re.compile(r"^class \w*(Manager|Helper|Util|Data|Info)\b", re.MULTILINE)

    assert [str(p) for p in SOURCES if words.search(p.read_text())] == []


def test_every_suppression_names_its_rule_and_reason() -> None:
    bare = re.compile(r"# (noqa(?!: \w+  # )|type: ignore(?!\[[\w, -]+\]  # ))")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if bare.search(line)
    ]

    assert found == []


def test_the_lock_carries_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()

    assert "://" not in lock
    assert all("==" in line for line in lock.splitlines() if line and not line.startswith(" "))


def test_the_project_names_no_registry_and_no_machine() -> None:
    # Written in parts so that this file does not name them itself.
    words = [
        "pypi" + ".org",
        "npm" + "js",
        "python" + "hosted",
        "deb" + "ian.org",
        "/wo" + "rk/",
        "/ro" + "ot/",
    ]
    found = [
        (name, word)
        for name in TRACKED
        if name and (ROOT / name).is_file() and (ROOT / name).suffix not in (".png", ".lock")
        for word in words
        if word in (ROOT / name).read_text(errors="replace")
    ]

    assert found == []


def test_the_docs_cover_every_setting_event_route_and_verb() -> None:
    operating = (ROOT / "docs" / "operating.md").read_text()
    protocol = (ROOT / "docs" / "protocol.md").read_text()
    architecture = (ROOT / "ARCHITECTURE.md").read_text()
    routes = list(build("").openapi()["paths"])
    verbs = list(build_parser()._subparsers._group_actions[0].choices)  # type: ignore[union-attr,arg-type]

    missing = [name for name in Settings.__struct_fields__ if f"`{name}`" not in operating]
    missing += [name for name in map(stored_name, TAPE_REPORTS) if name not in protocol]
    missing += [name for name in BY_NAME if name not in protocol + architecture]
    missing += [route for route in routes if route not in operating]
    missing += [verb for verb in verbs if f"suyuan {verb}" not in operating]
    assert missing == []


def test_the_command_looks_for_each_verb_in_the_module_that_brings_it() -> None:
    modules = {**EDGE, **SERVER}
    brought = {
        module: tuple(build_parser(words[0])._subparsers._group_actions[0].choices)  # type: ignore[union-attr,arg-type]
        for module, words in modules.items()
    }
    commands = (ROOT / "suyuan" / "commands").glob("*.py")

    assert brought == modules
    assert set(modules) == {one.stem for one in commands if "\nVERBS" in one.read_text()}


def test_links_between_the_docs_lead_somewhere() -> None:
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            if not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")

    assert broken == []


def test_the_wheel_owns_five_packages_and_carries_what_they_need(tmp_path: Path) -> None:
    import sys

    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()

    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == set(PACKAGES)
    for needed in (
        "kiosk_ui/templates/lot.html",
        "kiosk_ui/assets/suyuan.css",
        "kiosk_ui/locale/zh.po",
    ):
        assert needed in names


def test_a_name_has_one_owner_among_installed_packages() -> None:
    from importlib.metadata import packages_distributions

    owners = packages_distributions()
    foreign = {name: set(owners.get(name, [])) - {"suyuan"} for name in PACKAGES}
    assert not any(foreign.values()), foreign
