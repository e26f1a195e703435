"""Analyses of pruning: what it leaves and takes, what noise before it brings, and what is redundant in depth."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from rflib.config.measurement import AnalysisSettings, words
from rflib.config.network_analyses import Trained
from rflib.config.runs import NoiseKind
from rflib.config.settings import CalibrationImages, Positive, Share

Scales = Annotated[tuple[Positive, ...], Field(min_length=1)]
PruningRates = Annotated[tuple[Share, ...], Field(min_length=1)]
Orders = Annotated[tuple[Literal["before", "after"], ...], Field(min_length=1)]


class OneShotSettings(AnalysisSettings):
    """Test accuracy of a trained network, dense and pruned at several rates without fine-tuning.

    With `calibration_images`, once more after batch norm has re-estimated its statistics on so many training images.
    """

    analysis, version = "one_shot", 1
    record = "pruning:one_shot"
    columns = words(
        "dense_accuracy dense_loss images dense_calibrated_accuracy scope rate pruned_accuracy calibrated_accuracy "
        "prunable dead pruned pruned_dead"
    )
    rates: tuple[Share, ...] = (0.5, 0.6, 0.7, 0.8, 0.9)
    scopes: tuple[Literal["global", "layerwise", "live"], ...] = ("global", "layerwise", "live")
    checkpoint: Trained = "last"
    calibration_images: CalibrationImages = 0


class RescaledTapsSettings(AnalysisSettings):
    """Accuracy before and after global pruning when dead taps are multiplied by each of `factors` before it.

    No output depends on a dead tap, so the networks compute the same and differ in what magnitude pruning removes.
    """

    analysis, version = "rescaled_taps", 1
    record = "pruning:rescaled_taps"
    columns = words("dead_share images factor largest_change accuracy rate pruned_accuracy live_share_pruned")
    factors: Annotated[tuple[Positive, ...], Field(min_length=1)] = (0.1, 1.0, 10.0)
    rates: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.5, 0.6, 0.7, 0.8, 0.9)
    checkpoint: Trained = "last"


class NoiseSettings(AnalysisSettings):
    """Accuracy of `draws` noisy, pruned copies of a trained network a recipe, beside that of pruning it as it is.

    Every second test image is for selection, up to `selection_images`, and those between score what was selected, up to
    `test_images`: the runs were trained on all training images, so none of these could select. With
    `calibration_images`, pruned copies re-estimate their batch-norm statistics on so many training images.
    """

    analysis, version = "noise", 1
    record = "noise:noise"
    columns = words(
        "scope calibrated draws dense_accuracy selection_images test_images kind scale rate order mean deviation "
        "selected tested pruned_selection pruned_tested mean_benefit benefit"
    )
    kinds: Annotated[tuple[NoiseKind, ...], Field(min_length=1)] = ("multiplicative", "additive")
    scales: Scales = (0.1, 0.2, 0.4)
    rates: PruningRates = (0.5, 0.8, 0.9, 0.95, 0.98)
    orders: Orders = ("before", "after")
    scope: Literal["global", "live"] = "global"
    draws: PositiveInt = 100
    selection_images: PositiveInt = 5000
    test_images: PositiveInt = 5000
    calibration_images: Annotated[int, Field(ge=0)] = 0
    checkpoint: Trained = "last"


class FeatureVarianceSettings(AnalysisSettings):
    """How far the variances of a pruned network's features are from the dense one's, with and without noise.

    On training images at equal distances, over `draws` of the noise; each network also with batch-norm statistics
    re-estimated on `calibration_images`.
    """

    analysis, version = "feature_variance", 1
    record = "noise:feature_variances"
    columns = words("scope kind draws dense_dispersion rate order scale calibrated discrepancy dispersion")
    kind: NoiseKind = "multiplicative"
    scales: Scales = (0.1, 0.2, 0.4)
    rates: PruningRates = (0.5, 0.8, 0.9, 0.95, 0.98)
    orders: Orders = ("before", "after")
    scope: Literal["global", "live"] = "global"
    draws: PositiveInt = 5
    images: PositiveInt = 1000
    calibration_images: PositiveInt = 1000
    checkpoint: Trained = "last"


class RedundancySettings(AnalysisSettings):
    """Saturation and filter diversity of every convolution, dense and pruned at `rates`, on training images.

    `delta` is the share of the variance that saturation asks for.
    """

    analysis, version = "redundancy", 1
    record = "redundancy:redundancy"
    columns = words(
        "scope images rate layer name deep tail input_r_min saturation samples similarity relative_rank zero_filters"
    )
    rates: PruningRates = (0.8, 0.9)
    scope: Literal["global", "live"] = "global"
    images: PositiveInt = 2000
    delta: Annotated[float, Field(gt=0, le=1)] = 0.99
    checkpoint: Trained = "last"


class DeepPruningSettings(AnalysisSettings):
    """Accuracy on test images when the deep convolutions alone are pruned: the last third, and the tail.

    The tail is what lies from the border layer on ("Should You Go Deeper?"), where there is one. With
    `calibration_images`, once more after batch norm has re-estimated its statistics on so many training images.
    """

    analysis, version = "deep_pruning", 1
    record = "redundancy:deep_pruning"
    columns = words(
        "dense_accuracy dense_calibrated_accuracy images part layers weight_share dead_share scope rate accuracy "
        "calibrated_accuracy"
    )
    rates: PruningRates = (0.5, 0.8, 0.9, 0.95, 0.98)
    scopes: Annotated[tuple[Literal["global", "live"], ...], Field(min_length=1)] = ("global", "live")
    test_images: PositiveInt = 10000
    checkpoint: Trained = "last"
    calibration_images: CalibrationImages = 0
