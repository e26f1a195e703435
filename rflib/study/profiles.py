"""Profiles: the data, grids and schedules of one scale of the paper, read from `notebooks/profiles/*.yml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, PositiveInt, model_validator

from rflib.config import (
    SHIFT_CLASSES,
    Architecture,
    DataConfig,
    EffectiveFieldSettings,
    MaskRecipe,
    ModelConfig,
    OneShotSettings,
    PixelSensitivitySettings,
    PrecisionConfig,
    ProbesSettings,
    Run,
    RunConfig,
    SaturationSettings,
    Settings,
    SimilaritySettings,
    SpectrumSettings,
    TrainingConfig,
)
from rflib.errors import UsageError, unknown
from rflib.study.control_plans import ControlPlan, ReadingPlan, Seeds
from rflib.study.optimiser_plans import CurvaturePlan, OptimiserPlan
from rflib.study.store.places import project_root
from rflib.study.thesis_plans import NoisePlan, RedundancyPlan

RoleName = Literal["small_images", "large_images"]
Kernels = tuple[PositiveInt, ...]
# Not a file: what the committed results hold (rflib.study.published).
PUBLISHED = "published"
PRINTED_EPOCHS = TrainingConfig().epochs
Rates = Annotated[tuple[Annotated[float, Field(ge=0, lt=1)], ...], Field(min_length=1)]


# The families that the abstract names, as far as torchvision has them, and the others that are known best.
REFINED_NETWORKS = (
    *("vgg16", "vgg19", "resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "densenet121", "googlenet"),
    *("inception_v3", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "mnasnet0_5"),
    *("mnasnet1_0", "shufflenet_v2_x1_0", "efficientnet_b0", "efficientnet_v2_s", "regnet_x_400mf", "regnet_y_400mf"),
    "convnext_tiny",
)


class WidthPlan(Settings):
    """Table 8: multiples of the profile's width, and the shallower network beside the deep one."""

    architecture: Architecture = "rf_resnet50"
    multiples: tuple[float, ...] = (1.0, 2.0, 3.0)
    pool_kernels: Kernels = (3, 13, 30)
    shallow_architecture: Architecture = "rf_resnet26"
    shallow_pool_kernels: Kernels = ()


class ProtocolPlan(Settings):
    """The first epochs of the protocol as printed, clipped by norm, by value and not at all."""

    architecture: Architecture = "rf_vgg19"
    pool_kernels: Kernels = (2,)
    epochs: PositiveInt = 6
    clippings: tuple[Literal["norm", "value", "none"], ...] = ("norm", "value", "none")


class DoubledPlan(Settings):
    """Figure 3: runs of twice the epochs, with T_max as printed and with T_max doubled as well."""

    architecture: Architecture = "rf_resnet50"
    pool_kernels: Kernels = (4,)


class VariantPlan(Settings):
    """Other ways to set the field: pool dilation, maps of constant size by padding, or without shrinking.

    A dilated pool has a wider window, so it takes its own kernels: at 4 it leaves 32 pixels too few for a VGG.
    """

    architecture: Architecture = "rf_vgg19"
    pool_kernels: Kernels = (2, 3, 4)
    pool_dilations: Kernels = (2,)
    dilated_pool_kernels: Kernels = (2, 3)
    map_sizes: tuple[Literal["padded", "dilated"], ...] = ("padded", "dilated")


class DeeperPlan(Settings):
    """The networks of "Should You Go Deeper?" whose layers are looked at one by one, and those that are cut as well.

    `seeds` None are the role's. `grid`: the layers of the networks with a pool are probed too, at every kernel.
    """

    architectures: tuple[Architecture, ...]
    truncated: tuple[Architecture, ...] = ()
    seeds: Seeds | None = None
    grid: bool = False
    saturation: SaturationSettings = SaturationSettings()
    probes: ProbesSettings = ProbesSettings()

    @model_validator(mode="after")
    def _check(self) -> Self:
        alone = [name for name in self.truncated if name not in self.architectures]
        if alone:
            raise ValueError(
                f"a truncated network is compared with the whole one: add {', '.join(alone)} to architectures"
            )
        return self


