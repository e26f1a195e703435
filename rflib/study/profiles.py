"""Profiles: the data, grids and schedules of one scale of the paper, read from `notebooks/profiles/*.yml`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, PositiveInt, create_model, model_validator

from rflib.config import (
    Architecture,
    DataConfig,
    MaskRecipe,
    ModelConfig,
    OneShotSettings,
    PrecisionConfig,
    Run,
    RunConfig,
    Settings,
    SimilaritySettings,
    SpectrumSettings,
    TrainingConfig,
)
from rflib.errors import UsageError, unknown
from rflib.study.blocks import Block, Kernels, Seeds
from rflib.study.store.places import project_root

RoleName = Literal["small_images", "large_images"]
# Not a file: what the committed results hold (rflib.study.published).
PUBLISHED = "published"
Rates = Annotated[tuple[Annotated[float, Field(ge=0, lt=1)], ...], Field(min_length=1)]


# Whoever brings chapters says here what a role may hold of them.
PAPER = "rflib.paper.plans"
_BLOCKS: dict[str, type[Block]] = importlib.import_module(PAPER).BLOCKS
_FIELDS: Any = {name: (kind | None, None) for name, kind in _BLOCKS.items()}
_Blocks: Any = create_model("_Blocks", __base__=Settings, **_FIELDS)


class Role(_Blocks):
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
    calibrated: OneShotSettings | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.calibrated is not None and not self.calibrated.calibration_images:
            raise ValueError("calibrated: expected calibration_images of at least 1, found 0; leave it out for none")
        return self

    @property
    def blocks(self) -> dict[str, Block]:
        """What the role says of chapters, by the name of the block."""
        found = {name: getattr(self, name) for name in _BLOCKS}
        return {name: block for name, block in found.items() if block is not None}

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
