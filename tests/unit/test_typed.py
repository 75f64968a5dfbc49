"""A label's code that somebody types, pastes or scans as a keyboard leads where the code leads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk_ui.viewmodels.typed import as_typed, path_typed

MILK = "06901234567892"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (f"01{MILK}10A2411", f"/01/{MILK}/10/A2411"),
        (f"01{MILK}1726121010A/2411\x1d21serial", f"/01/{MILK}/10/A%2F2411"),
        (f"(01){MILK}(17)261210(10)A2411", f"/01/{MILK}/10/A2411"),
        (f"01{MILK}17261210", f"/01/{MILK}?17=261210"),
        (f"01{MILK}", f"/01/{MILK}"),
        (f"01{MILK}3103001250", f"/01/{MILK}"),
        (f"https://example.org/01/{MILK}/10/A%2F1?17=261210", f"/01/{MILK}/10/A%2F1"),
        (f"HTTP://EXAMPLE.ORG/food/01/{MILK}", f"/01/{MILK}"),
        (MILK, ""),
        ("01", ""),
        ("牛奶", ""),
        ("(01)", ""),
        ("(01)//example.org(10)A", ""),
        ("https://example.org/about", ""),
        (f"https://example.org/01/{MILK}12345", ""),
        (f"https://example.org/01/{MILK}/22/2A/10/A1", f"/01/{MILK}/10/A1"),
        (f"https://example.org/01/{MILK}?17=261210&x=1", f"/01/{MILK}?17=261210"),
        (f"(01){MILK}(10)A(B)1", f"/01/{MILK}/10/A%28B%291"),
        (f"]C101{MILK}10A1", f"/01/{MILK}/10/A1"),
        (f"01{MILK}10\x1d17261210", f"/01/{MILK}?17=261210"),
        (f"01{MILK}10..", f"/01/{MILK}"),
        (f"01{MILK}17²²²²²²", f"/01/{MILK}"),
    ],
)
def test_a_code_that_was_typed_leads_to_its_goods(text: str, path: str) -> None:
    assert path_typed(text) == path


ANY = st.text(max_size=30)


@given(
    st.one_of(
        ANY, ANY.map(lambda rest: f"01{MILK}{rest}"), ANY.map(lambda rest: f"01{MILK}10{rest}"),
        ANY.map(lambda rest: f"(01){MILK}(10){rest}"), ANY.map(lambda rest: f"https://x/01/{MILK}/10/{rest}"),
        ANY.map(lambda rest: f"https://x/01/{MILK}{rest}"),
    )
)  # fmt: skip
def test_whatever_is_typed_is_a_path_of_goods_or_none(text: str) -> None:
    path = path_typed(text)

    assert path == "" or path.startswith("/01/")
    assert "\n" not in path and "//" not in path


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("\uff16\uff19\uff10\uff11", "6901"), ("\u200b\ufeff牛奶\u202e ", "牛奶"), ("\x00", ""), ("\ud800", ""),
        (f"01{MILK}10A\x1d21B", f"01{MILK}10A\x1d21B"), ("  酸 奶 ", "酸 奶"), ("酸奶（原味）\u3000", "酸奶（原味）"),
    ],
)  # fmt: skip
def test_what_an_input_method_types_wide_or_unseen_is_what_it_means(text: str, meant: str) -> None:
    assert as_typed(text) == meant
