"""Every word that a screen says is in the catalogue, so that it is said in Chinese as well."""

import re
from pathlib import Path

from kiosk_ui.faces.unhappy import FILLED_IN
from kiosk_ui.language import load_languages

FACES = Path("kiosk_ui")
TEMPLATE = re.compile(r"""_\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
CALLED = re.compile(
    r"""(?:\b(?:t|said|marked|word|refuse)\(|\btold\(\s*"[a-z]+",)\s*"((?:[^"\\]|\\.)*)\""""
)
# A text of more than one word in a script is meant for people, unless it is one of these.
LITERAL = re.compile(r'"([A-Za-z{(][^"\\\n]* [^"\\\n]*)"')
NOT_WORDS = re.compile(r"^(use strict|extra |INPUT|suyuan/|GET |\(min-width|[a-z-]+ [a-z-]+ ?$)")


def missing(texts: set[str]) -> list[str]:
    known = load_languages()["zh"].texts
    return sorted(text for text in texts if text not in known)


def test_every_word_of_the_templates_is_in_the_catalogue() -> None:
    found = {
        one or other
        for path in sorted(FACES.rglob("*.html"))
        for one, other in TEMPLATE.findall(path.read_text())
    }

    assert len(found) > 100
    assert missing(found) == []


def test_every_word_that_python_asks_for_is_in_the_catalogue() -> None:
    found = {text for path in FACES.rglob("*.py") for text in CALLED.findall(path.read_text())}

    assert missing(found) == []


def test_every_word_of_the_scripts_is_in_the_catalogue() -> None:
    paths = [path for path in FACES.rglob("*.js") if "vendor" not in path.parts]
    found = {text for path in paths for text in CALLED.findall(path.read_text())}
    code = "\n".join(re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.M) for path in paths)
    found |= {text for text in LITERAL.findall(code) if not NOT_WORDS.match(text)}

    assert missing(found) == []


TURNED_DOWN = re.compile(r'(?:Unusable|TooMany|NotYours)\(\s*"([^"]+)"')


def test_whatever_a_page_refuses_by_itself_is_said_in_chinese() -> None:
    found = {text for path in FACES.rglob("*.py") for text in TURNED_DOWN.findall(path.read_text())}

    assert len(found) > 8
    assert missing(found) == []


REFUSAL = re.compile(r'Refusal\(\s*"([a-z-]+)"')


PROBLEM = re.compile(r'Problem\(\s*4(?:0[139]|22|29), "([a-z-]+)"')


def test_whatever_the_query_api_refuses_is_said_in_chinese() -> None:
    codes = {
        f"refusal:{code}"
        for path in Path("query_api").rglob("*.py")
        for code in PROBLEM.findall(path.read_text())
    }

    assert len(codes) > 15
    assert missing(codes) == []


def test_what_is_wrong_with_a_field_is_said_in_chinese() -> None:
    assert missing({words for _, words in FILLED_IN}) == []


def test_every_refusal_of_the_ledger_is_said_in_chinese() -> None:
    codes = {
        f"refusal:{code}"
        for path in Path("ledger").rglob("*.py")
        for code in REFUSAL.findall(path.read_text())
    }

    assert len(codes) > 60
    assert missing(codes) == []
