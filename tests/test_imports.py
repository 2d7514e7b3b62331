"""`import suffice` and `suffice --help` stay light: judged by the modules that they load."""

import subprocess
import sys

import pytest

HEAVY = (
    *("torch", "pandas", "matplotlib", "nibabel", "SimpleITK", "scipy", "skimage", "pydicom"),
    *("highdicom", "pynetdicom", "dicomweb_client"),
)

LOADED = f"""
import sys
print("\\nloaded:", [name for name in {HEAVY!r} if name in sys.modules])
"""


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def test_importing_suffice_loads_nothing_heavy() -> None:
    assert run_python(f"import suffice{LOADED}").endswith("loaded: []\n")


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import sys
from suffice.cli.main import main
sys.argv = ["suffice", *{arguments!r}]
try:
    main()
except SystemExit as end:
    assert end.code == 0
{LOADED}"""
    assert run_python(code).endswith("loaded: []\n")
