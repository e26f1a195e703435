"""A reader's parameters in the place of a profile's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rflib.errors import UsageError
from rflib.paper.plans import DeeperPlan
from rflib.study.overrides import override
from rflib.study.profiles import Profile, Role


def role_of(profile: Profile) -> Role:
    return profile.roles["small_images"]


@pytest.mark.parametrize(
    ("values", "found", "expected"),
    [
        ({"rates": [0.25]}, lambda p: p.rates, (0.25,)),
        ({"width": 0.5}, lambda p: p.width, 0.5),
        ({"pool_kernels": [1, 3]}, lambda p: role_of(p).pool_kernels, {"rf_vgg19": (1, 3)}),
        ({"architectures": ["rf_resnet26"]}, lambda p: role_of(p).pool_kernels, {"rf_resnet26": (2,)}),
        (
            {"pool_kernels": [1], "architectures": ["rf_vgg19", "rf_resnet50"]},
            lambda p: role_of(p).pool_kernels,
            {"rf_vgg19": (1,), "rf_resnet50": (1,)},
        ),
        ({"seeds": [4, 7]}, lambda p: (role_of(p).seeds, role_of(p).spectrum_seeds), ((4, 7), (4, 7))),
        ({"epochs": 9}, lambda p: role_of(p).training.epochs, 9),
        ({"epochs": 9}, lambda p: role_of(p).training.cosine_period_epochs, 9),
        ({"learning_rate": 0.5}, lambda p: role_of(p).training.learning_rate, 0.5),
        ({"fine_tuning_epochs": 6}, lambda p: role_of(p).fine_tuning.epochs, 6),
        ({"fine_tuning_epochs": 6}, lambda p: role_of(p).fine_tuning.cosine_period_epochs, 6),
        ({"eigenvalues": 5}, lambda p: role_of(p).spectrum.eigenvalues, 5),
    ],
)
def test_each_parameter(
    profile: Profile, values: dict[str, Any], found: Callable[[Profile], Any], expected: Any
) -> None:
    changed = override(profile, values)
    assert found(changed) == expected
    assert found(profile) != expected


def test_a_readers_seeds_are_those_of_every_plan(profile: Profile) -> None:
    plan = DeeperPlan(architectures=("vgg11",), seeds=(0,))
    with_plan = profile.replace(small_images=role_of(profile).replace(deeper=plan))
    for values, seeds in (({"seeds": [4, 7]}, None), ({"epochs": 9}, (0,))):
        changed = role_of(override(with_plan, values)).deeper
        assert changed is not None
        assert changed.seeds == seeds


def test_none_keeps_the_profile(profile: Profile) -> None:
    assert override(profile, {"rates": None, "seeds": None, "epochs": None}) == profile
    assert override(profile, {}) == profile


def test_one_parameter_changes_nothing_else(profile: Profile) -> None:
    changed = override(profile, {"learning_rate": 0.5})
    role = role_of(profile)
    expected = role.replace(training=role.training.replace(learning_rate=0.5))
    assert changed == profile.replace(small_images=expected)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pool_kernel": [1]}, r"unknown parameter 'pool_kernel': expected one of .*Did you mean 'pool_kernels'\?"),
        ({"rates": [0.5, 1.0]}, r"parameters: 'rates\.1': expected less than 1, found 1\.0"),
        ({"rates": [-0.1]}, r"parameters: 'rates\.0': expected greater than or equal to 0, found -0\.1"),
        ({"rates": []}, r"'rates': .*at least 1 item"),
        ({"width": 0}, r"'width': expected greater than 0, found 0"),
        ({"pool_kernels": []}, r"pool_kernels: expected at least one, found an empty list"),
        ({"pool_kernels": 2}, r"pool_kernels: expected a list, found 2"),
        ({"pool_kernels": [0]}, r"'small_images\.pool_kernels\.rf_vgg19\.0': expected greater than 0, found 0"),
        ({"architectures": []}, r"architectures: expected at least one, found an empty list"),
        ({"architectures": "rf_vgg19"}, r"architectures: expected a list, found 'rf_vgg19'"),
        ({"architectures": ["rf_resnet5"]}, r"'rf_resnet5'.*Did you mean 'rf_resnet50'\?"),
        ({"seeds": 3}, r"'small_images\.seeds': expected a valid tuple, found 3"),
        ({"seeds": []}, r"'small_images\.seeds': .*at least 1 item"),
        ({"seeds": [-1]}, r"'small_images\.seeds\.0': expected greater than or equal to 0, found -1"),
        ({"epochs": "ten"}, r"'small_images\.training\.epochs': expected a valid integer.*found 'ten'"),
        ({"epochs": -1}, r"'small_images\.training\.epochs': expected greater than or equal to 0, found -1"),
        ({"eigenvalues": 0}, r"'small_images\.spectrum\.eigenvalues': expected greater than 0, found 0"),
    ],
)
def test_a_wrong_value_says_what_was_expected(profile: Profile, values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        override(profile, values)
