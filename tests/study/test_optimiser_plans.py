"""Schedules by optimiser, with epochs counted by hand, and the runs that are shared with the grid."""

from __future__ import annotations

from typing import Any

import pytest

from rflib.config import TrainingConfig
from rflib.errors import UsageError
from rflib.paper.plans.thesis import OptimiserPlan
from rflib.study.overrides import override
from rflib.study.plans import plan
from rflib.study.profiles import Profile

USUAL = TrainingConfig(epochs=10, learning_rate=0.05, gradient_clip=None)
OTHERS: list[dict[str, Any]] = [
    {"optimiser": {"name": "adamw"}, "learning_rate": 0.002},
    {"optimiser": {"name": "sam", "rho": 0.1}},
    {"optimiser": {"name": "adahessian"}, "learning_rate": 0.15},
]


def epochs(schedules: dict[str, TrainingConfig]) -> dict[str, int]:
    return {name: training.epochs for name, training in schedules.items()}


def test_budgets_by_hand() -> None:
    asked = OptimiserPlan.checked({"others": OTHERS})
    equal, paid = (asked.schedules(USUAL, budget) for budget in ("epochs", "evaluations"))
    assert epochs(equal) == {"sgd": 10, "adamw": 10, "sam": 10, "adahessian": 10}
    assert epochs(paid) == {"sgd": 10, "adamw": 10, "sam": 5, "adahessian": 3}, "1, 1, 2 and 3 evaluations a step"
    assert equal["sgd"] is USUAL
    assert paid["sam"].cosine_period_epochs == 5, "the schedule ends where training ends"
    for name, rate in (("adamw", 0.002), ("sam", 0.05), ("adahessian", 0.15)):
        other = equal[name].replace(optimiser=USUAL.optimiser, learning_rate=USUAL.learning_rate)
        assert equal[name].learning_rate == rate
        assert other == USUAL, "nothing else changes"


def test_fewer_epochs_let_dear_optimisers_share_their_runs() -> None:
    asked = OptimiserPlan.checked({"others": OTHERS[1:2], "epochs": 5})
    equal, paid = (asked.schedules(USUAL, budget) for budget in ("epochs", "evaluations"))
    assert (epochs(equal), epochs(paid)) == ({"sgd": 5, "sam": 5}, {"sgd": 10, "sam": 5})
    assert equal["sam"] == paid["sam"]


def test_no_budget_is_below_an_epoch_and_a_schedule_of_its_own_replaces_the_usual() -> None:
    own = {"others": OTHERS, "training": {"epochs": 1, "learning_rate": 0.3}}
    paid = OptimiserPlan.checked(own).schedules(USUAL, "evaluations")
    assert set(epochs(paid).values()) == {1}
    assert paid["sam"].learning_rate == 0.3


def test_an_optimiser_is_compared_once() -> None:
    for names in (["sam", "sam"], ["sgd"]):
        with pytest.raises(UsageError, match=rf"compared once, and sgd is the schedule's own: found {names[0]} twice"):
            OptimiserPlan.checked({"others": [{"optimiser": {"name": name}} for name in names]})


@pytest.fixture
def compared(profile: Profile) -> Profile:
    role = profile.roles["small_images"].replace(
        optimisers=OptimiserPlan.checked({"others": OTHERS, "pool_kernels": [2], "epochs": 1})
    )
    return profile.replace(small_images=role)


def test_sgd_at_equal_evaluations_is_the_grid(compared: Profile) -> None:
    grid = {run.id for item in plan("accuracy-and-pruning", compared) for run in item.key.runs}
    items = [item for item in plan("optimisers-and-prunability", compared) if item.purpose == "equal_evaluations"]
    own = {run.id for item in items for run in item.key.runs if run.config.training.optimiser.name == "sgd"}
    assert own == grid


def test_epochs_of_a_reader_hold_for_both_budgets(compared: Profile) -> None:
    role = override(compared, {"epochs": 6}).roles["small_images"]
    assert role.optimisers is not None
    assert epochs(role.optimisers.schedules(role.training, "epochs"))["sam"] == 6
    assert epochs(role.optimisers.schedules(role.training, "evaluations"))["adahessian"] == 2
    own = OptimiserPlan.checked({"others": OTHERS, "training": {"epochs": 9, "cosine_period_epochs": 9}})
    changed = compared.replace(small_images=compared.roles["small_images"].replace(optimisers=own))
    found = override(changed, {"epochs": 4}).roles["small_images"].optimisers
    assert found is not None
    assert found.training is not None
    assert (found.training.epochs, found.training.cosine_period_epochs) == (4, 4)
