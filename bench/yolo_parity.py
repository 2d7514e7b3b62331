"""Compare our YOLO with the ultralytics package on the same random weights.

The package is AGPL-3.0 and is never installed beside suffice: give the interpreter of an
environment of its own that has it. It builds a network with random weights and running averages,
saves it as it saves its checkpoints, and writes down what the network answers to a random
picture. Here the checkpoint is read without the package, and the answers are compared.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from suffice.nets.torch_archive import read_archive
from suffice.nets.yolo import Yolo, decode_boxes
from suffice.nets.yolo.decode import places
from suffice.nets.yolo.names import shape_of, take_weights

LARGEST_DIFFERENCE = 1e-4
N_CLASSES = 80

THEIRS = """
import sys
import numpy as np
import pandas as pd
import torch
from ultralytics import YOLO, __version__

folder, size = sys.argv[1:]
torch.manual_seed(0)
model = YOLO(f"yolov8{size}-seg.yaml").model
for module in model.modules():
    if isinstance(module, torch.nn.BatchNorm2d):
        module.running_mean.normal_(0, 0.1)
        module.running_var.uniform_(0.5, 1.5)
        module.weight.data.uniform_(0.5, 1.5)
        module.bias.data.normal_(0, 0.1)
torch.save({"model": model, "ema": None, "epoch": -1}, f"{folder}/weights.pt")
picture = torch.rand(1, 3, 160, 224)
with torch.no_grad():
    decoded, raw = model.eval()(picture)
first = decoded[0] if isinstance(decoded, tuple) else decoded
np.savez(
    f"{folder}/answers.npz",
    picture=picture.numpy(),
    decoded=first.numpy(),
    boxes=raw["boxes"].numpy(),
    classes=raw["scores"].numpy(),
    coefficients=raw["mask_coefficient"].numpy(),
    prototypes=raw["proto"].numpy(),
    version=np.array(__version__),
)
"""


def compare(python: Path, size: str) -> tuple[str, dict[str, float], str]:
    """Largest difference of each output, their version, and what was taken."""
    with tempfile.TemporaryDirectory(prefix="yolo-") as temporary:
        folder = Path(temporary)
        subprocess.run([str(python), "-c", THEIRS, temporary, size], check=True)
        with np.load(folder / "answers.npz") as loaded:
            answers = {name: loaded[name] for name in loaded.files}
        archive = read_archive(folder / "weights.pt")
    network = Yolo(shape_of(archive.arrays, in_channels=3, n_classes=N_CLASSES)).eval()
    taken = take_weights(network, archive.arrays)
    picture = torch.from_numpy(answers["picture"])
    with torch.no_grad():
        raw = network(picture)
        centres, strides = places(picture.shape[2:])
        boxes = decode_boxes(raw.boxes.mT, centres, strides)
    ours = {name: getattr(raw, name).numpy() for name in raw._fields}
    differences = {name: float(np.abs(ours[name] - answers[name]).max()) for name in ours}
    # Theirs are centre and size, in pixels.
    corners = np.concatenate(
        [
            answers["decoded"][:, :2] - answers["decoded"][:, 2:4] / 2,
            answers["decoded"][:, :2] + answers["decoded"][:, 2:4] / 2,
        ],
        axis=1,
    )
    differences["decoded boxes"] = float(np.abs(boxes.mT.numpy() - corners).max())
    return str(answers["version"]), differences, str(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, required=True, help="of an env with ultralytics")
    parser.add_argument("--sizes", default="ns")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    worst, rows = 0.0, []
    for size in options.sizes:
        version, differences, taken = compare(options.python, size)
        print(f"yolov8{size}-seg of ultralytics {version}: {taken}")
        for name, difference in differences.items():
            print(f"  {name}: largest difference {difference:.2e}")
            rows.append(
                {
                    "network": f"yolov8{size}-seg",
                    "ultralytics": version,
                    "output": name,
                    "largest_difference": float(f"{difference:.3g}"),
                    "torch": torch.__version__,
                }
            )
        worst = max(worst, *differences.values())
    options.results.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(options.results / "yolo_parity.csv", index=False)
    if worst > LARGEST_DIFFERENCE:
        raise SystemExit(f"The outputs differ by {worst:.2e}, more than {LARGEST_DIFFERENCE}")


if __name__ == "__main__":
    main()
