"""What identifies a measurement: one analysis, its version and settings, and the runs it looks at."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveInt, SerializeAsAny

from rflib.config.runs import Checkpoint, ModelConfig, Positive, Run, Share
from rflib.config.settings import CalibrationImages, Settings, identity


class AnalysisSettings(Settings):
    """Settings of one analysis; `version` is raised when what it computes changes."""

    analysis: ClassVar[str]
    version: ClassVar[int]
    subjects: ClassVar[int] = 1


class HistorySettings(AnalysisSettings):
    """The course of a training run, one row an epoch: learning rate, losses, test accuracy."""

    analysis = "history"
    version = 1


class OneShotSettings(AnalysisSettings):
    """Test accuracy of a trained network, dense and pruned at several rates without fine-tuning.

    With `calibration_images`, once more after batch norm has re-estimated its statistics on so many training images.
    """

    analysis = "one_shot"
    version = 1
    rates: tuple[Share, ...] = (0.5, 0.6, 0.7, 0.8, 0.9)
    scopes: tuple[Literal["global", "layerwise", "live"], ...] = ("global", "layerwise", "live")
    checkpoint: Literal["last", "best"] = "last"
    calibration_images: CalibrationImages = 0


class RescaledTapsSettings(AnalysisSettings):
    """Accuracy before and after global pruning when dead taps are multiplied by each of `factors` before it.

    No output depends on a dead tap, so the networks compute the same and differ in what magnitude pruning removes.
    """

    analysis = "rescaled_taps"
    version = 1
    factors: Annotated[tuple[Positive, ...], Field(min_length=1)] = (0.1, 1.0, 10.0)
    rates: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.5, 0.6, 0.7, 0.8, 0.9)
    checkpoint: Literal["last", "best"] = "last"


class SpectrumSettings(AnalysisSettings):
    """The largest algebraic eigenvalues of the Hessian of the training loss on training images."""

    analysis = "spectrum"
    version = 2
    eigenvalues: PositiveInt = 90
    images: PositiveInt = 512
    batch_size: PositiveInt = 256
    batch_statistics: Literal["batch", "frozen"] = "batch"
    tolerance: Positive = 1e-3
    checkpoint: Checkpoint = "last"


class SimilaritySettings(AnalysisSettings):
    """Linear CKA of all convolutions between two runs on test images, debiased and biased."""

    analysis = "similarity"
    version = 2
    subjects = 2
    images: PositiveInt = 1000
    checkpoint: Checkpoint = "last"


class TravelSettings(AnalysisSettings):
    """How far training moved the trained parameters from where they began."""

    analysis = "travel"
    version = 1
    checkpoint: Literal["last", "best"] = "last"


class ArchitectureSettings(AnalysisSettings):
    """Fields, map sizes, parameters, dead taps and visible input of a network that need no training."""

    analysis = "architecture"
    version = 1
    subjects = 0
    model: ModelConfig
    image_size: PositiveInt = 32


class LayersSettings(AnalysisSettings):
    """What each convolution could add at one image size: its field, that of its input, and where the border lies."""

    analysis = "layers"
    version = 1
    subjects = 0
    model: ModelConfig
    image_size: PositiveInt = 32


class SaturationSettings(AnalysisSettings):
    """The share of its directions that each layer uses, on training images."""

    analysis = "saturation"
    version = 2
    images: PositiveInt = 2000
    delta: Annotated[float, Field(gt=0, le=1)] = 0.99
    checkpoint: Checkpoint = "last"


class ProbesSettings(AnalysisSettings):
    """Test accuracy of a logistic regression on each layer's output, pooled to `side` x `side` positions."""

    analysis = "probes"
    version = 2
    train_images: PositiveInt = 5000
    test_images: PositiveInt = 2000
    side: PositiveInt = 4
    checkpoint: Checkpoint = "last"


class EffectiveFieldSettings(AnalysisSettings):
    """How many pixels around a unit hold `share` of its gradient, for `layers` convolutions along the depth.

    On test images, as they are or continued by their mirror images to `mirrored` times their side: a field
    cannot be seen beyond the border. An untrained network's batch norms get the statistics of training images.
    """

    analysis = "effective_field"
    version = 2
    images: PositiveInt = 100
    mirrored: PositiveInt = 1
    layers: Annotated[int, Field(ge=2)] = 6
    share: Annotated[float, Field(gt=0, le=1)] = 0.95
    checkpoint: Checkpoint = "last"


class PixelSensitivitySettings(AnalysisSettings):
    """How strongly the output depends on each pixel of test images, and on a shift of all by one pixel.

    Pixels are compared by their position modulo each of `periods`, the products of strides.
    """

    analysis = "pixel_sensitivity"
    version = 2
    images: PositiveInt = 500
    periods: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)] = (2, 4)
    dead_below: Annotated[float, Field(gt=0, le=1)] = 0.5
    checkpoint: Checkpoint = "last"


class ResolutionsSettings(AnalysisSettings):
    """Which image sizes a network of torchvision is made for, and what refinement would change for others.

    `network` is torchvision's name; combinations of up to `changes` hyperparameters are tried.
    """

    analysis = "resolutions"
    version = 1
    subjects = 0
    network: str = "vgg16"
    image_sizes: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (32, 64, 224)
    changes: PositiveInt = 4


class SharpnessSettings(AnalysisSettings):
    """How sharp the solution is that training found, dense and pruned at `rate`, and how much its filters repeat.

    On training images, in one batch size with each batch's own statistics: a few eigenvalues of the Hessian,
    its trace from `probes` random vectors, and the radii `rho` of SAM and `adaptive_rho` of ASAM. The loss is taken
    along the top eigenvector, `eigenvector_steps` in units of the weights, and along a random direction, in multiples
    of the lengths of the filters.
    """

    analysis = "sharpness"
    version = 1
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


class MeasurementKey(Settings):
    """One measurement: an analysis with its settings and version, and the runs it looks at, in order."""

    analysis: str
    version: int = Field(ge=1)
    settings: SerializeAsAny[AnalysisSettings]
    runs: tuple[Run, ...] = ()

    @classmethod
    def of(cls, settings: AnalysisSettings, *runs: Run) -> MeasurementKey:
        """Return the key of `settings` applied to `runs`; their number is fixed by the analysis."""
        if len(runs) != settings.subjects:
            raise ValueError(f"'{settings.analysis}' looks at {settings.subjects} runs, found {len(runs)}")
        return cls(analysis=settings.analysis, version=settings.version, settings=settings, runs=runs)

    @property
    def id(self) -> str:
        """The hash of analysis, version, settings and the identities of the runs."""
        return identity([self.analysis, self.version, self.settings.model_dump(mode="json"), [r.id for r in self.runs]])

    @property
    def name(self) -> str:
        """A readable folder name that ends in the identity."""
        return "-".join([self.analysis, *(run.id[:8] for run in self.runs), self.id])