class FieldPlan(Settings):
    """The networks of "Dead Pixel Test Using Effective Receptive Field".

    The field of `architectures` is set beside accuracy and effective field, on images as they are and `mirrored`;
    `padded` are trained with kernel padding too, on classes and on shifts; `scaled_architecture` changes width and
    cardinality alone.
    """

    architectures: tuple[Architecture, ...]
    padded: tuple[Architecture, ...] = ("resnet18",)
    scaled_architecture: Architecture = "rf_resnet26"
    scaled_pool_kernel: PositiveInt = 2
    multiples: tuple[float, ...] = (1.0, 2.0)
    cardinalities: tuple[PositiveInt, ...] = (1, 4)
    effective_field: EffectiveFieldSettings = EffectiveFieldSettings()
    mirrored: EffectiveFieldSettings = EffectiveFieldSettings(images=8, mirrored=4)
    pixel_sensitivity: PixelSensitivitySettings = PixelSensitivitySettings()

    @property
    def scales(self) -> list[tuple[float, int]]:
        """Multiples of the width with the first cardinality, and the other cardinalities with the first multiple."""
        wider = [(multiple, self.cardinalities[0]) for multiple in self.multiples]
        return wider + [(self.multiples[0], cardinality) for cardinality in self.cardinalities[1:]]


class RefinementPlan(Settings):
    """The networks of "Receptive Field Refinement": those that are looked at, and those that are trained as well.

    `networks` are torchvision's; `trained` are trained as they are and refined for the side of the role's images.
    """

    networks: tuple[str, ...] = REFINED_NETWORKS
    image_sizes: Kernels = (32, 64, 224)
    trained: tuple[Architecture, ...] = ()
    probes: ProbesSettings = ProbesSettings()


class Role(Settings):
    """One of the paper's two image sizes: the data set that takes the part, its grid and its schedule.

    `found_side_pixels` is the side of the images as a study finds them when it opens the data set. `calibrated` is
    the one-shot pruning that every dense run goes through a second time, with batch-norm statistics re-estimated.
    `initial_spectrum` is taken before training, of seeds that need never be trained. `fine_tuning_seeds` of an
    architecture that is not named are the role's.
    """

    title: str
    data: DataConfig
    found_side_pixels: PositiveInt | None = None
    classes: PositiveInt = 10
    seeds: Seeds
    pool_kernels: dict[Architecture, Kernels]
    large_pool_kernels: Kernels = ()
    training: TrainingConfig
    fine_tuning: TrainingConfig
    fine_tuning_rates: Rates = (0.9,)
    fine_tuning_seeds: dict[Architecture, Seeds] = Field(default={})
    long_fine_tuning_epochs: PositiveInt | None = None
    spectrum: SpectrumSettings | None = None
    spectrum_seeds: Seeds = (0,)
    frozen_spectrum_kernels: Kernels = ()
    initial_spectrum: SpectrumSettings | None = None
    initial_spectrum_seeds: Seeds = (0,)
    similarity: SimilaritySettings | None = None
    protocol: ProtocolPlan | None = None
    widths: WidthPlan | None = None
    doubled: DoubledPlan | None = None
    variants: VariantPlan | None = None
    calibrated: OneShotSettings | None = None
    readings: ReadingPlan | None = None
    controls: ControlPlan | None = None
    deeper: DeeperPlan | None = None
    refinement: RefinementPlan | None = None
    effective_field: FieldPlan | None = None
    noise: NoisePlan | None = None
    redundancy: RedundancyPlan | None = None
    optimisers: OptimiserPlan | None = None
    curvature: CurvaturePlan | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.calibrated is not None and not self.calibrated.calibration_images:
            raise ValueError("calibrated: expected calibration_images of at least 1, found 0; leave it out for none")
        return self

    @property
    def side_pixels(self) -> int:
        """The side of the images that networks see: as found, else as far as the settings tell."""
        return self.found_side_pixels or self.data.side_pixels


