"""A real archive on loopback addresses: Debian's Orthanc, where it is installed."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import generate_uid

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, PASSWORD = "made-up-user", "made-up-password"


@dataclass(frozen=True)
class Server:
    """Where it listens; ``move`` is the port that it sends to when asked by SUFFICE."""

    http: int
    dicom: int
    move: int
    auth: Path

    @property
    def web(self) -> str:
        return f"dicomweb://127.0.0.1:{self.http}/dicom-web"

    @property
    def dimse(self) -> str:
        return f"dimse://MADEUP@127.0.0.1:{self.dicom}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start an empty archive that asks for a password, or skip where there is none to start."""
    program = shutil.which("Orthanc")
    if program is None or not PLUGIN.is_file():
        pytest.skip("Orthanc and its DICOMweb plugin (orthanc, orthanc-dicomweb) are not installed")
    place = tmp_path_factory.mktemp("orthanc")
    auth = place / "auth.toml"
    auth.write_text(f'user = "{USER}"\npassword = "{PASSWORD}"\n', encoding="utf-8")
    auth.chmod(0o600)
    server = Server(free_port(), free_port(), free_port(), auth)
    settings = {
        "StorageDirectory": str(place / "store"),
        "IndexDirectory": str(place / "store"),
        "Plugins": [str(PLUGIN)],
        "HttpPort": server.http,
        "DicomPort": server.dicom,
        "DicomAet": "MADEUP",
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowMove": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "DicomModalities": {"us": ["SUFFICE", "127.0.0.1", server.move]},
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (place / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    with (place / "log").open("w") as log:
        process = subprocess.Popen(
            [program, str(place / "settings.json")], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait(server, process, place / "log")
            yield server
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(400):
        if process.poll() is not None:
            pytest.skip(f"Orthanc does not start here: {log.read_text()[-300:]}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{server.http}/system", timeout=2)
        except urllib.error.HTTPError:
            # It asks who we are, so it is there.
            return
        except OSError:
            time.sleep(0.1)
    pytest.skip("Orthanc does not answer here")


@dataclass(frozen=True)
class Stored:
    """A made-up series that the archive has."""

    folder: Path
    study: str
    series: str
    patient: str


@pytest.fixture
def hospital(make_series: Callable[..., Path]) -> Callable[..., Stored]:
    """Write an oblique CT as a hospital would have it, with a study of its own."""

    def make(folder: str = "ct") -> Stored:
        rng = np.random.default_rng(0)
        across, down = np.array((0.8, 0.48, -0.36)), np.array((0.0, 0.6, 0.8))
        normal = np.cross(across, down)
        study, series = generate_uid(), generate_uid()
        patient = f"MADE-UP-{study[-8:]}"
        place = make_series(
            rng.integers(-1000, 1000, size=(6, 20, 16)).astype(np.int16),
            folder=folder,
            uid=series,
            orientation=(*across, *down),
            positions=[np.round(normal * 2.5 * i, 6) for i in range(6)],
            StudyInstanceUID=study,
            FrameOfReferenceUID=generate_uid(),
            RescaleSlope=1,
            RescaleIntercept=0,
            InstanceNumber=tuple(range(1, 7)),
            PatientID=patient,
            PatientName="Made^Up",
            PatientSex="O",
            PatientBirthDate="",
            StudyDate="20200101",
            StudyTime="",
            StudyID="1",
            AccessionNumber="7",
            SeriesNumber=1,
            SeriesDescription="made up",
            ReferringPhysicianName="",
        )
        return Stored(place, study, series, patient)

    return make


@pytest.fixture
def free_port_number() -> int:
    """A port on which nobody listens."""
    return free_port()
