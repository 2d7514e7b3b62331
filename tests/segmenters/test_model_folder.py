"""A model on disk: bytes that do not change, names of any letters, damage that is told."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suffice.core import Channel, Label, Legend, ModelError, StorageError
from suffice.segmenters import UNetSegmenter, load_segmenter
from suffice.segmenters.card import ModelCard, read_card
from suffice.segmenters.unet_folder import read_unet, write_unet
from suffice.training.objective import build_network
from suffice.training.plan import Plan, plan_to_toml

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


def card_of(name: str = "lung", channel: str = "image", code: str | None = None) -> ModelCard:
    return ModelCard(
        rung="unet",
        legend=Legend((Label(4, name, "#E69F00", code),)),
        channels=(Channel(channel, "CT", "HU"),),
        n_cases=3,
        n_subjects=2,
        minutes=1.5,
        seed=0,
        n_steps=10,
        versions={"torch": "2.13.0+cpu", "suffice": "0.1.0"},
    )


@pytest.fixture
def model(tmp_path: Path, small_plan: Plan) -> Path:
    weights = dict(build_network(small_plan).state_dict())
    history = [{"step": 1, "seconds": 0.5, "learning_rate": 1e-3, "loss": 2.0, "dice": 0.1}]
    write_unet(tmp_path / "m", card_of(), small_plan, weights, history, overwrite=False)
    return tmp_path / "m"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=text, channel=text, code=text)
def test_names_of_any_letters_survive(
    tmp_path: Path, small_plan: Plan, name: str, channel: str, code: str
) -> None:
    card = card_of(name, channel, code)
    write_unet(tmp_path / "any", card, small_plan, {}, [], overwrite=True)
    assert read_card(tmp_path / "any") == card


def test_what_is_written_is_read(model: Path, small_plan: Plan) -> None:
    card, plan, weights, history, own = read_unet(model)
    assert own == {}
    assert card == card_of() and plan == small_plan
    torch.manual_seed(0)
    assert weights.keys() == build_network(small_plan).state_dict().keys()
    assert history[0]["loss"] == 2.0
    assert sorted(path.name for path in model.iterdir()) == [
        "history.csv",
        "model.toml",
        "plan.toml",
        "weights.safetensors",
    ]


@pytest.mark.parametrize("name", ["plan.toml", "weights.safetensors", "history.csv"])
def test_a_missing_file_is_named(model: Path, name: str) -> None:
    (model / name).unlink()
    with pytest.raises(ModelError, match=f"incomplete: got no {name}"):
        load_segmenter(model)


@pytest.mark.parametrize("damage", [b"\xff\xfe\x00broken", b"a = \n1,2\n", b""])
@pytest.mark.parametrize("name", ["model.toml", "plan.toml", "weights.safetensors"])
def test_a_damaged_file_is_told(model: Path, name: str, damage: bytes) -> None:
    (model / name).write_bytes(damage)
    with pytest.raises(ModelError, match="cannot be read"):
        load_segmenter(model)


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"step,loss\n1,high\n", b"step,loss\n1\n"])
def test_a_damaged_history_is_told(model: Path, damage: bytes) -> None:
    (model / "history.csv").write_bytes(damage)
    with pytest.raises(ModelError, match=r"history\.csv' cannot be read"):
        load_segmenter(model)


@pytest.mark.parametrize("change", [{"widths": (8, 24)}, {"blocks": (1, 2)}])
def test_weights_that_do_not_fit_the_plan(model: Path, small_plan: Plan, change: dict) -> None:
    text = plan_to_toml(replace(small_plan, **change))
    (model / "plan.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="do not fit its plan"):
        load_segmenter(model)


def test_folders_that_are_no_model(tmp_path: Path, model: Path) -> None:
    with pytest.raises(ModelError, match=r"is not a model\. Give a folder"):
        load_segmenter(tmp_path)
    card = (model / "model.toml").read_text(encoding="utf-8")
    (model / "model.toml").write_text(card.replace('"unet"', '"oracle"'), encoding="utf-8")
    with pytest.raises(ModelError, match=r"unknown kind: got oracle, expected .*unet"):
        load_segmenter(model)


def test_a_full_disk_is_told_and_leaves_nothing(model: Path, small_plan: Plan) -> None:
    weights = {"w": torch.zeros(200_000)}
    place = model.with_name("other")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(StorageError, match="Cannot write"):
            write_unet(place, card_of(), small_plan, weights, [], overwrite=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in model.parent.iterdir()] == ["m"]


def test_nothing_can_be_saved_or_predicted_untrained(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"not trained\. Call fit, or load a model"):
        UNetSegmenter().save(tmp_path / "m")
