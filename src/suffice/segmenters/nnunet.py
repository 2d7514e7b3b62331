"""A trained model of nnU-Net v2 as one of ours: its plans as our plan, its preparation honoured."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from suffice.core import Channel, Legend, ModelError
from suffice.segmenters.card import ModelCard
from suffice.training.plan import Plan
from suffice.weights.nnunet import NnUNetModel

_SCHEMES = {
    "ZScoreNormalization": "z-score",
    "CTNormalization": "cohort",
    "NoNormalization": "none",
    "RescaleTo01Normalization": "unit",
    "RGBTo01Normalization": "rgb",
}
_MAGNETIC = ("mr", "mri", "t1", "t2", "flair", "t1w", "t2w", "t1c", "t1ce", "t1gd", "dwi", "adc")
# Readers whose pictures have pixels of no known size.
_PICTURES = ("NaturalImage2DIO",)


def plan_of_nnunet(model: NnUNetModel) -> Plan:
    """Write the plans of nnU-Net as a plan of ours.

    Raises
    ------
    ModelError
        If they ask for what we do not do: cascades, other preprocessors or resamplers.
    """
    configuration = model.configuration
    _refuse_foreign(configuration)
    order = tuple(int(axis) for axis in model.plans["transpose_forward"])
    reader = str(model.plans.get("image_reader_writer", ""))
    in_pixels = reader in _PICTURES
    shape = model.plans.get("original_median_shape_after_transp") or (0, 0, 0)
    is_picture = model.ndim == 2 and (in_pixels or shape[0] == 1)
    spacing = tuple(float(s) for s in configuration["spacing"])
    slice_axis = None
    if is_picture:
        axis_order = tuple(axis - 1 for axis in order[1:])
        spacing = spacing[-2:]
    else:
        # It reads volumes with their axes the other way round.
        axis_order = tuple(2 - axis for axis in order)
        if model.ndim == 2:
            slice_axis, spacing = 0, (0.0, *spacing[-2:])
    return Plan(
        ndim=model.ndim,
        slice_axis=slice_axis,
        spacing_mm=spacing,
        pixel_units=in_pixels,
        patch_size=tuple(int(n) for n in configuration["patch_size"]),
        batch_size=2,
        in_channels=len(model.channels),
        n_classes=len(model.labels) + 1,
        widths=model.widths,
        strides=model.strides,
        blocks=model.blocks,
        normalisation=_schemes(configuration),
        intensity=_intensities(model),
        flip_axes=tuple(axis for axis in model.mirror_axes if axis < model.ndim),
        augmentation="strong",
        precision="32-true",
        n_heads=len(model.strides),
        encoder=model.encoder,
        architecture="nnunet",
        kernels=model.kernels,
        decoder_convs=model.decoder_convs,
        preparation="nnunet",
        axis_order=axis_order,
        reorient="Reorient" in reader,
    )


def card_of_nnunet(model: NnUNetModel, *, rung: str) -> ModelCard:
    """Describe a model of nnU-Net as one of ours."""
    legend = Legend.from_names({value: name for name, value in model.labels.items()})
    n_cases = int(model.dataset.get("numTraining") or 0)
    return ModelCard(
        rung=rung,
        legend=legend,
        channels=channels_of_nnunet(model),
        n_cases=n_cases,
        n_subjects=n_cases,
        minutes=0.0,
        seed=0,
        n_steps=0,
        versions={name: version(name) for name in ("suffice", "torch")},
        started_from=f"{model.trainer} of nnU-Net v2, {model.plans.get('dataset_name', '')}",
        licence=model.licence,
    )


def channels_of_nnunet(model: NnUNetModel) -> tuple[Channel, ...]:
    """Return the channels, CT in Hounsfield units."""
    names = model.channels
    if len(set(names)) < len(names):
        names = tuple(f"{name}_{i}" for i, name in enumerate(names))
    found = []
    for name, scheme in zip(names, _schemes(model.configuration), strict=True):
        if scheme == "cohort":
            found.append(Channel(name, "CT", "HU"))
        else:
            found.append(Channel(name, "MR" if name.lower() in _MAGNETIC else "OTHER"))
    return tuple(found)


def _schemes(configuration: Mapping[str, Any]) -> tuple[str, ...]:
    found = []
    inside = configuration["use_mask_for_norm"]
    for scheme, is_inside in zip(configuration["normalization_schemes"], inside, strict=True):
        if scheme not in _SCHEMES:
            raise ModelError(
                "The model normalises in a way that is not known here",
                got=scheme,
                expected=", ".join(_SCHEMES),
            )
        name = _SCHEMES[scheme]
        found.append("z-score-inside" if name == "z-score" and is_inside else name)
    return tuple(found)


def _intensities(model: NnUNetModel) -> tuple[tuple[float, float, float, float], ...]:
    plans = model.plans
    known = plans.get("foreground_intensity_properties_per_channel")
    known = known or plans.get("foreground_intensity_properties_by_modality") or {}
    keys = ("percentile_00_5", "percentile_99_5", "mean", "std")
    found = []
    for c in range(len(model.channels)):
        facts = known.get(str(c), {})
        low, high, mean, sd = (float(facts.get(key, float(key == "std"))) for key in keys)
        found.append((low, high, mean, sd))
    return tuple(found)


def _refuse_foreign(configuration: Mapping[str, Any]) -> None:
    options = configuration.get("resampling_fn_data_kwargs") or {}
    wanted = {
        "previous_stage": (configuration.get("previous_stage"), None),
        "preprocessor_name": (
            configuration.get("preprocessor_name", "DefaultPreprocessor"),
            "DefaultPreprocessor",
        ),
        "resampling_fn_data": (
            configuration.get("resampling_fn_data", "resample_data_or_seg_to_shape"),
            "resample_data_or_seg_to_shape",
        ),
        "order of resampling": (options.get("order", 3), 3),
        "order_z of resampling": (options.get("order_z", 0), 0),
        "force_separate_z": (options.get("force_separate_z"), None),
    }
    for key, (got, expected) in wanted.items():
        if got != expected:
            raise ModelError(
                f"The model's {key} is not nnU-Net's default, so that its scans cannot be prepared",
                got=got,
                expected=expected,
                cure="Start another training from it with --init.",
            )
