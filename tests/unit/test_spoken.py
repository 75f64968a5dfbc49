"""Chinese names by their letters: whatever a hand types of them, in their order, finds them."""

from itertools import product as every
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ledger.projections.sounds import spoken_of
from ledger.values.spoken import as_letters, is_said_so, letter_grams, spoken_grams

# Two readings, a double initial, a reading of one letter, and what is no Chinese.
NAME = "张记长粒香米阿胶 200g 银耳"


@given(st.integers(0, 9), st.integers(2, 10), st.integers(0, 2**32))
def test_whole_readings_first_letters_and_a_break_anywhere_find_a_name(
    first: int, count: int, seed: int
) -> None:
    random = Random(seed)
    spoken = spoken_of(NAME)
    chosen = spoken.split()[first : first + count]
    parts = [random.choice(one.split(",")) for one in chosen]
    typed = "".join(random.choice((part, part[0])) for part in parts[:-1])
    typed += parts[-1][: random.randint(1, len(parts[-1]))]

    assert is_said_so(spoken, typed)
    # What the index is asked for is there as well.
    assert set(letter_grams(typed)) <= set(spoken_grams(spoken))


def test_letters_in_another_order_find_nothing() -> None:
    spoken = spoken_of("酸奶")

    typed = {"".join(one) for one in every("suanai", repeat=4)}
    found = {text for text in typed if is_said_so(spoken, text)}
    # The first letter and a whole reading, and a reading broken off.
    assert found == {"snai", "suan"}


def test_a_stall_is_found_by_its_first_letters_and_its_number() -> None:
    spoken = spoken_of("摊位 22 号")

    assert all(is_said_so(spoken, text) for text in ("tw22", "tanwei22", "tw2", "22hao", "wei22h"))
    assert not any(is_said_so(spoken, text) for text in ("tw3", "tw222", "22wei"))


def test_a_name_that_was_made_up_to_be_typed_in_many_ways_is_looked_at_once() -> None:
    # Each of these letters is a reading and its own first letter: two ways a letter would be 2^39 in all.
    assert not is_said_so("a " * 40 + "ba", "a" * 37 + "bab")
    assert is_said_so("a,ai,an " * 40, "a" * 40)


def test_what_is_no_letters_is_no_pinyin() -> None:
    assert as_letters("Lü xing") == "lvxing"
    assert as_letters("xi'an") == "xian"
    assert [as_letters(text) for text in ("牛奶", "6901", "", "é", "A-24/11", "a" * 41)] == [""] * 6
    assert as_letters("tw 22") == "tw22"
    assert spoken_of("Milk 200") == "milk 200"
    assert spoken_grams("") == ()
    assert not is_said_so("", "milk")
