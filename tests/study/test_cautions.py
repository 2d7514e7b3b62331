from pathlib import Path

import pytest

from suffice.core import FileFormatError
from suffice.study import Caution, read_cautions, write_cautions


def test_cautions_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "cautions.csv"
    assert read_cautions(path) == ()
    cautions = (Caution("near-duplicate", ("a b", "c,d"), "Two, alike", 'Give "one" subject.'),)
    write_cautions(path, cautions)
    assert read_cautions(path) == cautions


@pytest.mark.parametrize("content", [b"kind,cases\nx,y\n", b"\xff\xfe\n\xff"])
def test_a_damaged_table_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cautions.csv").write_bytes(content)
    with pytest.raises(FileFormatError, match="is not a table of cautions"):
        read_cautions(tmp_path / "cautions.csv")
