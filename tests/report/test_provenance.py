from pathlib import Path

import pytest

from suffice.report.provenance import provenance_rows, relative

FOLDER = Path("/data/studies/lungs")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/data/studies/lungs/validation/a.png", "validation/a.png"),
        ("/data/studies/cohort", "../cohort"),
        ("/home/jane doe/private scans/a.nii.gz", "…/a.nii.gz"),
        ("'/home/jane doe/a b.nii.gz' is cut off.", "'…/a b.nii.gz' is cut off."),
        ("see /home/jane/a.nii.gz, truncated", "see …/a.nii.gz, truncated"),
        ("'C:\\Users\\Jane Doe\\a.nii' is cut off", "'…/a.nii' is cut off"),
        ("images/a.nii.gz", "images/a.nii.gz"),
        ("1/2 of doi.org/10.1000/182", "1/2 of doi.org/10.1000/182"),
    ],
)
def test_absolute_paths_lose_what_names_the_machine(text, shown):
    assert relative(text, FOLDER) == shown


def test_settings_are_flattened_in_order():
    config = {"data_hash": "ab", "settings": {"mirror": False, "test": ["a", "b"]}, "minutes": 2.0}
    assert provenance_rows(config, FOLDER) == [
        ("Data hash", "ab"),
        ("Settings: mirror", "no"),
        ("Settings: test", "a, b"),
        ("Minutes", "2"),
    ]
