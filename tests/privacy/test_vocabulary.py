"""Only words that name no one stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.privacy.vocabulary import clean_text, is_known, tokens_of, words


@given(st.text(max_size=80))
def test_nothing_but_known_words_is_left_and_cleaning_again_changes_nothing(text: str) -> None:
    cleaned = clean_text(text)
    assert all(is_known(token) for token in tokens_of(cleaned))
    assert clean_text(cleaned) == cleaned


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AX T1 FLAIR 3D post contrast", "AX T1 FLAIR 3D post contrast"),
        ("Anna Miller, DOB 12.03.1950", "12 03"),
        ("MRN 00471123", ""),
        ("kneeSagittal", "knee Sagittal"),
        ("slice 12 of 5mm", "slice 12 5mm"),
    ],
)
def test_examples(text: str, expected: str) -> None:
    assert clean_text(text) == expected


def test_no_word_is_a_single_letter() -> None:
    assert [word for word in words() if len(word) == 1 and word.isalpha()] == []
