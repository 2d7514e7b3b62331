"""A folder goes on with the settings that it was begun with, or says which are others."""

from pathlib import Path

import pytest

from suffice.core import UsageError
from suffice.workflows.recording import known_settings, write_settings


def test_a_folder_goes_on_with_the_same_settings_alone(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    settings = {"seed": 0, "cases": ("a", "b")}
    assert known_settings(path, settings, "a trial") is None
    write_settings(path, {**settings, "minutes_each": 2.5})
    found = known_settings(path, settings, "a trial")
    assert found == {"seed": 0, "cases": ["a", "b"], "minutes_each": 2.5}
    with pytest.raises(UsageError, match="a trial with other cases, more"):
        known_settings(path, {"seed": 0, "cases": ("a",), "more": 1}, "a trial")
