"""Addresses: archive, study and series, and never a password."""

import re

import pytest

from suffice.core import UsageError
from suffice.io.pacs.address import is_address, parse_address


def test_the_parts_of_addresses() -> None:
    web = parse_address("dicomweb://pacs:8042/dicom-web/studies/1.2.3/series/4.5")
    assert (web.url, web.study, web.series) == ("http://pacs:8042/dicom-web", "1.2.3", "4.5")
    assert str(web) == "DICOMweb http://pacs:8042/dicom-web"
    assert web.archive.study == web.archive.series == ""
    secure = parse_address("dicomweb+https://pacs/rs/")
    assert (secure.url, secure.study) == ("https://pacs/rs", "")
    net = parse_address("dimse://ARCHIVE@10.0.0.1:104/studies/1.2?aet=ME&move=11112")
    assert (net.aet, net.host, net.port, net.study) == ("ARCHIVE", "10.0.0.1", 104, "1.2")
    assert (net.own_aet, net.move_port) == ("ME", 11112)
    assert parse_address("dimse://A@h:1").move_port is None


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("https://pacs/rs", "no address of an archive"),
        ("dicomweb://", "names no host"),
        ("dicomweb://pacs:port/rs", "names no host and port"),
        ("dimse://pacs:104", "names its title and port"),
        ("dimse://A@pacs", "names its title and port"),
        ("dimse://A_TITLE_OF_17_CHARS@pacs:1", "names its title and port"),
        ("dicomweb://pacs/rs/studies/abc", "names no study or series"),
        ("dicomweb://pacs/rs/studies/1.2/series/../../x", "names no study or series"),
        ("dimse://A@pacs:1?move=x", "move= takes the port"),
    ],
)
def test_what_is_no_address_is_named(address: str, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        parse_address(address)


@pytest.mark.parametrize("kind", ["dicomweb", "dimse", "http"])
def test_passwords_are_refused_and_not_repeated(kind: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_address(f"{kind}://me:hunter2@pacs:1/rs")
    assert "hunter2" not in str(refused.value)


def test_paths_are_no_addresses() -> None:
    assert not any(map(is_address, ("scans", "/data/dicomweb", "C://scans", "dimse")))
    assert is_address("dimse://A@h:1")
