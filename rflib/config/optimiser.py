"""The setting of the optimiser: one name, and the options that belong to it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, PositiveInt, model_validator

from rflib.config.settings import NotNegative, Positive, Settings, Share

_Value = TypeVar("_Value")
# None where it does not belong to the optimiser, and left out of the identity there.
_Option = Annotated[_Value | None, Field(exclude_if=lambda value: value is None)]

_SGD = {"momentum": 0.9, "weight_decay": 5e-5, "nesterov": False}
# The options of each optimiser with their defaults: SGD as in the paper, the others as in torch, in Foret et al. (2021,
# SAM), Kwon et al. (2021, ASAM on CIFAR-10), Yao et al. (2021, AdaHessian) and pytorch_optimizer (SOAP).
_OPTIONS: dict[str, dict[str, Any]] = {
    "sgd": _SGD,
    "adamw": {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01},
    "sam": _SGD | {"rho": 0.05},
    "asam": _SGD | {"rho": 0.5},
    "adahessian": {
        "betas": (0.9, 0.999),
        "eps": 1e-4,
        "weight_decay": 5e-4,
        "hessian_power": 1.0,
        "probes": 1,
        "spatial_averaging": True,
        "update_interval": 1,
    },
    "soap": {
        "betas": (0.95, 0.95),
        "eps": 1e-8,
        "weight_decay": 0.01,
        "update_interval": 10,
        "largest_dimension": 10_000,
    },
}


class OptimiserConfig(Settings):
    """An optimiser and its options: stochastic gradient descent as the paper prints it, or another.

    SAM and ASAM move to the worst point within `rho` and take SGD's step with the gradient found there. AdaHessian
    estimates the Hessian's diagonal from `probes` random vectors every `update_interval` steps, with
    `spatial_averaging` over each convolution kernel; SOAP renews its eigenbases every `update_interval` steps and
    leaves dimensions beyond `largest_dimension` unrotated. Weight decay adds to the gradient where there is momentum,
    and shrinks the weights directly in AdamW, AdaHessian and SOAP. An option left out takes the optimiser's default.
    """

    name: Literal["sgd", "adamw", "sam", "asam", "adahessian", "soap"] = "sgd"
    momentum: _Option[Share] = None
    nesterov: _Option[bool] = None
    weight_decay: _Option[NotNegative] = None
    rho: _Option[Positive] = None
    betas: _Option[tuple[Share, Share]] = None
    eps: _Option[Positive] = None
    hessian_power: _Option[Annotated[float, Field(gt=0.0, le=1.0)]] = None
    probes: _Option[PositiveInt] = None
    spatial_averaging: _Option[bool] = None
    update_interval: _Option[PositiveInt] = None
    largest_dimension: _Option[PositiveInt] = None

    @model_validator(mode="after")
    def _resolve(self) -> Self:
        allowed = _OPTIONS[self.name]
        foreign = [name for name, value in self if value is not None and name not in {"name", *allowed}]
        if foreign:
            raise ValueError(
                f"'{self.name}' has no option {', '.join(foreign)}: expected only {', '.join(allowed)}; leave out the "
                "others, or choose the optimiser that they belong to"
            )
        self._derive(**allowed)
        return self

    @property
    def options(self) -> dict[str, Any]:
        """The options that belong to the optimiser, with their values."""
        return {name: getattr(self, name) for name in _OPTIONS[self.name]}

    @property
    def gradient_evaluations(self) -> float:
        """Gradient evaluations a step; one is a forward and a backward pass over the batch.

        SAM and ASAM take two. A Hessian-vector product is the backward pass of a whole evaluation, and a backward pass
        costs twice what it differentiates, so that each counts two. SOAP's decompositions are none and are not counted.
        """
        if self.name == "adahessian":
            return 1 + 2 * self.options["probes"] / self.options["update_interval"]
        return 2 if self.name in ("sam", "asam") else 1
