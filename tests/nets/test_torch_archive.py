"""Checkpoints are read as data: nothing that a file says is run."""

import builtins
import os
import pickle
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from suffice.core import ModelError
from suffice.nets.torch_archive import read_archive


class Trap:
    """Calls a function when it is unpickled by anyone who believes it."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


class StateTrap:
    def __reduce__(self) -> tuple:
        return object, (), {"a": 1}


def set_off(marker: Path) -> list[object]:
    command = f"touch {marker}"
    return [
        Trap(os.system, command),
        Trap(builtins.eval, f"open({str(marker)!r}, 'w')"),
        Trap(builtins.exec, f"open({str(marker)!r}, 'w')"),
        Trap(subprocess.Popen, ["touch", str(marker)]),
        Trap(torch.hub.load, str(marker)),
        Trap(torch.load, str(marker)),
        Trap(Trap, os.system, command),
        Trap(np.load, str(marker)),
    ]


@pytest.mark.parametrize("which", range(8))
def test_nothing_is_run(tmp_path: Path, which: int) -> None:
    marker, path = tmp_path / "marker", tmp_path / "weights.pt"
    weights = {"layer.weight": torch.ones(2, 3)}
    torch.save({"trap": set_off(marker)[which], "model": weights}, path)
    with pytest.raises(ModelError, match="refused, and nothing in it was run"):
        read_archive(path)
    assert not marker.exists()


def test_a_class_of_another_program_is_inert(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    weights = {"layer.weight": torch.ones(2, 3)}
    torch.save({"trap": StateTrap(), "model": weights, "best": np.float64(0.5)}, path)
    archive = read_archive(path)
    assert list(archive.arrays) == ["layer.weight"]
    torch.testing.assert_close(archive.arrays["layer.weight"], torch.ones(2, 3))


def with_pickle(path: Path, text: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("w/data.pkl", text)
    return path


REDUCE_PRINT = b"cbuiltins\neval\n(S'1/0'\ntR."
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"


@pytest.mark.parametrize(
    "text",
    [
        REDUCE_PRINT,
        b"\x80\x02\x82\x01.",
        b"\x80\x02Nr\xff\xff\xff\x7f.",
        TENSOR + b"}S'_body'\nNsb.",
        TENSOR + b"N}S'_body'\nNs\x86b.",
        b"cos\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"not a pickle",
        b"",
    ],
)
def test_a_pickle_by_hand_is_refused(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(ModelError, match=r"weights\.pt|change a function"):
        read_archive(with_pickle(tmp_path / "weights.pt", text))


def test_no_module_is_imported(tmp_path: Path) -> None:
    assert "antigravity" not in sys.modules
    text = b"}S'model'\ncantigravity\nfly\n(tRs."
    with pytest.raises(ModelError, match=r"antigravity\.fly"):
        read_archive(with_pickle(tmp_path / "weights.pt", text))
    assert "antigravity" not in sys.modules
    text = text.replace(b"antigravity", b"some_library")
    with pytest.raises(ModelError, match="holds no network"):
        read_archive(with_pickle(tmp_path / "other.pt", text))


def test_a_tree_of_modules_of_an_absent_library(tmp_path: Path) -> None:
    """Built from stand-ins that are named as another library's, and gone when it is read."""
    names = ("ultralytics", "ultralytics.nn", "ultralytics.nn.tasks")
    modules = {name: types.ModuleType(name) for name in names}

    class SegmentationModel(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
            self.names = {0: "cell"}
            self.args = types.SimpleNamespace(lr0=0.01)

    SegmentationModel.__module__ = "ultralytics.nn.tasks"
    SegmentationModel.__qualname__ = "SegmentationModel"
    modules["ultralytics.nn.tasks"].SegmentationModel = SegmentationModel  # type: ignore[attr-defined]
    network = SegmentationModel().half()
    path = tmp_path / "yolo.pt"
    with pytest.MonkeyPatch.context() as patch:
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        torch.save({"model": network, "ema": None, "epoch": 3}, path)
    assert "ultralytics" not in sys.modules
    archive = read_archive(path)
    assert archive.origin == "ultralytics"
    assert archive.arrays.keys() == network.state_dict().keys()
    for name, array in network.state_dict().items():
        expected = array.float() if array.is_floating_point() else array
        torch.testing.assert_close(archive.arrays[name], expected)


def test_what_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    with pytest.raises(ModelError, match="does not exist"):
        read_archive(path)
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ModelError, match="is no checkpoint of torch"):
        read_archive(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("w/data.pkl", pickle.dumps({}))
    with pytest.raises(ModelError, match="is compressed"):
        read_archive(path)


@pytest.mark.parametrize(
    ("size", "stride", "offset"), [((4, 4), (0, 0), 0), ((3,), (1,), 2), ((2,), (-1,), 1)]
)
def test_an_array_beyond_its_storage(
    tmp_path: Path, size: tuple[int, ...], stride: tuple[int, ...], offset: int
) -> None:
    from suffice.nets.unpickling import rebuilt

    with pytest.raises(ModelError, match=r"storage"):
        rebuilt(torch.zeros(4), offset, size, stride)


def test_the_format_before_torch_1_6(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    shared = torch.arange(12.0)
    weights = {
        "a": shared[:6].view(2, 3),
        "b": shared[6:],
        "n": torch.tensor(3),
        "e": torch.ones(0),
    }
    torch.save({"state_dict": weights}, path, _use_new_zipfile_serialization=False)
    archive = read_archive(path)
    assert archive.arrays.keys() == weights.keys()
    for name, array in weights.items():
        torch.testing.assert_close(archive.arrays[name], array)
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    with pytest.raises(ModelError, match="ends too early"):
        read_archive(path)


def test_a_trap_in_the_old_format(tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / "weights.pth"
    content = {"trap": [{"deep": Trap(os.system, f"touch {marker}")}], "model": {}}
    torch.save(content, path, _use_new_zipfile_serialization=False)
    with pytest.raises(ModelError, match="nothing in it was run"):
        read_archive(path)
    assert not marker.exists()


def test_a_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.ts"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("model/data.pkl", b"N.")
        opened.writestr("model/code/__torch__.py", "")
    with pytest.raises(ModelError, match=r"TorchScript.*models/model\.pt"):
        read_archive(path)
