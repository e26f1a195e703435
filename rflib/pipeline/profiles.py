"""Profiles: the data, grids and schedules of one scale of the paper, read from `notebooks/profiles/*.yml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, PositiveInt, model_validator

from rflib.config import (
    Architecture,
    DataConfig,
    MaskRecipe,
    ModelConfig,
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
from rflib.store.places import project_root

RoleName = Literal["small_images", "large_images"]
Kernels = tuple[PositiveInt, ...]
Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
# Not a file: what the committed results hold (rflib.pipeline.published).
PUBLISHED = "published"
PRINTED_EPOCHS = TrainingConfig().epochs
Rates = Annotated[tuple[Annotated[float, Field(ge=0, lt=1)], ...], Field(min_length=1)]


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
    """The networks of "Should You Go Deeper?" whose layers are looked at one by one, and those that are cut as well."""

    architectures: tuple[Architecture, ...]
    truncated: tuple[Architecture, ...] = ()
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


class Role(Settings):
    """One of the paper's two image sizes: the data set that takes the part, its grid and its schedule.

    `found_side_pixels` is the side of the images as a study finds them when it opens the data set.
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
    long_fine_tuning_epochs: PositiveInt | None = None
    spectrum: SpectrumSettings | None = None
    spectrum_seeds: Seeds = (0,)
    frozen_spectrum_kernels: Kernels = ()
    similarity: SimilaritySettings | None = None
    protocol: ProtocolPlan | None = None
    widths: WidthPlan | None = None
    doubled: DoubledPlan | None = None
    variants: VariantPlan | None = None
    deeper: DeeperPlan | None = None

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