class Profile(Settings):
    """One scale of the paper: what `make book PROFILE=name` computes."""

    name: str
    description: str
    width: Annotated[float, Field(gt=0)] = 1.0
    rates: Rates = (0.5, 0.6, 0.7, 0.8, 0.9)
    precision: PrecisionConfig = PrecisionConfig()
    threads: PositiveInt = 1
    small_images: Role | None = None
    large_images: Role | None = None

    @property
    def roles(self) -> dict[RoleName, Role]:
        """The roles that this profile fills."""
        pairs: list[tuple[RoleName, Role | None]] = [
            ("small_images", self.small_images),
            ("large_images", self.large_images),
        ]
        return {name: role for name, role in pairs if role is not None}

    def model(self, role: Role, architecture: str, pool_kernel: int, **changes: Any) -> ModelConfig:
        """Return the settings of one network of this profile."""
        values = {"width": self.width, "classes": role.classes, **changes}
        return ModelConfig.checked({"architecture": architecture, "pool_kernel": pool_kernel, **values})

    def run(self, role: Role, model: ModelConfig, seed: int, *, training: TrainingConfig | None = None) -> Run:
        """Return the dense run of one network and seed."""
        schedule = training or role.training
        values = {"data": role.data, "model": model, "training": schedule, "precision": self.precision}
        config = RunConfig.checked(values, source=f"profile {self.name}")
        return Run(config=config, seed=seed)

    def shifted(self, role: Role, model: ModelConfig, seed: int) -> Run:
        """Return the run of a network that tells by how much the planes of the images are displaced."""
        usual = self.run(role, model.replace(classes=SHIFT_CLASSES), seed)
        changes = {"data": role.data.replace(task="shifts"), "training": role.training.replace(horizontal_flip=False)}
        return usual.replace(config=usual.config.replace(**changes))

    def printed(self, role: Role, model: ModelConfig, seed: int, clipping: str) -> Run:
        """Return the run of the first epochs of the paper's protocol; batches and augmentation are the profile's."""
        plan = role.protocol or ProtocolPlan()
        unstated = {name: getattr(role.training, name) for name in ("batch_size", "crop_padding", "horizontal_flip")}
        printed = TrainingConfig(epochs=plan.epochs, cosine_period_epochs=PRINTED_EPOCHS, **unstated)
        clip = {"gradient_clip": None} if clipping == "none" else {"gradient_clip_by": clipping}
        return self.run(role, model, seed, training=printed.replace(**clip))

    def fine_tuned(self, role: Role, parent: Run, rate: float, *, epochs: int | None = None) -> Run:
        """Return the run that prunes `parent` globally at `rate` and fine-tunes it."""
        training = role.fine_tuning
        if epochs is not None:
            training = training.replace(epochs=epochs, cosine_period_epochs=None)
        config = parent.config.model_copy(
            update={"parent": parent.config, "mask": MaskRecipe(rate=rate), "training": training}
        )
        return Run(config=RunConfig.checked(config.model_dump()), seed=parent.seed)


def profiles_folder() -> Path:
    """Return the folder that holds the profiles."""
    return project_root() / "notebooks" / "profiles"


def profile_names() -> list[str]:
    """Return the names of all profiles, sorted."""
    return sorted(path.stem for path in profiles_folder().glob("*.yml"))


def load_profile(name: str) -> Profile:
    """Return the profile `name`; an unknown name or a faulty file is a `UsageError` that names the fault."""
    path = profiles_folder() / f"{name}.yml"
    if "/" in name or not path.is_file():
        raise unknown("profile", name, [*profile_names(), PUBLISHED])
    try:
        values = yaml.safe_load(path.read_bytes())
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: expected YAML, found: {error}") from None
    if not isinstance(values, dict):
        raise UsageError(f"{path}: expected a mapping of settings, found {type(values).__name__}")
    values = {key: value for key, value in values.items() if not str(key).startswith("_")}
    return Profile.checked({"name": name, **values}, source=str(path))
