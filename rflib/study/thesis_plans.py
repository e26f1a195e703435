"""The parts of a role that the chapters after the thesis on prunability measure."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from rflib.config import (
    Architecture,
    DeepPruningSettings,
    FeatureVarianceSettings,
    NoiseRecipe,
    NoiseSettings,
    RedundancySettings,
    Settings,
)

GridPart = dict[Architecture, tuple[PositiveInt, ...]]


class NoisePlan(Settings):
    """Noise before pruning, on the dense runs of a part of the grid; `pool_kernels` None are all of it.

    The noise `fine_tuned` is fine-tuned as well, at every rate at which the role fine-tunes.
    """

    pool_kernels: GridPart | None = None
    noise: NoiseSettings = NoiseSettings()
    calibration_images: PositiveInt = 1000
    variance: FeatureVarianceSettings = FeatureVarianceSettings()
    fine_tuned: tuple[NoiseRecipe, ...] = (NoiseRecipe(),)


class RedundancyPlan(Settings):
    """What is redundant in deep layers, on the dense runs of a part of the grid; `pool_kernels` None are all of it.

    The best field is looked for below the grid too: at k = 1 with so many `omitted_downsamplings`.
    """

    pool_kernels: GridPart | None = None
    omitted_downsamplings: GridPart = Field(default={})
    redundancy: RedundancySettings = RedundancySettings()
    deep_pruning: DeepPruningSettings = DeepPruningSettings()
