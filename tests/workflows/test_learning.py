"""What learns, from what and how: what a study keeps of it, and what is refused at once."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from suffice.core import Cohort, CohortError, UsageError
from suffice.segmenters import RUNGS
from suffice.segmenters.pooled_unet import STRATEGIES, PooledUNetSegmenter
from suffice.segmenters.unet import UNetSegmenter
from suffice.workflows import learning
from suffice.workflows.learning import POOLED_RUNGS, check_ways, started, starting, untrained
from suffice.workflows.running import run


@pytest.mark.parametrize("way", STRATEGIES)
def test_the_record_of_a_study_says_how_its_unets_learn(way: str) -> None:
    how = starting(None, (), unlabelled=way, raters="soft")
    assert started(how, RUNGS["unet"]) == {"unlabelled": way, "raters": "soft"}
    # Other kinds learn as ever, and so does a U-Net of which nothing was said.
    assert started(how, RUNGS["unet-plain"]) == started(how, RUNGS["threshold"]) == {}
    assert started(how, RUNGS["template-unet"]) == {"unlabelled": way}
    assert started(how, RUNGS["atlas-unet"]) == {"unlabelled": way}
    assert started(starting(None, ()), RUNGS["unet"]) == starting(None, ()) == {}


def test_what_no_training_could_do_is_refused_before_the_first(tiny_cohort: Cohort) -> None:
    labelled, pool = tiny_cohort.labelled(), tiny_cohort.unlabelled()
    how = starting(None, (), unlabelled="mean-teacher")
    check_ways(labelled, pool, ["threshold", "unet"], how)
    check_ways(labelled, pool, ["threshold", "atlas-unet"], how)
    check_ways(labelled, pool, ["template-unet", "unet"], how)
    with pytest.raises(UsageError, match="Only a U-Net learns"):
        check_ways(labelled, pool, ["atlas-unet"], {**how, "raters": "soft"})
    with pytest.raises(UsageError, match="Only a U-Net learns from a pool"):
        check_ways(labelled, pool, ["threshold"], how)
    with pytest.raises(CohortError, match="no unlabelled scan"):
        check_ways(labelled, pool.subset([]), ["unet"], how)
    with pytest.raises(UsageError, match="no such way"):
        check_ways(labelled, pool, ["unet"], {"unlabelled": "magic"})
    with pytest.raises(CohortError):
        check_ways(labelled, pool, ["unet"], {"raters": "soft"})
    check_ways(labelled, pool.subset([]), ["threshold"], {})


def test_only_a_plain_way_of_learning_takes_several_devices(tiny_cohort: Cohort) -> None:
    labelled, pool = tiny_cohort.labelled(), tiny_cohort.unlabelled()
    made = untrained(labelled, pool, devices=2)
    assert isinstance(made, UNetSegmenter) and made.devices == 2
    for how in ({"unlabelled": "mean-teacher"}, {"model": "threshold"}, {"model": "prob_unet"}):
        with pytest.raises(UsageError, match="trains on several devices"):
            untrained(labelled, pool, devices=2, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("rung", POOLED_RUNGS)
def test_a_unet_with_a_partner_learns_from_a_pool_too(tiny_cohort: Cohort, rung: str) -> None:
    labelled, pool = tiny_cohort.labelled(), tiny_cohort.unlabelled()
    made = untrained(labelled, pool, model=rung, unlabelled="soft-teacher")
    assert isinstance(made, PooledUNetSegmenter) and isinstance(made, RUNGS[rung])
    assert (made.rung, made.strategy) == (rung, "soft-teacher")
    assert made._kind() == f"{rung} and soft-teacher"
    for other in ("unet-plain", "threshold", "prob_unet"):
        with pytest.raises(UsageError, match="alone or with a partner"):
            untrained(labelled, pool, model=other, unlabelled="soft-teacher")
    with pytest.raises(UsageError, match="learns from several raters"):
        untrained(labelled, pool, model=rung, unlabelled="soft-teacher", raters="soft")


@pytest.mark.parametrize("from_masks", [True, False])
def test_weights_that_may_know_the_scored_masks_are_a_caution(
    from_masks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SimpleNamespace(from_masks=from_masks)
    monkeypatch.setattr(learning, "read_source", lambda path: source)
    found = learning.doubt_of_start(starting(Path("there/organ"), ()))
    assert (found is not None) == from_masks
    if found is not None:
        assert found.kind == "weights-may-know"
        assert "'organ'" in found.message
    assert learning.doubt_of_start(starting(None, ())) is None


def test_a_refused_study_leaves_nothing(tiny_cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such way"):
        run(tiny_cohort, tmp_path / "study", minutes=1, unlabelled="magic")
    assert list(tmp_path.iterdir()) == []
