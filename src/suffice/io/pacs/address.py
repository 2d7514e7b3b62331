"""Where an archive is, and which study or series in it is meant."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from suffice.core import UsageError

Kind = Literal["dicomweb", "dimse"]

OWN_AET = "SUFFICE"
"""What we call ourselves where the address does not say otherwise."""

_SCHEMES = {"dicomweb": "http", "dicomweb+http": "http", "dicomweb+https": "https"}
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_EXAMPLES = (
    "dicomweb+https://HOST/dicom-web/studies/UID or dimse://AET@HOST:PORT/studies/UID/series/UID"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An archive, and the study or series in it.

    Parameters
    ----------
    kind : {"dicomweb", "dimse"}
    host : str
    port : int, optional
    url : str
        The root of the DICOMweb services.
    aet : str
        Title of the archive's application entity.
    own_aet : str
        Title that we call ourselves by.
    move_port : int, optional
        Where the archive is to send what is fetched (C-MOVE); fetched by C-GET where not given.
    study, series : str
        Identifiers; empty for the whole archive or study.
    """

    kind: Kind
    host: str
    port: int | None = None
    url: str = ""
    aet: str = ""
    own_aet: str = OWN_AET
    move_port: int | None = None
    study: str = ""
    series: str = ""

    @property
    def archive(self) -> Address:
        """The archive itself."""
        return replace(self, study="", series="")

    def __str__(self) -> str:
        place = self.url if self.kind == "dicomweb" else f"{self.aet}@{self.host}:{self.port}"
        return f"{'DICOMweb' if self.kind == 'dicomweb' else 'DIMSE'} {place}"


def is_address(text: str) -> bool:
    """Whether a text is the address of an archive rather than a path.

    Examples
    --------
    >>> is_address("dicomweb://host/dicom-web"), is_address("scans/dimse")
    (True, False)
    """
    return text.partition("://")[0] in (*_SCHEMES, "dimse") and "://" in text


def parse_address(text: str) -> Address:
    """Take an address apart.

    Raises
    ------
    UsageError
        If it is none, or holds a password.

    Examples
    --------
    >>> found = parse_address("dicomweb+https://pacs.example/dicom-web/studies/1.2/series/3.4")
    >>> found.url, found.study, found.series
    ('https://pacs.example/dicom-web', '1.2', '3.4')
    >>> parse_address("dimse://ORTHANC@127.0.0.1:4242/studies/1.2?aet=ME").own_aet
    'ME'
    """
    if not is_address(text):
        raise UsageError("That is no address of an archive", got=_safe(text), expected=_EXAMPLES)
    parts = urlsplit(text)
    root, study, series = _levels(parts.path, text)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host:
        raise UsageError("The address names no host and port", got=_safe(text), expected=_EXAMPLES)
    if parts.scheme != "dimse":
        if parts.username is not None or parts.password is not None:
            raise UsageError(
                "An address must not hold a password, which would stay in the shell's history",
                cure="Name a file with --auth, or write ~/.netrc.",
            )
        where = host if port is None else f"{host}:{port}"
        url = f"{_SCHEMES[parts.scheme]}://{where}{root}"
        return Address(kind="dicomweb", host=host, port=port, url=url, study=study, series=series)
    options = parse_qs(parts.query)
    if not parts.username or port is None or len(parts.username) > 16 or parts.password:
        raise UsageError(
            "The address of an archive on DICOM's network names its title and port",
            got=_safe(text),
            expected="dimse://AET@HOST:PORT",
        )
    move = options.get("move", [""])[0]
    if move and not move.isdecimal():
        raise UsageError("move= takes the port that is listened on", got=move)
    return Address(
        kind="dimse",
        host=host,
        port=port,
        aet=parts.username,
        own_aet=options.get("aet", [OWN_AET])[0],
        move_port=int(move) if move else None,
        study=study,
        series=series,
    )


def _levels(path: str, text: str) -> tuple[str, str, str]:
    """Part a path into the root, the study and the series."""
    root, mark, rest = path.partition("/studies/")
    if not mark:
        return path.rstrip("/"), "", ""
    study, _, below = rest.strip("/").partition("/series/")
    if not _UID.fullmatch(study) or (below and not _UID.fullmatch(below)):
        raise UsageError(
            "The address names no study or series", got=_safe(text), expected=_EXAMPLES
        )
    return root, study, below


def _safe(text: str) -> str:
    """Cut what may be a password out of what is shown."""
    return re.sub(r"(://[^/@]*?):[^/@]*@", r"\1:...@", text)
