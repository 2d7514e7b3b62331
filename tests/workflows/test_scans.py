"""Scans to predict: whether they are what a model was trained on."""

from pathlib import Path

import pytest

from suffice.core import Channel, UsageError
from suffice.io import read_image
from suffice.workflows.scans import ScanToPredict, require_channels


def scan(*channels: str) -> ScanToPredict:
    return ScanToPredict("case", Path("case.nii.gz"), lambda: read_image(Path("x")), channels)


def test_channels_in_another_order_are_refused() -> None:
    model = (Channel("t1"), Channel("t2"))
    require_channels(scan("t1", "t2"), model)
    with pytest.raises(UsageError, match="got t2, t1, expected t1, t2"):
        require_channels(scan("t2", "t1"), model)


def test_a_single_channel_and_a_bare_file_may_have_any_name() -> None:
    require_channels(scan("flair"), (Channel("image"),))
    require_channels(scan(), (Channel("t1"), Channel("t2")))
