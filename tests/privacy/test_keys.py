"""The secret and what comes from it."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from suffice.core import StorageError, UsageError
from suffice.privacy import Key, read_key, write_key

TEXT = st.text(max_size=40)


@given(st.binary(min_size=32, max_size=32), TEXT)
def test_what_a_key_gives_is_of_the_right_form_and_the_same_again(secret: bytes, text: str) -> None:
    key = Key(secret)
    assert UID(key.uid(text)).is_valid and len(key.uid(text)) <= 64
    assert key.pseudonym(text).isalnum() and len(key.pseudonym(text)) <= 16
    assert -3650 <= key.days(text) <= -30
    again = Key(secret)
    assert (again.uid(text), again.pseudonym(text), again.days(text)) == (
        key.uid(text),
        key.pseudonym(text),
        key.days(text),
    )


def test_another_key_gives_other_names(key: Key) -> None:
    other = Key.fresh()
    assert other.pseudonym("a") != key.pseudonym("a")
    assert other.uid("1.2") != key.uid("1.2")
    assert other.fingerprint != key.fingerprint


def test_different_people_are_told_apart(key: Key) -> None:
    names = [f"patient {i}" for i in range(2000)]
    assert len({key.pseudonym(name) for name in names}) == 2000
    assert len({key.days(name) for name in names}) > 1000


def test_a_key_file_is_its_owners_and_comes_back(tmp_path: Path, key: Key) -> None:
    file = tmp_path / "deep" / "k.key"
    write_key(file, key)
    assert read_key(file) == key
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(StorageError, match="Cannot write the key file"):
        write_key(file, key)


@pytest.mark.skipif(os.name != "posix", reason="modes of files are those of POSIX")
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, key: Key) -> None:
    file = tmp_path / "k.key"
    write_key(file, key)
    file.chmod(0o644)
    with pytest.raises(UsageError, match=r"Others may read .* got mode 0644, expected 0600"):
        read_key(file)


@pytest.mark.parametrize("text", ["", "hello", "suffice de-identification key 1\nabc"])
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "k.key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(UsageError, match="is no key file"):
        read_key(file)


def test_a_key_does_not_show_itself(key: Key) -> None:
    assert key.secret.hex() not in repr(key) and "secret" not in repr(key)
