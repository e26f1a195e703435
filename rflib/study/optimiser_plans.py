"""What profiles say of the chapters on optimisers and on curvature by width."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, PositiveInt, model_validator

from rflib.config import Architecture, OptimiserConfig, Settings, SharpnessSettings, SpectrumSettings, TrainingConfig

Kernels = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
Budget = Literal["epochs", "evaluations"]
BUDGETS: tuple[Budget, ...] = get_args(Budget)


class OptimiserChoice(Settings):
    """An optimiser of the comparison and its learning rate; None is that of the schedule."""

    optimiser: OptimiserConfig
    learning_rate: Annotated[float, Field(gt=0)] | None = None


class OptimiserPlan(Settings):
    """Networks trained by several optimisers, compared at equal epochs and at equal gradient evaluations.

    `training` is SGD's schedule (None: the role's, and its runs those of the grid); the `others` change optimiser and
    learning rate alone. `epochs` are those of the comparison at equal epochs (None: the schedule's); at equal
    evaluations each may take as many as the schedule does. Sharpness is measured at equal epochs.
    """

    architecture: Architecture = "rf_vgg19"
    pool_kernels: Kernels = (2, 4)
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


class CurvaturePlan(Settings):
    """Spectra and accuracy by width: multiples of the profile's width at several fields."""

    architecture: Architecture = "rf_resnet50"
    multiples: Annotated[tuple[float, ...], Field(min_length=1)] = (1.0, 2.0, 3.0)
    pool_kernels: Kernels = (3, 13, 30)
    spectrum: SpectrumSettings = SpectrumSettings(eigenvalues=10)


def _lasting(training: TrainingConfig, epochs: int) -> TrainingConfig:
    """Return a schedule over so many epochs; one that lasts as long already is left as it is."""
    return training if epochs == training.epochs else training.replace(epochs=epochs, cosine_period_epochs=None)
