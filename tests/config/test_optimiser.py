"""The options of each optimiser: which belong to it, what they change, and what a step of it costs."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from rflib.config import DataConfig, OptimiserConfig, Run, RunConfig, TrainingConfig
from rflib.errors import UsageError

NAMES = get_args(OptimiserConfig.model_fields["name"].annotation)
# For every option a value that is no optimiser's default.
OTHER = {
    "momentum": 0.5,
    "nesterov": True,
    "weight_decay": 0.125,
    "rho": 0.25,
    "betas": (0.5, 0.75),
    "eps": 0.01,
    "hessian_power": 0.5,
    "probes": 3,
    "spatial_averaging": False,
    "update_interval": 7,
    "largest_dimension": 5,
}


def run_with(**optimiser: Any) -> Run:
    training = TrainingConfig(optimiser=OptimiserConfig.checked(optimiser))
    return Run(config=RunConfig(data=DataConfig(name="cifar10"), training=training))


def test_sgd_is_stored_as_it_was_when_it_was_the_only_optimiser() -> None:
    stored = {"name": "sgd", "momentum": 0.9, "weight_decay": 5e-5, "nesterov": False}
    assert OptimiserConfig().model_dump(mode="json") == stored
    assert OptimiserConfig.checked(stored) == OptimiserConfig()
    assert run_with().id == run_with(**stored).id == "a72827de73bc884b"


@pytest.mark.parametrize("name", NAMES)
def test_every_option_of_an_optimiser_changes_the_identity_and_no_other_is_stored(name: str) -> None:
    default = OptimiserConfig(name=name)
    assert default.model_dump().keys() == {"name", *default.options}
    changed = {option: run_with(name=name, **{option: OTHER[option]}) for option in default.options}
    assert len({run_with(name=name).id, *(run.id for run in changed.values())}) == len(changed) + 1
    for run in (run_with(name=name), *changed.values()):
        again = Run.model_validate_json(run.model_dump_json())
        assert (again, again.id) == (run, run.id)


def test_optimisers_have_identities_of_their_own() -> None:
    assert len({run_with(name=name).id for name in NAMES}) == len(NAMES) == 6


@pytest.mark.parametrize("name", NAMES)
def test_an_option_of_another_optimiser_is_refused(name: str) -> None:
    own = OptimiserConfig(name=name).options
    for option in OTHER.keys() - own.keys():
        message = rf"'{name}' has no option {option}: expected only {', '.join(own)}; leave out the others"
        with pytest.raises(UsageError, match=message):
            run_with(name=name, **{option: OTHER[option]})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "adam"}, r"'optimiser\.name': expected 'sgd', 'adamw', 'sam', 'asam', 'adahessian' or 'soap', found"),
        ({"name": "adam"}, r"found 'adam'\. Did you mean 'adamw'\?$"),
        ({"name": "soap", "betas": (0.9, 1.0)}, r"'optimiser\.betas\.1': expected less than 1, found 1\.0"),
        ({"name": "sam", "rho": 0.0}, r"'optimiser\.rho': expected greater than 0, found 0\.0"),
        ({"name": "adamw", "rho": 0.1, "momentum": 0.9}, r"'optimiser': 'adamw' has no option momentum, rho: expected"),
        ({"moment": 0.9}, r"unknown setting 'optimiser\.moment'\. Did you mean 'momentum'\?"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TrainingConfig.checked({"optimiser": values})


def test_adahessian_refuses_a_compiled_network() -> None:
    values = run_with(name="adahessian").config.model_dump() | {"precision": {"compile": True}}
    with pytest.raises(UsageError, match=r"adahessian differentiates the backward pass.* precision\.compile false"):
        RunConfig.checked(values)


@pytest.mark.parametrize(
    ("values", "evaluations"),
    [
        ({}, 1),
        ({"name": "adamw"}, 1),
        ({"name": "soap"}, 1),
        ({"name": "sam"}, 2),
        ({"name": "asam"}, 2),
        ({"name": "adahessian"}, 3),
        ({"name": "adahessian", "update_interval": 4}, 1.5),
        ({"name": "adahessian", "probes": 2}, 5),
    ],
)
def test_gradient_evaluations_of_a_step(values: dict[str, Any], evaluations: float) -> None:
    assert OptimiserConfig.checked(values).gradient_evaluations == evaluations
