"""Objects that touch: scored by the maps that tell them apart, else by connected components."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from suffice.core import Case, Channel, Cohort, Grid, LabelMap, Legend
from suffice.io import read_cohort, write_cohort, write_instances, write_mask
from suffice.metrics import Panel
from suffice.segmenters import Prediction
from suffice.workflows.evaluating import advise_on, evaluate
from suffice.workflows.importing import import_cohort
from suffice.workflows.predicting import predict

NUCLEI = Path(__file__).resolve().parents[3] / "shared" / "data" / "nuclei"
LEGEND = Legend.from_names({1: "cell"})
GRID = Grid((16, 24))


def cells() -> np.ndarray:
    """Two cells that touch and one apart."""
    numbers = np.zeros(GRID.shape, dtype=np.uint8)
    numbers[2:10, 2:8] = 1
    numbers[2:10, 8:13] = 2
    numbers[3:9, 17:22] = 3
    return numbers


def mask_of(numbers: np.ndarray) -> LabelMap:
    return LabelMap((numbers > 0).astype(np.uint8), GRID, LEGEND)


@pytest.fixture
def touching(tmp_path):
    """A cohort with a map of instances, and predictions equal to its mask."""
    (tmp_path / "pred" / "instances").mkdir(parents=True)
    PILImage.fromarray(cells() * 60).save(tmp_path / "x.png")
    write_mask(tmp_path / "mask.png", mask_of(cells()))
    write_instances(tmp_path / "objects.png", cells(), GRID)
    write_mask(tmp_path / "pred" / "x.png", mask_of(cells()))
    case = Case(
        "x",
        "x",
        {"image": tmp_path / "x.png"},
        {"anna": tmp_path / "mask.png", "ben": tmp_path / "mask.png"},
        instance_maps={"anna": tmp_path / "objects.png"},
    )
    write_cohort(Cohort("cells", tmp_path, (Channel(),), LEGEND, (case,)), tmp_path)
    return tmp_path


def values(evaluation, **where):
    rows = evaluation.scores[evaluation.scores["label"] == "cell"]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return dict(zip(rows["metric"], rows["value"], strict=True))


def test_drawn_objects_are_those_of_the_cohorts_map(touching):
    joined = evaluate(touching / "pred", touching, touching / "out", instances=True)
    assert values(joined)["count_error"] == -1 and values(joined)["pq"] < 1
    assert joined.objects.to_dict("records") == [
        {"case": "x", "rater": "anna", "drawn": "map", "predicted": "components"}
    ]
    assert (touching / "out" / "objects.csv").is_file()
    write_instances(touching / "pred" / "instances" / "x.png", cells(), GRID)
    told = evaluate(touching / "pred", touching, instances=True)
    assert values(told)["count_error"] == 0 and values(told)["pq"] == 1
    assert set(told.objects["predicted"]) == {"map"}


def test_a_panel_of_instances_takes_the_same_objects(touching):
    by_panel = evaluate(touching / "pred", touching, panel=Panel.of(["pq", "lesion_f1"]))
    by_flag = evaluate(touching / "pred", touching, instances=True)
    assert values(by_panel)["pq"] == values(by_flag)["pq"] < 1
    assert len(by_panel.objects) == 1
    assert not len(evaluate(touching / "pred", touching).objects)


def test_a_rater_without_a_map_and_a_consensus_have_components(touching):
    each = evaluate(touching / "pred", touching, rater="all", instances=True)
    assert each.objects.set_index("rater")["drawn"].to_dict() == {
        "anna": "map",
        "ben": "components",
    }
    assert values(each, rater="ben")["pq"] == 1 > values(each, rater="anna")["pq"]
    fused = evaluate(touching / "pred", touching, rater="consensus", instances=True)
    assert set(fused.objects["drawn"]) == {"components"}


def test_maps_beside_plain_references_count_too(touching):
    (touching / "ref" / "instances").mkdir(parents=True)
    write_mask(touching / "ref" / "x.png", mask_of(cells()))
    write_instances(touching / "ref" / "instances" / "x.png", cells(), GRID)
    result = evaluate(touching / "pred", touching / "ref", instances=True)
    assert set(result.objects["drawn"]) == {"map"}


def test_a_map_of_another_size_leaves_the_case_out(touching):
    write_instances(touching / "pred" / "instances" / "x.png", cells()[:8], Grid((8, 24)))
    write_mask(touching / "pred" / "y.png", mask_of(cells()))
    cohort = read_cohort(touching)
    twice = replace(cohort, cases=(*cohort.cases, replace(cohort.cases[0], name="y")))
    result = evaluate(touching / "pred", twice, instances=True)
    assert set(result.scores["case"]) == {"y"}
    assert "instances" in result.left_out[0].reason and "different" in result.left_out[0].reason


class Teller:
    """A model that tells objects apart."""

    channels_ = (Channel(),)

    def predict(self, image, **_):
        return Prediction(mask_of(cells()), instances=cells().astype(np.int32))


def test_predicted_objects_are_kept_where_evaluate_finds_them(touching):
    out = touching / "new"
    predict(touching, [touching / "x.png"], out, load=lambda _: Teller())
    assert (out / "instances" / "x.png").is_file()
    assert values(evaluate(out, touching, instances=True))["pq"] == 1


def test_advice_looks_at_the_masks_of_all_raters(touching):
    many = np.zeros(GRID.shape, dtype=np.uint8)
    many[1::4, 1::4] = 1
    write_mask(touching / "many.png", mask_of(many))
    cohort = read_cohort(touching)
    bare = touching / "none.png"
    write_mask(bare, mask_of(np.zeros_like(many)))
    masks = {"anna": bare, "ben": touching / "many.png", "cleo": touching / "many.png"}
    case = replace(cohort.cases[0], masks=masks, instance_maps={})
    advice, n_masks = advise_on(replace(cohort, cases=(case,)))
    # The first rater drew nothing: the advice rests on the two who did.
    assert n_masks == 3
    assert {"pq", "lesion_f1"} <= set(advice.panel.names)
    assert "1 of 3 masks do not have it" in str(advice)
    (touching / "many.png").write_bytes(b"no picture")
    masks = {"anna": touching / "mask.png", "ben": touching / "many.png"}
    assert advise_on(replace(cohort, cases=(replace(case, masks=masks),)))[1] == 1


@pytest.mark.skipif(not NUCLEI.is_dir(), reason="real data is not here")
def test_a_perfect_mask_of_real_nuclei_that_touch_is_no_perfect_count(tmp_path):
    cohort = import_cohort(NUCLEI, tmp_path / "cohort").cohort
    few = cohort.subset(list(cohort.names[:6]))
    for case in few.cases:
        mask = tmp_path / "pred" / f"{case.name}.png"
        mask.parent.mkdir(exist_ok=True)
        mask.write_bytes(case.masks["expert"].read_bytes())
    panel = Panel.of(["dice", "pq", "count_error"])
    result = evaluate(tmp_path / "pred", few, panel=panel)
    scores = result.scores.pivot(index="case", columns="metric", values="value")
    assert (scores["dice"] == 1).all() and set(result.objects["drawn"]) == {"map"}
    assert (scores["count_error"] <= 0).all() and scores["count_error"].min() < 0
    assert scores["pq"].min() < 1
