"""COCO's average precision against pycocotools, the tool that defines it."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from suffice.core import UsageError
from suffice.metrics.coco import coco_precision
from suffice.metrics.detection import data_science_bowl_precision
from suffice.metrics.instances import InstanceOverlaps


def annotations(pictures, confidences=None):
    """COCO's table of instances; a volume is folded to a picture, which changes no overlap."""
    rows = []
    for picture, instances in enumerate(pictures, start=1):
        for i, value in enumerate(v for v in np.unique(instances) if v):
            mask = (instances == value).reshape(len(instances), -1)
            rle = coco_masks.encode(np.asfortranarray(mask.astype(np.uint8)))
            row = {"id": len(rows) + 1, "image_id": picture, "category_id": 1, "iscrowd": 0}
            row |= {"segmentation": rle, "area": int(mask.sum())}
            if confidences is not None:
                row["score"] = confidences[picture - 1][i]
            rows.append(row)
    coco = COCO()
    coco.dataset = {
        "images": [_picture(i + 1, instances) for i, instances in enumerate(pictures)],
        "annotations": rows,
        "categories": [{"id": 1}],
    }
    coco.createIndex()
    return coco


def _picture(number, instances):
    height = len(instances)
    return {"id": number, "height": height, "width": instances.size // height}


def by_pycocotools(predicted, reference, confidences, max_detections):
    with contextlib.redirect_stdout(io.StringIO()):
        tool = COCOeval(annotations(reference), annotations(predicted, confidences), "segm")
        tool.params.maxDets = [max_detections]
        tool.params.areaRng, tool.params.areaRngLbl = [[0, 1e10]], ["all"]
        tool.evaluate()
        tool.accumulate()
    precision = tool.eval["precision"][:, :, 0, 0, 0]
    return [np.nan if (p < 0).any() else p.mean() for p in (precision, precision[:1])]


def test_average_precision_equals_pycocotools(instance_map_pairs):
    rng = np.random.default_rng(0)
    pairs = list(instance_map_pairs(420))
    for start in range(0, len(pairs), 2):
        # A picture and a volume at a time; confidences of one decimal, so that many tie.
        cases = pairs[start : start + 2]
        tables = [InstanceOverlaps.of(*case) for case in cases]
        confidences = [rng.random(table.n_predicted).round(1) for table in tables]
        for most in (3, 100):
            theirs = by_pycocotools(*zip(*cases, strict=True), confidences, most)
            ours = [
                coco_precision(zip(tables, confidences, strict=True), *t, max_detections=most)
                for t in ((), ((0.5,),))
            ]
            np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_confidences_matter_to_coco_alone():
    overlaps = InstanceOverlaps.of(np.array([[1, 1, 0, 2]]), np.array([[7, 7, 0, 0]]))
    assert coco_precision([(overlaps, [0.9, 0.1])]) == 1
    assert coco_precision([(overlaps, [0.1, 0.9])]) == 0.5
    assert data_science_bowl_precision(overlaps) == 0.5


def test_without_instances():
    none, some = np.zeros((1, 4), int), np.array([[1, 1, 0, 2]])
    assert coco_precision([(InstanceOverlaps.of(none, some), [])]) == 0
    assert np.isnan(coco_precision([(InstanceOverlaps.of(some, none), [0.5, 0.6])]))
    assert np.isnan(coco_precision([]))
    # A case without reference instances counts by its false ones, once another has some.
    clean = (InstanceOverlaps.of(some, some), [0.5, 0.5])
    assert coco_precision([clean, (InstanceOverlaps.of(some, none), [0.9, 0.9])]) == 0.5


def test_each_instance_needs_a_confidence():
    overlaps = InstanceOverlaps.of(np.array([[1, 2]]), np.array([[1, 2]]))
    with pytest.raises(UsageError, match=r"finite confidence: got \(1,\), expected \(2,\)"):
        coco_precision([(overlaps, [0.5])])
