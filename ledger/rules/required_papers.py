"""Papers that a category of food must come with, as data."""

from datetime import date
from typing import Final, NamedTuple


class RequiredPaper(NamedTuple):
    """A kind of paper that every purchase of a category must have, with where that is asked."""

    kind: str
    zh: str
    source: str
    valid_from: date


_QUARANTINE = RequiredPaper(
    "quarantine", "动物检疫合格证明", "动物防疫法第五十一条 (secondary)", date(2021, 5, 1)
)
_INSPECTION = RequiredPaper(
    "meat-inspection",
    "肉品品质检验合格证",
    "生猪屠宰管理条例第十五条 (secondary)",
    date(2021, 8, 1),
)

# By category of the register. The law asks quarantine of all meat, the second paper of pork; who
# keeps pork apart registers it under `pork`.
REQUIRED_PAPERS: Final = {
    "meat": (_QUARANTINE,),
    "pork": (_QUARANTINE, _INSPECTION),
    "poultry": (_QUARANTINE,),
}


def required_on(category: str, day: date) -> tuple[str, ...]:
    """Returns the kinds of papers that a purchase of a category must have on a day."""
    return tuple(p.kind for p in REQUIRED_PAPERS.get(category, ()) if p.valid_from <= day)
