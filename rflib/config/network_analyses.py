"""Analyses of networks, of their training and of what they have learned."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from rflib.config.measurement import AnalysisSettings, words
from rflib.config.runs import Checkpoint, ModelConfig
from rflib.config.settings import Positive, Share

Trained = Literal["last", "best"]


class HistorySettings(AnalysisSettings):
    """The course of a training run, one row an epoch: learning rate, losses, test accuracy."""

    analysis, version = "history", 1
    record = "training:history"
    columns = words("best_epoch epoch learning_rate train_loss train_accuracy test_loss test_accuracy")


class TravelSettings(AnalysisSettings):
    """How far training moved the trained parameters from where they began."""

    analysis, version = "travel", 1
    record = "training:travel"
    columns = words("distance initial_norm final_norm learning_rate_sum")
    checkpoint: Trained = "last"


class ArchitectureSettings(AnalysisSettings):
    """Fields, map sizes, parameters, dead taps and visible input of a network that need no training."""

    analysis, version, subjects = "architecture", 1, 0
    record = "networks:architecture"
    columns = words("receptive_field last_map_size parameters dead_share input_share name r_min r_max stride map_size")
    model: ModelConfig
    image_size: PositiveInt = 32


class LayersSettings(AnalysisSettings):
    """What each convolution could add at one image size: its field, that of its input, and where the border lies."""

    analysis, version, subjects = "layers", 1, 0
    record = "networks:layers"
    columns = words(
        "border_layer border_layer_largest smallest_feasible_pixels parameters forward_flops layer in_attention "
        "name r_min r_max input_r_min map_size unproductive_paper unproductive_toolbox"
    )
    model: ModelConfig
    image_size: PositiveInt = 32


class ResolutionsSettings(AnalysisSettings):
    """Which image sizes a network of torchvision is made for, and what refinement would change for others.

    `network` is torchvision's name; combinations of up to `changes` hyperparameters are tried.
    """

    analysis, version, subjects = "resolutions", 1, 0
    record = "networks:resolutions"
    columns = words(
        "parameters image_size takes_image failing_layer smallest_pixels largest_pixels convolutions unproductive "
        "needs_refinement changes refinement smallest_pixels_refined forward_flops forward_flops_refined "
        "parameters_refined"
    )
    network: str = "vgg16"
    image_sizes: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (32, 64, 224)
    changes: PositiveInt = 4


class SpectrumSettings(AnalysisSettings):
    """The largest algebraic eigenvalues of the Hessian of the training loss on training images."""

    analysis, version = "spectrum", 2
    record = "spectrum:spectrum"
    columns = words("products images converged rank eigenvalue residual")
    eigenvalues: PositiveInt = 90
    images: PositiveInt = 512
    batch_size: PositiveInt = 256
    batch_statistics: Literal["batch", "frozen"] = "batch"
    tolerance: Positive = 1e-3
    checkpoint: Checkpoint = "last"


class SharpnessSettings(AnalysisSettings):
    """How sharp the solution is that training found, dense and pruned at `rate`, and how much its filters repeat.

    On training images, in one batch size with each batch's own statistics: a few eigenvalues of the Hessian,
    its trace from `probes` random vectors, and the radii `rho` of SAM and `adaptive_rho` of ASAM. The loss is taken
    along the top eigenvector, `eigenvector_steps` in units of the weights, and along a random direction, in multiples
    of the lengths of the filters.
    """

    analysis, version = "sharpness", 1
    record = "sharpness:sharpnesses"
    columns = words(
        "converged largest trace trace_error converged_pruned largest_pruned trace_pruned trace_error_pruned sam "
        "asam filter_similarity relative_rank images line step loss"
    )
    images: PositiveInt = 512
    batch_size: PositiveInt = 256
    eigenvalues: PositiveInt = 2
    tolerance: Positive = 1e-2
    probes: Annotated[int, Field(ge=2)] = 50
    rate: Share = 0.9
    rho: Positive = 0.05
    adaptive_rho: Positive = 0.5
    eigenvector_steps: tuple[float, ...] = (-0.4, -0.2, -0.1, 0.0, 0.1, 0.2, 0.4)
    random_steps: tuple[float, ...] = (-0.5, -0.25, -0.1, 0.0, 0.1, 0.25, 0.5)
    checkpoint: Checkpoint = "last"


class SimilaritySettings(AnalysisSettings):
    """Linear CKA of all convolutions between two runs on test images, debiased and biased."""

    analysis, version, subjects = "similarity", 2, 2
    record = "similarity:similarity"
    columns = words("images layer name debiased biased")
    images: PositiveInt = 1000
    checkpoint: Checkpoint = "last"


class SaturationSettings(AnalysisSettings):
    """The share of its directions that each layer uses, on training images."""

    analysis, version = "saturation", 2
    record = "layers:saturations"
    columns = words("images name features samples saturation saturation_delve")
    images: PositiveInt = 2000
    delta: Annotated[float, Field(gt=0, le=1)] = 0.99
    checkpoint: Checkpoint = "last"


class ProbesSettings(AnalysisSettings):
    """Test accuracy of a logistic regression on each layer's output, pooled to `side` x `side` positions."""

    analysis, version = "probes", 2
    record = "layers:probed"
    columns = words("train_images test_images name accuracy train_accuracy features converged")
    train_images: PositiveInt = 5000
    test_images: PositiveInt = 2000
    side: PositiveInt = 4
    checkpoint: Checkpoint = "last"


class EffectiveFieldSettings(AnalysisSettings):
    """How many pixels around a unit hold `share` of its gradient, for `layers` convolutions along the depth.

    On test images, as they are or continued by their mirror images to `mirrored` times their side: a field
    cannot be seen beyond the border. An untrained network's batch norms get the statistics of training images.
    """

    analysis, version = "effective_field", 2
    record = "fields:effective_fields"
    columns = words("image_size input_size images name depth theoretical_field area_side square_side gaussian_width")
    images: PositiveInt = 100
    mirrored: PositiveInt = 1
    layers: Annotated[int, Field(ge=2)] = 6
    share: Annotated[float, Field(gt=0, le=1)] = 0.95
    checkpoint: Checkpoint = "last"


class PixelSensitivitySettings(AnalysisSettings):
    """How strongly the output depends on each pixel of test images, and on a shift of all by one pixel.

    Pixels are compared by their position modulo each of `periods`, the products of strides.
    """

    analysis, version = "pixel_sensitivity", 2
    record = "fields:pixel_sensitivity"
    columns = words(
        "images strided_layers uneven_layers prediction_change output_change period imbalance ratio partially_dead "
        "uniform_imbalance"
    )
    images: PositiveInt = 500
    periods: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)] = (2, 4)
    dead_below: Annotated[float, Field(gt=0, le=1)] = 0.5
    checkpoint: Checkpoint = "last"
