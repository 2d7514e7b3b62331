"""Names of files and folders."""

from pathlib import PurePath

from hypothesis import given
from hypothesis import strategies as st

from suffice.privacy import Key
from suffice.privacy.names import Names
from suffice.privacy.vocabulary import is_known, tokens_of


def test_words_and_slices_stay_and_people_go(key: Key) -> None:
    names = Names(key, frozenset(["johndoe"]))
    mapped = names.path(PurePath("sub-JohnDoe/anat/sub-JohnDoe_ses-20230415_T1w.NII.gz"))
    subject = key.pseudonym("johndoe")
    visit = key.pseudonym("20230415")
    assert mapped == PurePath(f"sub-{subject}/anat/sub-{subject}_ses-{visit}_T1w.nii.gz")


def test_a_number_of_a_subject_is_told_from_one_of_a_slice(key: Key) -> None:
    names = Names(key, frozenset(["12"]))
    assert names.stem("12") == key.pseudonym("12")
    assert names.stem("patient_12_slice_12") == f"patient_{key.pseudonym('12')}_slice_12"


def test_an_identifier_of_several_parts_is_replaced_as_a_whole(key: Key) -> None:
    names = Names(key, frozenset(["hip-007", "hip"]))
    assert names.stem("mask_HIP-007_left") == f"mask_{key.pseudonym('hip-007')}_left"
    assert names.stem("hip-0071") != f"{key.pseudonym('hip-007')}1"


@given(
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=30
    )
)
def test_nothing_unknown_is_left(text: str) -> None:
    names = Names(Key(bytes(32)))
    pseudonyms = {names.key.pseudonym(token) for token in tokens_of(text)}
    for token in tokens_of(names.stem(text)):
        assert token in pseudonyms or is_known(token)
