"""Credentials: from a file of one's own, shown nowhere."""

import re
from pathlib import Path

import pytest

from suffice.core import FileFormatError
from suffice.io.pacs.credentials import read_credentials


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_what_a_file_says(tmp_path: Path) -> None:
    write(tmp_path / "ca.pem", "x")
    path = write(tmp_path / "auth.toml", 'user = "me"\npassword = "hunter2"\nca = "ca.pem"\n')
    found = read_credentials(path)
    assert (found.user, found.password, found.ca) == ("me", "hunter2", tmp_path / "ca.pem")
    assert "hunter2" not in repr(found)
    token = read_credentials(write(tmp_path / "t.toml", 'token = "hunter3"\n'))
    assert "hunter3" not in repr(token)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused(mode: int, tmp_path: Path) -> None:
    path = write(tmp_path / "auth.toml", 'token = "hunter2"\n', mode)
    with pytest.raises(FileFormatError, match=r"Others may read .* chmod 600"):
        read_credentials(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("password hunter2", "cannot be read as credentials"),
        ('passwort = "hunter2"\n', "holds what no credentials are: got passwort"),
        ("password = 7\n", "holds what no credentials are: got password"),
        ('ca = "gone.pem"\n', "does not exist"),
    ],
)
def test_what_is_wrong_is_named_without_the_secret(text: str, says: str, tmp_path: Path) -> None:
    path = write(tmp_path / "auth.toml", text)
    with pytest.raises(FileFormatError, match=re.escape(says)) as refused:
        read_credentials(path)
    assert "hunter2" not in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="does not exist"):
        read_credentials(tmp_path / "gone.toml")
