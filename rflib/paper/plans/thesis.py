"""What the chapters after the thesis on prunability measure: on the paper's grid, by optimiser, and by width."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

from pydantic import Field, PositiveInt, model_validator

from rflib.config import (
    Architecture,
    DeepPruningSettings,
    FeatureVarianceSettings,
    HistorySettings,
    MaskRecipe,
    MeasurementKey,
    NoiseRecipe,
    NoiseSettings,
    OptimiserConfig,
    RedundancySettings,
    Run,
    Settings,
    SharpnessSettings,
    SpectrumSettings,
    TrainingConfig,
)
from rflib.study.blocks import Block, GridPart
from rflib.study.items import Item, Plan, grid, trained

if TYPE_CHECKING:
    from rflib.study.profiles import Profile, Role, RoleName


_SomeKernels = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
Budget = Literal["epochs", "evaluations"]
BUDGETS: tuple[Budget, ...] = get_args(Budget)


class NoisePlan(Block):
    """Noise before pruning, on the dense runs of a part of the grid; `pool_kernels` None are all of it.

    The noise `fine_tuned` is fine-tuned as well, at every rate at which the role fine-tunes.
    """

    pool_kernels: GridPart | None = None
    noise: NoiseSettings = NoiseSettings()
    calibration_images: PositiveInt = 1000
    variance: FeatureVarianceSettings = FeatureVarianceSettings()
    fine_tuned: tuple[NoiseRecipe, ...] = (NoiseRecipe(),)


class RedundancyPlan(Block):
    """What is redundant in deep layers, on the dense runs of a part of the grid; `pool_kernels` None are all of it.

    The best field is looked for below the grid too: at k = 1 with so many `omitted_downsamplings`.
    """

    pool_kernels: GridPart | None = None
    omitted_downsamplings: GridPart = Field(default={})
    redundancy: RedundancySettings = RedundancySettings()
    deep_pruning: DeepPruningSettings = DeepPruningSettings()


class OptimiserChoice(Settings):
    """An optimiser of the comparison and its learning rate; None is that of the schedule."""

    optimiser: OptimiserConfig
    learning_rate: Annotated[float, Field(gt=0)] | None = None


class OptimiserPlan(Block):
    """Networks trained by several optimisers, compared at equal epochs and at equal gradient evaluations.

    `training` is SGD's schedule (None: the role's, and its runs those of the grid); the `others` change optimiser and
    learning rate alone. `epochs` are those of the comparison at equal epochs (None: the schedule's); at equal
    evaluations each may take as many as the schedule does. Sharpness is measured at equal epochs.
    """

    architecture: Architecture = "rf_vgg19"
    pool_kernels: _SomeKernels = (2, 4)
    training: TrainingConfig | None = None
    others: Annotated[tuple[OptimiserChoice, ...], Field(min_length=1)]
    epochs: PositiveInt | None = None
    sharpness: SharpnessSettings = SharpnessSettings()

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = ["sgd", *(each.optimiser.name for each in self.others)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"each optimiser is compared once, and sgd is the schedule's own: found {twice[0]} twice")
        return self

    def schedules(self, usual: TrainingConfig, budget: Budget) -> dict[str, TrainingConfig]:
        """Return the training of each optimiser, SGD first, where `usual` is the role's; at least one epoch each."""
        schedule = self.training or usual
        found = {schedule.optimiser.name: schedule}
        for each in self.others:
            rate = each.learning_rate or schedule.learning_rate
            found[each.optimiser.name] = schedule.replace(optimiser=each.optimiser, learning_rate=rate)
        return {name: _lasting(training, self._epochs(training, budget)) for name, training in found.items()}

    def _epochs(self, training: TrainingConfig, budget: Budget) -> int:
        if budget == "epochs":
            return self.epochs or training.epochs
        return max(1, round(training.epochs / training.optimiser.gradient_evaluations))

    def overridden(self, parameter: str, value: Any) -> Self:
        """Let every schedule last for so many epochs."""
        if parameter != "epochs":
            return self
        return self.replace(epochs=None, training=self.training and _lasting(self.training, value))


class CurvaturePlan(Block):
    """Spectra and accuracy by width: multiples of the profile's width at several fields."""

    architecture: Architecture = "rf_resnet50"
    multiples: Annotated[tuple[float, ...], Field(min_length=1)] = (1.0, 2.0, 3.0)
    pool_kernels: _SomeKernels = (3, 13, 30)
    spectrum: SpectrumSettings = SpectrumSettings(eigenvalues=10)


def noise(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Noise before pruning: among all weights, among live ones, with new batch-norm statistics, and fine-tuned."""
    if role.noise is None:
        return
    plan = role.noise
    sweeps = {
        "noise": plan.noise,
        "noise_live": plan.noise.replace(scope="live"),
        "noise_calibrated": plan.noise.replace(calibration_images=plan.calibration_images),
        "variance": plan.variance,
        "variance_live": plan.variance.replace(scope="live"),
    }
    for run in _chosen(profile, role, plan.pool_kernels):
        for purpose, settings in sweeps.items():
            yield Item(MeasurementKey.of(settings, run), name, purpose)
        for rate in role.fine_tuning_rates if plan.fine_tuned else ():
            plain = profile.fine_tuned(role, run, rate)
            yield Item(MeasurementKey.of(HistorySettings(), plain), name, "fine_tuned")
            for recipe in plan.fine_tuned:
                config = plain.config.replace(mask=MaskRecipe(rate=rate, noise=recipe))
                noisy = plain.replace(config=config)
                yield Item(MeasurementKey.of(HistorySettings(), noisy), name, "noisy_fine_tuned")


def redundancy(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Saturation and filters of every layer, dense and pruned, and what pruning the deep layers alone costs.

    Beside them networks with fields below those of the grid, trained and pruned.
    """
    if role.redundancy is None:
        return
    plan = role.redundancy
    for run in _chosen(profile, role, plan.pool_kernels):
        yield Item(MeasurementKey.of(plan.redundancy, run), name, "redundancy")
        yield Item(MeasurementKey.of(plan.redundancy.replace(scope="live"), run), name, "redundancy_live")
        yield Item(MeasurementKey.of(plan.deep_pruning, run), name, "deep_pruning")
    for architecture, counts in plan.omitted_downsamplings.items():
        for omitted in counts:
            model = profile.model(role, architecture, 1, omitted_downsamplings=omitted)
            for seed in role.seeds:
                yield from trained(profile, name, role, profile.run(role, model, seed), "smaller_fields")


def optimisers(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Networks of every optimiser at equal epochs and at equal evaluations, pruned; their sharpness at equal epochs."""
    if role.optimisers is None:
        return
    plan = role.optimisers
    for budget in BUDGETS:
        purpose = f"equal_{budget}"
        for kernel in plan.pool_kernels:
            model = profile.model(role, plan.architecture, kernel)
            for training in plan.schedules(role.training, budget).values():
                for seed in role.seeds:
                    run = profile.run(role, model, seed, training=training)
                    yield from trained(profile, name, role, run, purpose)
                    if budget == "epochs":
                        yield Item(MeasurementKey.of(plan.sharpness, run), name, purpose)


def curvature(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Accuracy, training loss and spectra, before and after training, of several widths at several fields."""
    if role.curvature is None:
        return
    plan = role.curvature
    for multiple in plan.multiples:
        for kernel in plan.pool_kernels:
            model = profile.model(role, plan.architecture, kernel, width=profile.width * multiple)
            for seed in role.seeds:
                run = profile.run(role, model, seed)
                yield from trained(profile, name, role, run, "curvature")
                for checkpoint in ("initial", "last"):
                    spectrum = plan.spectrum.replace(checkpoint=checkpoint)
                    yield Item(MeasurementKey.of(spectrum, run), name, "curvature")


def _chosen(profile: Profile, role: Role, part: GridPart | None) -> Iterator[Run]:
    """Yield the dense runs of a part of the grid, None for all."""
    for run in grid(profile, role):
        model = run.config.model
        if part is None or model.pool_kernel in part.get(model.architecture, ()):
            yield run


def _lasting(training: TrainingConfig, epochs: int) -> TrainingConfig:
    """Return a schedule over so many epochs; one that lasts as long already is left as it is."""
    return training if epochs == training.epochs else training.replace(epochs=epochs, cosine_period_epochs=None)
