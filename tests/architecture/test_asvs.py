"""The page on ASVS names tests that are there, and every row of levels 1 and 2 that it says it covers."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "asvs.md"
ROW = re.compile(
    r"^\| (?P<id>\d+\.\d+\.\d+) \| (?P<level>[12]) \| (?P<how>.+?) \| (?P<shown>.+?) \|$"
)
# How many rows of levels 1 and 2 each chapter of ASVS 5.0.0 has.
CHAPTERS = {
    1: 27, 2: 11, 3: 19, 4: 10, 5: 9, 6: 35, 7: 18, 8: 7, 9: 7, 10: 29, 11: 14, 12: 9, 13: 13,
    14: 9, 15: 13, 16: 16,
}  # fmt: skip


def rows() -> list[re.Match[str]]:
    return [found for line in PAGE.read_text().splitlines() if (found := ROW.match(line))]


def test_every_row_of_levels_1_and_2_is_answered_once() -> None:
    found = [row["id"] for row in rows()]

    assert len(found) == len(set(found))
    counts = dict.fromkeys(CHAPTERS, 0)
    for one in found:
        counts[int(one.split(".")[0])] += 1
    assert counts == CHAPTERS


def test_the_tests_that_it_names_are_there() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    told = [row["shown"] for row in rows()] + (ROOT / "docs" / "security.md").read_text().split("|")
    named = {name for text in told for name in re.findall(r"`(test_\w+)`", text)}

    missing = sorted(name for name in named if f"def {name}(" not in tests)
    assert missing == []
    assert len(named) > 40


def test_a_row_without_a_test_says_why() -> None:
    for row in rows():
        assert "`test_" in row["shown"] or row["shown"].startswith(
            ("does not apply", "not met", "by design", "document", "the operator", "part")
        ), row[0]
